//! The project as scripts see it.

use std::sync::Arc;

use rhai::plugin::*;

use crate::run::{Image, Run};
use crate::script::Execution;

/// The project of a run.
#[derive(Clone)]
pub struct ScriptProject(pub Arc<Execution>);

/// The properties of the project, and stages for it.
#[export_module]
pub mod project {
    use std::sync::Arc;

    use rhai::{Array, Dynamic, Map};

    use super::ScriptProject;
    use crate::error::StageError;
    use crate::run::Image;
    use crate::script::dependency_builds::build_all;
    use crate::script::{Execution, RhaiResultOf};

    /// The selected images in the order of `devspace.yaml`, but base images before the images built from them.
    ///
    /// # Example
    /// ```rhai
    /// fn names(project) { project.images.map(|image| image.name) }
    /// ```
    #[rhai_fn(get = "images", pure)]
    pub fn images(project: &mut ScriptProject) -> Array {
        let run = &project.0.run;
        let configs = run.selected().iter().filter_map(|name| run.project.images.get(name));
        configs.map(|config| Dynamic::from(Image::new(run, config))).collect()
    }

    /// The image `name` of `devspace.yaml`, selected or not; `auth.api` is the image `api` of the dependency `auth`.
    ///
    /// # Errors
    /// `image::unknown`, with the most similar name.
    ///
    /// # Example
    /// ```rhai
    /// fn build(project) { [build_image(project.image("api"))] }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn image(project: &mut ScriptProject, name: &str) -> RhaiResultOf<Image> {
        let run = &project.0.run;
        match run.project.images.get(name) {
            Some(config) => Ok(Image::new(run, config)),
            None => match super::image_of_dependency(run, name) {
                Some(image) => Ok(image),
                None => Err(StageError::from(run.unknown_image(name)).into()),
            },
        }
    }

    /// The dependencies of the project: a map of projects by their names in `devspace.yaml`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) {
    ///     for name in project.dependencies.keys() { print(name); }
    /// }
    /// ```
    #[rhai_fn(get = "dependencies", pure)]
    pub fn dependencies(project: &mut ScriptProject) -> Map {
        let dependencies = project.0.dependencies.iter();
        let project = |execution: &Arc<Execution>| Dynamic::from(ScriptProject(Arc::clone(execution)));
        dependencies.map(|(name, dependency)| (name.as_str().into(), project(dependency))).collect()
    }

    /// Builds the dependencies of the project in parallel, each with its own `build` and once per run. Skips those that
    /// the command line excludes.
    ///
    /// # Errors
    /// `run::failed` if one fails; each failure is reported separately.
    ///
    /// # Example
    /// ```rhai
    /// fn release(project) {
    ///     build_dependencies(project);
    ///     parallel(project.images, |image| build_image(image));
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn build_dependencies(project: ScriptProject) -> RhaiResultOf<()> {
        Ok(build_all(&project.0)?)
    }

    /// The active profiles, in the order in which they were applied.
    #[rhai_fn(get = "profiles", pure)]
    pub fn profiles(project: &mut ScriptProject) -> Array {
        project.0.run.project.profiles.iter().map(|profile| profile.clone().into()).collect()
    }

    /// The absolute path of the project directory.
    #[rhai_fn(get = "root", pure)]
    pub fn root(project: &mut ScriptProject) -> String {
        project.0.run.project.root.display().to_string()
    }

    /// The value of `--namespace`, or `()`.
    #[rhai_fn(get = "namespace", pure)]
    pub fn namespace(project: &mut ScriptProject) -> Dynamic {
        project.0.run.project.namespace.clone().map_or(Dynamic::UNIT, Into::into)
    }

    /// The value of `--kube-context`, or `()`.
    #[rhai_fn(get = "kube_context", pure)]
    pub fn kube_context(project: &mut ScriptProject) -> Dynamic {
        project.0.run.project.kube_context.clone().map_or(Dynamic::UNIT, Into::into)
    }
}

/// The image for `auth.api`: `api` of the dependency `auth`.
fn image_of_dependency(run: &Run, name: &str) -> Option<Image> {
    run.links().dependencies.iter().find_map(|(own, run)| {
        let image = name.strip_prefix(own.as_str())?.strip_prefix('.')?;
        match run.project.images.get(image) {
            Some(config) => Some(Image::new(run, config)),
            None => image_of_dependency(run, image),
        }
    })
}
