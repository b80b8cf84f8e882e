//! Hooks of `devspace.yaml`.

use std::sync::Arc;

use rhai::Dynamic;
use rhai::plugin::*;

use super::current;
use crate::error::StageError;
use crate::hook::{self, HookEvent, HookSubject};
use crate::image::Tag;
use crate::plan::{Built, Plan};
use crate::rollout::Deployment;
use crate::run::{Image, Run};
use crate::script::RhaiResultOf;

/// Stages that run hooks.
#[export_module]
pub mod hooks {
    use rhai::Dynamic;

    use super::super::ScriptProject;
    use crate::config::{Folder, Forward};
    use crate::rollout::Deployment;
    use crate::run::Image;
    use crate::script::RhaiResultOf;

    /// Runs the hooks of `devspace.yaml` for `event`, such as `before:build`, one after another.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { run_hooks(project, "before:build"); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_project_hooks(project: ScriptProject, event: &str) -> RhaiResultOf<()> {
        super::run_all(&project.0.run, event, None, &Dynamic::UNIT)
    }

    /// Runs the hooks for `event` of the whole run after a failure. They receive the error message as
    /// `DEVSPACE_HOOK_ERROR`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run.
    ///
    /// # Example
    /// ```rhai
    /// fn on_build_error(project, error) { run_hooks(project, "error:build", error); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_project_error_hooks(project: ScriptProject, event: &str, error: Dynamic) -> RhaiResultOf<()> {
        super::run_all(&project.0.run, event, None, &error)
    }

    /// Runs the hooks for `event` of this image: `before:build` runs those for `before:build:NAME`.
    ///
    /// They receive environment variables: the event as `DEVSPACE_HOOK_EVENT`, the name of the image as
    /// `DEVSPACE_HOOK_IMAGE_CONFIG_NAME`, its repository as `DEVSPACE_HOOK_IMAGE_NAME`, its tags, separated by spaces,
    /// as `DEVSPACE_HOOK_IMAGE_TAGS`, and its configuration as `DEVSPACE_HOOK_IMAGE_CONFIG`: JSON in the newest config
    /// version, with passwords as `***`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) { run_hooks(image, "after:build"); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_image_hooks(image: Image, event: &str) -> RhaiResultOf<()> {
        super::run_all(image.run(), event, Some(&image), &Dynamic::UNIT)
    }

    /// Runs the hooks for `event` of an image with its outcome. They receive the tags of a plan or a build as
    /// `DEVSPACE_HOOK_IMAGE_TAGS`, and the message of an error as `DEVSPACE_HOOK_ERROR`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run.
    ///
    /// # Example
    /// ```rhai
    /// fn on_error(image, error) { run_hooks(image, "error:build", error); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_outcome_hooks(image: Image, event: &str, outcome: Dynamic) -> RhaiResultOf<()> {
        super::run_all(image.run(), event, Some(&image), &outcome)
    }

    /// Runs the hooks for `event` of this deployment: `before:deploy` runs those for `before:deploy:NAME`.
    ///
    /// They receive environment variables: the event as `DEVSPACE_HOOK_EVENT`, the name of the deployment as
    /// `DEVSPACE_HOOK_DEPLOY_NAME`, and its configuration as `DEVSPACE_HOOK_DEPLOY_CONFIG`: JSON in the newest config
    /// version, with passwords as `***`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run.
    ///
    /// # Example
    /// ```rhai
    /// fn before_deployment(deployment) { run_hooks(deployment, "before:deploy"); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_deployment_hooks(deployment: Deployment, event: &str) -> RhaiResultOf<()> {
        super::run_for_deployment(&deployment, event, &Dynamic::UNIT)
    }

    /// Runs the hooks for `event` of a deployment with its outcome: hooks for `error:` events receive the message of the
    /// error as `DEVSPACE_HOOK_ERROR`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run.
    ///
    /// # Example
    /// ```rhai
    /// fn on_deployment_error(deployment, error) { run_hooks(deployment, "error:deploy", error); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_deployment_outcome_hooks(
        deployment: Deployment,
        event: &str,
        outcome: Dynamic,
    ) -> RhaiResultOf<()> {
        super::run_for_deployment(&deployment, event, &outcome)
    }

    /// Runs the hooks for `event` of a synced directory: `start:sync` runs those for `start:sync:NAME`, `start:sync:*` and
    /// `start:sync`. A `reason` that is not `()` is their `DEVSPACE_HOOK_ERROR`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run. With a `reason`, failures are only reported.
    ///
    /// # Example
    /// ```rhai
    /// fn on_sync_event(folder, event, reason) { run_hooks(folder, event, reason); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_folder_hooks(
        context: NativeCallContext,
        folder: Folder,
        event: &str,
        reason: Dynamic,
    ) -> RhaiResultOf<()> {
        super::run_for_connection(&context, folder.name.as_deref(), event, &reason)
    }

    /// Runs the hooks for `event` of a forwarded port: `start:portForwarding` runs those for `start:portForwarding:NAME`,
    /// `start:portForwarding:*` and `start:portForwarding`. A `reason` that is not `()` is their `DEVSPACE_HOOK_ERROR`.
    ///
    /// # Errors
    /// `hook::failed` if a hook fails; the hooks after it do not run. With a `reason`, failures are only reported.
    ///
    /// # Example
    /// ```rhai
    /// fn on_port_event(port, event, reason) { run_hooks(port, event, reason); }
    /// ```
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_port_hooks(
        context: NativeCallContext,
        port: Forward,
        event: &str,
        reason: Dynamic,
    ) -> RhaiResultOf<()> {
        super::run_for_connection(&context, port.name.as_deref(), event, &reason)
    }
}

/// Runs the hooks for an event of the connection `name`. `reason` is a message, an error or `()`.
fn run_for_connection(
    context: &NativeCallContext<'_>,
    name: Option<&str>,
    event: &str,
    reason: &Dynamic,
) -> RhaiResultOf<()> {
    let subject = HookSubject::Connection(name);
    Ok(hook::run(&current::run(context)?, &HookEvent { event, subject, error: error_of(reason) })?)
}

/// Runs the hooks for an event of a deployment. `outcome` is an error or something else.
fn run_for_deployment(deployment: &Deployment, event: &str, outcome: &Dynamic) -> RhaiResultOf<()> {
    let subject = HookSubject::Deployment(deployment);
    let is_error = event.starts_with("error:");
    let error = if is_error { error_of(outcome) } else { None };
    Ok(hook::run(deployment.run(), &HookEvent { event, subject, error })?)
}

/// The message of an error; `None` for `()`.
fn error_of(outcome: &Dynamic) -> Option<String> {
    match outcome.read_lock::<StageError>() {
        Some(stage) => Some(stage.message()),
        None => (!outcome.is_unit()).then(|| outcome.to_string()),
    }
}

/// Runs the hooks for an event. `outcome` is a plan, a build, an error, or `()`.
fn run_all(run: &Arc<Run>, event: &str, image: Option<&Image>, outcome: &Dynamic) -> RhaiResultOf<()> {
    let texts = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect();
    let (mut tags, mut error) = (None, None);
    if let Some(built) = outcome.read_lock::<Built>() {
        tags = Some(texts(built.tags()));
    } else if let Some(plan) = outcome.read_lock::<Plan>() {
        tags = plan.tags().map(texts);
    } else {
        error = error_of(outcome);
    }
    let subject = image.map_or(HookSubject::Run, |image| HookSubject::Image { image, tags });
    Ok(hook::run(run, &HookEvent { event, subject, error })?)
}
