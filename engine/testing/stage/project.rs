//! The project of a test.

use rhai::plugin::*;

/// The project of a test, and its outcomes.
#[export_module]
pub mod project {
    use rhai::{Array, Map};

    use super::super::bench;
    use crate::script::RhaiResultOf;
    use crate::script::stage::ScriptProject;
    use crate::testing::projects::ProjectOptions;

    /// The project with the nearest `devspace.yaml` above the test, with the overrides of its directory.
    ///
    /// It is loaded on the in-memory host of the test: variables of your shell and saved answers do not count, and the
    /// recorded builds are removed after the test.
    ///
    /// # Errors
    /// If the configuration or an override is invalid.
    ///
    /// # Example
    /// ```rhai
    /// fn test_every_image_is_built() {
    ///     build(project());
    ///     assert_eq(calls("build").len(), project().images.len());
    /// }
    /// ```
    #[rhai_fn(name = "project", return_raw)]
    pub fn plain_project() -> RhaiResultOf<ScriptProject> {
        Ok(ScriptProject(bench()?.load(&ProjectOptions::default())?.execution))
    }

    /// The project with options, a map of:
    ///
    /// - `profile` or `profiles`: the profiles, a string or a list of strings
    /// - `vars`: variables, a map
    /// - `images`: the selected images, a list
    /// - `skip_push`, `force_build`, `keep_going`: `true`, like the flags of `windlass build`
    /// - `tag`: a tag, or a list of tags, for every image
    /// - `deployments`: the selected deployments, a list
    /// - `skip_build`, `force_deploy`: `true`, like the flags of `windlass deploy`; `wait: false`, like `--wait=false`
    /// - `namespace`: the namespace of deployments without their own, like `--namespace`
    /// - `skip_pipeline`, `terminal`: `true`, like the flags of `windlass dev`
    /// - `script`: the source of additional overrides
    /// - `files`: files of the project, a map from paths to contents; the test then works on a copy
    /// - `config`: the content of a `devspace.yaml`, for a separate project that has only `files`
    ///
    /// # Errors
    /// If the options, the configuration or an override is invalid.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_changed_file_is_built_again() {
    ///     let config = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n";
    ///     let files = #{ "Dockerfile": "FROM scratch\nCOPY main.go /\n", "main.go": "one" };
    ///     build(project(#{ config: config, files: files }));
    ///     build(project(#{ files: #{ "main.go": "two" } }));
    ///     assert_eq(calls("build"), ["api", "api"]);
    /// }
    /// ```
    #[rhai_fn(name = "project", return_raw)]
    pub fn project_with(options: Map) -> RhaiResultOf<ScriptProject> {
        Ok(ScriptProject(bench()?.load(&super::wanted(&options)?)?.execution))
    }

    /// The outcome of each image of `project`, by name: maps with `outcome` (`built`, `skipped`, `failed`,
    /// `cancelled`), `reason`, `tags` and `pushed`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_nothing_is_pushed_without_being_asked() {
    ///     let project = project(#{ skip_push: true });
    ///     build(project);
    ///     for outcome in outcomes(project).values() { assert(!outcome.pushed); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn outcomes(project: ScriptProject) -> RhaiResultOf<Map> {
        let entry = |result: &crate::event::ImageResult| {
            let value = serde_json::json!({
                "outcome": result.outcome,
                "reason": result.reason,
                "tags": result.tags,
                "pushed": result.pushed,
            });
            Ok((result.image.as_str().into(), rhai::serde::to_dynamic(value)?))
        };
        let entries: RhaiResultOf<Map> = project.0.run.progress.results.all().iter().map(entry).collect();
        entries
    }

    /// The images that `windlass dev` builds after the file `path` was saved: those that read it and that `reloads` accepts.
    /// Call `dev(project)` first, which plans the images and syncs the directories; `reload(project)` builds what
    /// changed.
    ///
    /// # Errors
    /// `test::not_planned` before an image was planned.
    ///
    /// # Example
    /// ```rhai
    /// fn test_the_dockerfile_is_followed() {
    ///     let config = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n";
    ///     let project = project(#{ config: config, files: #{ "Dockerfile": "FROM scratch\n" } });
    ///     dev(project);
    ///     assert_eq(reloaded(project, "Dockerfile"), ["api"]);
    ///     assert_eq(reloaded(project, "README.md"), []);
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn reloaded(project: ScriptProject, path: &str) -> RhaiResultOf<Array> {
        Ok(super::after_save(&project.0, path)?.into_iter().map(Into::into).collect())
    }

    /// The outcome of each deployment of `project` so far, by name: maps with `outcome` (`deployed`, `kept`, `deleted`,
    /// `failed`, `cancelled`), `reason`, `namespace`, `revision` (of a chart), `applied` and `deleted` (numbers of
    /// objects).
    ///
    /// # Example
    /// ```rhai
    /// fn test_nothing_is_deployed_twice() {
    ///     deploy(project());
    ///     let again = project();
    ///     deploy(again);
    ///     for outcome in deployment_outcomes(again).values() { assert_eq(outcome.outcome, "kept"); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn deployment_outcomes(project: ScriptProject) -> RhaiResultOf<Map> {
        let Some(loaded) = bench()?.project_of(&project.0.run) else { return Ok(Map::new()) };
        let entry = |(name, result): (String, crate::event::DeploymentResult)| {
            let value = serde_json::json!({
                "outcome": result.outcome,
                "reason": result.reason,
                "namespace": result.namespace,
                "revision": result.revision,
                "applied": result.applied,
                "deleted": result.deleted,
            });
            Ok((name.into(), rhai::serde::to_dynamic(value)?))
        };
        let entries: RhaiResultOf<Map> = loaded.deployments().into_iter().map(entry).collect();
        entries
    }

    /// The objects that `project` printed with `render` so far, or planned with `deploy`, a list of maps. A chart is one
    /// object, `Chart/RELEASE`, with its `values`, because tests do not run helm.
    ///
    /// # Errors
    /// `deploy::...` if the objects of a deployment cannot be rendered.
    ///
    /// # Example
    /// ```rhai
    /// fn test_render_prints_every_object() {
    ///     let project = project();
    ///     render(project);
    ///     assert_eq(rendered(project).map(|object| object.kind), ["Service", "Deployment", "Chart"]);
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rendered(project: ScriptProject) -> RhaiResultOf<Array> {
        let mut objects = Array::new();
        for rollout in project.0.rollouts() {
            for object in rollout.objects()? {
                objects.push(rhai::serde::to_dynamic(object)?);
            }
        }
        Ok(objects)
    }
}

