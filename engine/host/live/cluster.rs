//! A real cluster.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::BuiltImage;
use crate::builder::docker::{Buildx, BuildxBuild, Daemon, ReadyBuilders, lead_to};
use crate::builder::kaniko::{Kaniko, KanikoBuild};
use crate::cluster::{
    ClusterAccess, ClusterContext, ClusterError, ClusterNode, ImageLoad, Loader, PodLogs, PullSecret,
    PullSecretResult,
};
use crate::connect::ContainerTask;
use crate::error::{Cancelled, StageError};
use crate::event::{Events, ImageEvents};
use crate::host::Cluster;
use crate::process::{OnLine, Process, ProcessError};
use crate::registry::CredentialStore;

/// The timeout for loading images into a cluster.
const LOAD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A real cluster, Docker's credentials, and the daemon with the images.
pub(super) struct LiveCluster {
    pub(super) access: ClusterAccess,
    pub(super) credentials: Arc<CredentialStore>,
    pub(super) daemon: Daemon,
    /// The running buildx builders.
    pub(super) builders: Arc<ReadyBuilders>,
}

#[async_trait]
impl Cluster for LiveCluster {
    fn context(&self) -> Result<Option<ClusterContext>, StageError> {
        Ok(self.access.context()?.cloned())
    }

    async fn nodes(&self) -> Result<Vec<ClusterNode>, StageError> {
        Ok(self.access.nodes().await?)
    }

    async fn create_pull_secret(&self, secret: &PullSecret) -> Result<PullSecretResult, StageError> {
        Ok(self.access.create_pull_secret(secret, &self.credentials).await?)
    }

    async fn build(
        &self,
        build: &KanikoBuild,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let kaniko = Kaniko { access: self.access.clone(), credentials: Arc::clone(&self.credentials) };
        Ok(kaniko.build(build, events, cancel).await?)
    }

    async fn build_with_buildx(
        &self,
        build: &BuildxBuild,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let context = self.needed_context()?;
        let folder = buildx_folder(self.daemon.found().ok().and_then(|found| found.config.as_deref()));
        let kubeconfig = self.access.lend_kubeconfig(&folder)?;
        let buildx = Buildx {
            namespace: context.namespace.clone(),
            kubeconfig: kubeconfig.variable().map(str::to_owned),
            folder,
            ready: Arc::clone(&self.builders),
            access: self.access.clone(),
            daemon: self.daemon.clone(),
        };
        Ok(buildx.build(build, events, cancel).await?)
    }

    async fn pod_logs(&self, logs: &PodLogs) -> Result<String, StageError> {
        Ok(self.access.pod_logs(logs).await?)
    }

    async fn in_container(
        &self,
        task: &ContainerTask,
        events: &Events,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, StageError> {
        task.run(&self.access, events, on_line, cancel).await
    }

    fn can_load(&self, loader: &Loader) -> bool {
        is_on_path(loader.program())
    }

    async fn load(
        &self,
        load: &ImageLoad,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), StageError> {
        let failed = |reason: String| ClusterError::Load {
            image: events.image().to_owned(),
            cluster: load.loader.to_string(),
            reason,
        };
        let program = load.loader.program();
        let process = Process::new(program).args(load.loader.arguments(&load.references)).limit(LOAD_LIMIT);
        let process = lead_to(process, &self.daemon.found()?.endpoint);
        let mut last = String::new();
        let ended = process.run(cancel, |_, line| {
            events.output(line);
            if !line.trim().is_empty() {
                last = line.trim().to_owned();
            }
        });
        match ended.await {
            Ok(0) => Ok(()),
            Ok(code) => Err(failed(format!("`{program}` failed with exit code {code}: {last}")).into()),
            Err(ProcessError::Cancelled { .. }) => Err(Cancelled.into()),
            Err(error) => Err(failed(error.to_string()).into()),
        }
    }
}

/// The directory in which buildx records its builders; `config` is Docker's configuration directory.
fn buildx_folder(config: Option<&Path>) -> PathBuf {
    let own = std::env::var_os("BUILDX_CONFIG").filter(|folder| !folder.is_empty());
    own.map_or_else(|| config.unwrap_or(Path::new(".docker")).join("buildx"), PathBuf::from)
}

/// Whether `program` is in a directory of `PATH`.
fn is_on_path(program: &str) -> bool {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(&name).is_file())
}
