//! Custom builds that are recorded, not run.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effects, PlannedImage};
use crate::builder::{BuildError, BuiltImage, CustomRequest};
use crate::event::ImageEvents;
use crate::host::CustomBuilder;
use crate::process::Exec;

/// Passes the command to a host that records it.
pub(super) struct PlanningCustomBuilder {
    pub(super) inner: Arc<dyn CustomBuilder>,
    pub(super) effects: Arc<Effects>,
}

#[async_trait]
impl CustomBuilder for PlanningCustomBuilder {
    async fn build(
        &self,
        request: &CustomRequest,
        exec: &dyn Exec,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        let built = self.inner.build(request, exec, events, cancel).await?;
        // Builds most likely inherit the same from the next image of a command as from its latest one.
        if let Some(latest) = &request.latest {
            self.effects.plan(&request.references, &PlannedImage::Like(latest.to_string()));
        }
        Ok(built.planned())
    }
}
