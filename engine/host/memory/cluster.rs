//! An in-memory cluster.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{CallKind, MemoryHost, Scripted, digest_of};
use crate::builder::docker::BuildxBuild;
use crate::builder::kaniko::KanikoBuild;
use crate::builder::{BuildRequest, BuiltImage};
use crate::cluster::{
    ClusterContext, ClusterError, ClusterNode, ImageLoad, Loader, PodLogs, PullSecret, PullSecretResult,
};
use crate::config::BuilderKind;
use crate::connect::ContainerTask;
use crate::error::StageError;
use crate::event::{Events, ImageEvents};
use crate::host::{Cluster, DevConnection, Docker as _};
use crate::process::{OnLine, Purpose};

/// The user name for all registries.
const USER: &str = "ann";

/// The cluster of a test that configures nothing else.
pub fn test_cluster() -> ClusterContext {
    ClusterContext {
        name: "test".to_owned(),
        cluster: "test".to_owned(),
        namespace: "default".to_owned(),
        server: "https://127.0.0.1:6443".to_owned(),
        provider: None,
    }
}

#[async_trait]
impl Cluster for MemoryHost {
    fn context(&self) -> Result<Option<ClusterContext>, StageError> {
        Ok(self.state().cluster.as_ref().map(|(context, _)| context.clone()))
    }

    /// The configured cluster. Without one, a deployment finds [`test_cluster`], which then exists for everything.
    fn needed_context(&self) -> Result<ClusterContext, StageError> {
        let mut state = self.state();
        let (context, _) = state.cluster.get_or_insert_with(|| (test_cluster(), Vec::new()));
        Ok(context.clone())
    }

    async fn nodes(&self) -> Result<Vec<ClusterNode>, StageError> {
        Ok(self.state().cluster.as_ref().map(|(_, nodes)| nodes.clone()).unwrap_or_default())
    }

    async fn create_pull_secret(&self, secret: &PullSecret) -> Result<PullSecretResult, StageError> {
        let context = self.configured_context()?;
        let registries = secret.logins.iter().map(|login| login.registry.clone());
        let (missing, known): (Vec<_>, Vec<_>) =
            registries.partition(|registry| self.state().logged_out.contains(registry));
        if !known.is_empty() {
            self.did(CallKind::PullSecret, format!("{} for {}", secret.name, known.join(", ")));
        }
        let users = known.into_iter().map(|registry| (registry, USER.to_owned())).collect();
        Ok(PullSecretResult {
            namespace: secret.namespace.clone().unwrap_or(context.namespace),
            context: context.name,
            users,
            missing,
        })
    }

    async fn build(
        &self,
        build: &KanikoBuild,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        self.build_in_cluster(BuilderKind::Kaniko, &build.request, true)
    }

    async fn build_with_buildx(
        &self,
        build: &BuildxBuild,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let built = self.build_in_cluster(BuilderKind::BuildKit, &build.request, build.pushes)?;
        if !build.pushes && !build.in_cluster().no_load {
            self.reachable().await?;
        }
        Ok(built)
    }

    async fn pod_logs(&self, logs: &PodLogs) -> Result<String, StageError> {
        self.configured_context()?;
        Ok(self.state().pod_logs.get(&logs.pods).cloned().unwrap_or_default())
    }

    async fn in_container(
        &self,
        task: &ContainerTask,
        _: &Events,
        _: OnLine<'_>,
        _: &CancellationToken,
    ) -> Result<i32, StageError> {
        self.needed_context()?;
        let kind = if task.purpose == Purpose::Hook { CallKind::Hook } else { CallKind::Exec };
        self.did(kind, task);
        Ok(0)
    }

    fn note(&self, connection: DevConnection<'_>) {
        match connection {
            DevConnection::Port(forward) => self.did(CallKind::ForwardPort, forward),
            DevConnection::Folder(folder) => self.did(CallKind::SyncFolder, folder),
            DevConnection::Page(page) => self.did(CallKind::OpenPage, &page.url),
            DevConnection::Foreground(foreground) => self.did(CallKind::Show, foreground),
        }
    }

    fn can_load(&self, _: &Loader) -> bool {
        true
    }

    async fn load(&self, load: &ImageLoad, _: &ImageEvents, _: &CancellationToken) -> Result<(), StageError> {
        let references: Vec<_> = load.references.iter().map(ToString::to_string).collect();
        self.did(CallKind::Load, format!("{} into {}", references.join(" "), load.loader));
        Ok(())
    }
}

impl MemoryHost {
    /// The configured cluster, for builds and secrets: they do not create one.
    fn configured_context(&self) -> Result<ClusterContext, StageError> {
        Ok(self.context()?.ok_or(ClusterError::NoCluster)?)
    }

    /// Creates the image of `request`, and puts it into its registry if it `pushes`.
    fn build_in_cluster(
        &self,
        builder: BuilderKind,
        request: &BuildRequest,
        pushes: bool,
    ) -> Result<BuiltImage, StageError> {
        self.configured_context()?;
        let is_kaniko = builder == BuilderKind::Kaniko;
        self.did(if is_kaniko { CallKind::KanikoBuild } else { CallKind::Build }, &request.image);
        if let Some(reason) = self.state().broken.get(&request.image) {
            return Err(Scripted::broken_build(&request.image, reason).into());
        }
        if !pushes {
            self.state().make(request, builder);
            self.did(CallKind::Built, &request.image);
            return Ok(BuiltImage::default());
        }
        request.references.iter().try_for_each(|reference| self.check_refusal(reference))?;
        let mut state = self.state();
        let digest = digest_of(&state.make(request, builder));
        for reference in &request.references {
            state.push(reference.clone(), &digest);
        }
        drop(state);
        self.did(CallKind::Built, &request.image);
        Ok(BuiltImage::in_registry(Some(digest)))
    }
}
