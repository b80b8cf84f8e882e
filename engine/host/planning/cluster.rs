//! A cluster that is asked, and changes nothing.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects, texts};
use crate::cluster::{ClusterContext, ImageLoad, Loader, Node, PullSecret, PullSecretResult};
use crate::event::ImageEvents;
use crate::host::Cluster;
use crate::script::StageError;

/// Passes questions on, notes the rest.
pub(super) struct PlanningCluster {
    pub(super) inner: Arc<dyn Cluster>,
    pub(super) effects: Arc<Effects>,
}

#[async_trait]
impl Cluster for PlanningCluster {
    fn context(&self) -> Result<Option<ClusterContext>, StageError> {
        self.inner.context()
    }

    async fn nodes(&self) -> Result<Vec<Node>, StageError> {
        self.inner.nodes().await
    }

    /// Whether there are credentials, the run will tell.
    async fn create_pull_secret(&self, secret: &PullSecret) -> Result<PullSecretResult, StageError> {
        let kind = EffectKind::PullSecret { name: secret.name.clone() };
        self.effects.push(Effect::new(None, secret, kind));
        Ok(PullSecretResult::default())
    }

    fn can_load(&self, loader: &Loader) -> bool {
        self.inner.can_load(loader)
    }

    async fn load(
        &self,
        load: &ImageLoad,
        events: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<(), StageError> {
        let kind = EffectKind::Load { references: texts(&load.references) };
        self.effects.push(Effect::new(Some(events.image()), load, kind));
        Ok(())
    }
}
