//! Choosing the builder of an image, in the order of the seed: disabled, custom, docker, kaniko.

use super::Image;
use crate::script::StageError;

/// Why no builder can be chosen.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum BuilderChoiceError {
    #[error("`{image}` asks for the kaniko builder, which this version of windlass does not have yet")]
    #[diagnostic(
        code(builder::kaniko),
        help(
            "build it with docker: remove `build.kaniko` at {origin}, or override `fn builder(image) {{ \"docker\" }}`"
        )
    )]
    Kaniko { image: String, origin: String },
}

impl Image {
    /// The name of the builder to use: `disabled`, `custom` or `docker`.
    ///
    /// # Errors
    /// `docker::unreachable` when docker is wanted and no daemon answers; `builder::kaniko` when only kaniko is.
    pub fn choose_builder(&self) -> Result<&'static str, StageError> {
        let config = self.config();
        if config.disabled {
            return Ok("disabled");
        }
        if config.custom.is_some() {
            return Ok("custom");
        }
        if config.kaniko.is_some() && config.docker.is_none() {
            return Err(self.kaniko_missing());
        }
        self.run().wait(self.run().host.docker.reachable())??;
        Ok("docker")
    }

    /// The error for an image that only kaniko could build.
    pub fn kaniko_missing(&self) -> StageError {
        let (image, origin) = (self.name().to_owned(), self.config().origin.to_string());
        BuilderChoiceError::Kaniko { image, origin }.into()
    }
}
