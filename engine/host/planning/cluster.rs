//! A cluster that is queried but not changed.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects, PlannedImage, texts};
use crate::builder::docker::BuildxBuild;
use crate::builder::kaniko::KanikoBuild;
use crate::builder::{BuildRequest, BuiltImage};
use crate::cluster::{ClusterContext, ClusterNode, ImageLoad, Loader, PodLogs, PullSecret, PullSecretResult};
use crate::config::BuilderKind;
use crate::connect::ContainerTask;
use crate::error::StageError;
use crate::event::{Events, ImageEvents};
use crate::host::{Cluster, Docker};
use crate::process::OnLine;

/// Forwards queries, records the rest.
pub(super) struct PlanningCluster {
    pub(super) inner: Arc<dyn Cluster>,
    pub(super) docker: Arc<dyn Docker>,
    pub(super) effects: Arc<Effects>,
}

#[async_trait]
impl Cluster for PlanningCluster {
    fn context(&self) -> Result<Option<ClusterContext>, StageError> {
        self.inner.context()
    }

    fn needed_context(&self) -> Result<ClusterContext, StageError> {
        self.inner.needed_context()
    }

    fn is_optional(&self) -> bool {
        true
    }

    async fn nodes(&self) -> Result<Vec<ClusterNode>, StageError> {
        self.inner.nodes().await
    }

    /// The run will check whether there are credentials.
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
        self.plan(BuilderKind::Kaniko, &build.request, build.config.namespace.as_ref(), true)
    }

    async fn build_with_buildx(
        &self,
        build: &BuildxBuild,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let in_cluster = build.in_cluster();
        let planned =
            self.plan(BuilderKind::BuildKit, &build.request, in_cluster.namespace.as_ref(), build.pushes)?;
        if !build.pushes && !in_cluster.no_load {
            self.docker.reachable().await?;
        }
        Ok(planned)
    }

    async fn pod_logs(&self, logs: &PodLogs) -> Result<String, StageError> {
        self.inner.pod_logs(logs).await
    }

    async fn in_container(
        &self,
        task: &ContainerTask,
        _: &Events,
        _: OnLine<'_>,
        _: &CancellationToken,
    ) -> Result<i32, StageError> {
        let kind = EffectKind::Exec { purpose: task.purpose };
        self.effects.push(Effect::new(None, task, kind));
        Ok(0)
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

impl PlanningCluster {
    /// Records that `builder` builds `request` in `namespace`, otherwise in that of the run, and pushes it if
    /// requested.
    fn plan(
        &self,
        builder: BuilderKind,
        request: &BuildRequest,
        namespace: Option<&String>,
        pushes: bool,
    ) -> Result<BuiltImage, StageError> {
        // The run will check whether it responds.
        let context = self.inner.needed_context()?;
        let namespace = namespace.cloned().unwrap_or(context.namespace);
        let what = format!(
            "build {} with {builder} in the namespace {namespace} of {}",
            request.image, context.name
        );
        let kind = EffectKind::BuildInCluster {
            builder,
            references: if pushes { texts(&request.references) } else { Vec::new() },
            files: request.context.files(),
            bytes: request.context.size(),
            namespace,
        };
        self.effects.push(Effect::new(Some(&request.image), what, kind));
        self.effects.plan(&request.references, &PlannedImage::Inherited(request.inherited.clone()));
        let built = if pushes { BuiltImage::in_registry(None) } else { BuiltImage::default() };
        Ok(built.planned())
    }
}
