//! The interface of stages to builds by a command of the user.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::{BuildError, BuiltImage, CustomRequest, build_custom};
use crate::event::ImageEvents;
use crate::process::Exec;

/// Builds images with the commands of `build.custom`.
#[async_trait]
pub trait CustomBuilder: Send + Sync {
    /// Runs the command of `request` with `exec`.
    ///
    /// # Errors
    /// As for [`build_custom`].
    async fn build(
        &self,
        request: &CustomRequest,
        exec: &dyn Exec,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError>;
}

/// Runs the command.
pub(super) struct CommandBuilder;

#[async_trait]
impl CustomBuilder for CommandBuilder {
    async fn build(
        &self,
        request: &CustomRequest,
        exec: &dyn Exec,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        build_custom(request, exec, events, cancel).await
    }
}
