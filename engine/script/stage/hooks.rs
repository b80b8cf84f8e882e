//! Hooks of `devspace.yaml`.

use rhai::plugin::*;

/// Stages that run hooks.
#[export_module]
pub mod hooks {
    use rhai::Dynamic;

    use super::super::Project;
    use crate::hook::{self, Occasion};
    use crate::run::Image;
    use crate::script::{RhaiResultOf, StageError};

    /// Runs the hooks of `devspace.yaml` that listen to `event`, such as `before:build`, one after another.
    ///
    /// # Errors
    /// `hook::failed` when one fails; those after it do not run.
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_project_hooks(project: Project, event: &str) -> RhaiResultOf<()> {
        Ok(hook::run(&project.0, &Occasion { event, image: None, error: None })?)
    }

    /// Runs the hooks that listen to `event` of this image: `before:build` runs those of `before:build:NAME`.
    ///
    /// # Errors
    /// `hook::failed` when one fails; those after it do not run.
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_image_hooks(image: Image, event: &str) -> RhaiResultOf<()> {
        Ok(hook::run(image.run(), &Occasion { event, image: Some(&image), error: None })?)
    }

    /// Runs the hooks of an image after it failed; they find the error's message in `DEVSPACE_HOOK_ERROR`.
    ///
    /// # Errors
    /// `hook::failed` when one fails; those after it do not run.
    #[rhai_fn(name = "run_hooks", return_raw)]
    pub fn run_error_hooks(image: Image, event: &str, error: Dynamic) -> RhaiResultOf<()> {
        let message = error.read_lock::<StageError>().map(|stage| stage.message());
        let message = message.unwrap_or_else(|| error.to_string());
        Ok(hook::run(image.run(), &Occasion { event, image: Some(&image), error: Some(&message) })?)
    }
}
