//! Build contexts as scripts see them.

use rhai::plugin::*;

/// Stages about build contexts.
#[export_module]
pub mod context {
    use crate::image::Context;
    use crate::run::Image;
    use crate::script::{RhaiResultOf, StageError};

    /// Opens the build context of `image`: its folder and its ignore rules. No file is read yet.
    ///
    /// # Errors
    /// `context::...` when the folder is missing or an ignore file is wrong.
    ///
    /// # Example
    /// ```rhai
    /// fn context(image) { load_context(image.with_context("services/api")) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn load_context(image: Image) -> RhaiResultOf<Context> {
        let dockerfile = image.dockerfile_path();
        let context = Context::open(&image.run().forest, &image.context_folder(), Some(&dockerfile));
        Ok(context.map_err(StageError::from)?)
    }

    /// The folder, absolute.
    #[rhai_fn(get = "folder", pure)]
    pub fn folder(context: &mut Context) -> String {
        context.root().display().to_string()
    }
}