use rhai::Map;

use std::sync::Arc;

use super::argument::TestOptions;
use super::pipeline::in_pipeline;
use crate::error::StageError;
use crate::image::TagTemplate;
use crate::plan::{Answer, ChangeImpact};
use crate::script::{Execution, RhaiResultOf};
use crate::testing::projects::ProjectOptions;

/// An image is not planned yet.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("the image `{image}` is not planned yet")]
#[diagnostic(code(test::not_planned), help("call `dev(project)` first"))]
struct NotPlanned {
    image: String,
}

/// The images of `execution` that a dev session builds after the file `path` was saved.
fn after_save(execution: &Arc<Execution>, path: &str) -> RhaiResultOf<Vec<String>> {
    let project = &execution.run.project;
    if let Some(image) = execution.run.selected().iter().find(|image| execution.reach(image).is_none()) {
        return Err(StageError::from(NotPlanned { image: image.clone() }).into());
    }
    let root = project.root.canonicalize().unwrap_or_else(|_| project.root.clone());
    let file = root.join(path);
    let direct = |part: &Arc<Execution>, image: &str| match part.reach(image) {
        Some(reach) => reach.if_changed(&file),
        None => ChangeImpact::new(Answer::No, "it is not planned"),
    };
    let after = execution.after_change(std::slice::from_ref(&file), project.deployments.is_empty(), direct);
    Ok(after.map_err(in_pipeline)?.builds)
}

const KNOWN: [&str; 18] = [
    "profile",
    "profiles",
    "vars",
    "images",
    "skip_push",
    "force_build",
    "keep_going",
    "tag",
    "deployments",
    "skip_build",
    "force_deploy",
    "wait",
    "namespace",
    "skip_pipeline",
    "terminal",
    "script",
    "files",
    "config",
];

fn wanted(map: &Map) -> Result<ProjectOptions, StageError> {
    let options = TestOptions::new("project", map, &KNOWN)?;
    let profiles = match options.texts("profile")? {
        Some(profiles) => Some(profiles),
        None => options.texts("profiles")?,
    };
    let tags = options.texts("tag")?.unwrap_or_default();
    let tags: Result<Vec<TagTemplate>, _> = tags.iter().map(|tag| tag.parse()).collect();
    Ok(ProjectOptions {
        profiles,
        vars: options.pairs("vars")?.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        config: options.text("config")?,
        files: options.pairs("files")?.into_iter().map(|(path, text)| (path, text.into_bytes())).collect(),
        script: options.text("script")?,
        skip_push: options.truth("skip_push")?,
        force_build: options.truth("force_build")?,
        keep_going: options.truth("keep_going")?,
        tags: tags?,
        images: options.texts("images")?.unwrap_or_default(),
        deployments: options.texts("deployments")?.unwrap_or_default(),
        skip_build: options.truth("skip_build")?,
        force_deploy: options.truth("force_deploy")?,
        waits: options.truth_or("wait", true)?,
        namespace: options.text("namespace")?,
        skip_pipeline: options.truth("skip_pipeline")?,
        terminal: options.truth("terminal")?,
    })
}
