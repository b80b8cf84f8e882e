//! A cluster that is asked, and changes nothing.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects, texts};
use crate::builder::BuiltImage;
use crate::builder::kaniko::KanikoBuild;
use crate::cluster::{ClusterContext, ImageLoad, Loader, Node, PodLogs, PullSecret, PullSecretResult};
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

    async fn build(
        &self,
        build: &KanikoBuild,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let request = &build.request;
        let (what, namespace) = match self.inner.context()? {
            Some(context) => {
                let namespace = build.config.namespace.clone().unwrap_or(context.namespace);
                let place = format!("in the namespace {namespace} of {}", context.name);
                (format!("build {} with kaniko {place}", request.image), Some(namespace))
            }
            // Whether there is one, the run will tell.
            None => (format!("build {} with kaniko", request.image), build.config.namespace.clone()),
        };
        let kind = EffectKind::BuildInPod {
            references: texts(&request.references),
            files: request.context.files(),
            bytes: request.context.size(),
            namespace,
        };
        self.effects.push(Effect::new(Some(&request.image), what, kind));
        Ok(BuiltImage::in_registry(None))
    }

    async fn pod_logs(&self, logs: &PodLogs) -> Result<String, StageError> {
        self.inner.pod_logs(logs).await
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
