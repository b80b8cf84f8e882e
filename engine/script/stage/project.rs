//! The project as scripts see it.

use std::sync::Arc;

use rhai::plugin::*;

use crate::run::Run;

/// The project of a run.
#[derive(Clone)]
pub struct Project(pub Arc<Run>);

/// What scripts may ask of the project.
#[export_module]
pub mod project {
    use rhai::{Array, Dynamic};

    use super::Project;
    use crate::run::Image;
    use crate::script::{RhaiResultOf, StageError};

    /// The selected images, bases before what is built from them and else in the order of `devspace.yaml`.
    ///
    /// # Example
    /// ```rhai
    /// fn names(project) { project.images.map(|image| image.name) }
    /// ```
    #[rhai_fn(get = "images", pure)]
    pub fn images(project: &mut Project) -> Array {
        let run = &project.0;
        let configs = run.selected().iter().filter_map(|name| run.project.images.get(name));
        configs.map(|config| Dynamic::from(Image::new(run, config))).collect()
    }

    /// The image called `name` in `devspace.yaml`, selected or not.
    ///
    /// # Errors
    /// `image::unknown`, with the nearest name.
    ///
    /// # Example
    /// ```rhai
    /// fn build(project) { [build_image(project.image("api"))] }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn image(project: &mut Project, name: &str) -> RhaiResultOf<Image> {
        let run = &project.0;
        match run.project.images.get(name) {
            Some(config) => Ok(Image::new(run, config)),
            None => Err(StageError::from(run.unknown_image(name)).into()),
        }
    }

    /// The active profiles, in the order in which they were applied.
    #[rhai_fn(get = "profiles", pure)]
    pub fn profiles(project: &mut Project) -> Array {
        project.0.project.profiles.iter().map(|profile| profile.clone().into()).collect()
    }

    /// The project's folder, absolute.
    #[rhai_fn(get = "root", pure)]
    pub fn root(project: &mut Project) -> String {
        project.0.project.root.display().to_string()
    }

    /// `--namespace`, or `()`.
    #[rhai_fn(get = "namespace", pure)]
    pub fn namespace(project: &mut Project) -> Dynamic {
        project.0.project.namespace.clone().map_or(Dynamic::UNIT, Into::into)
    }

    /// `--kube-context`, or `()`.
    #[rhai_fn(get = "kube_context", pure)]
    pub fn kube_context(project: &mut Project) -> Dynamic {
        project.0.project.kube_context.clone().map_or(Dynamic::UNIT, Into::into)
    }
}
