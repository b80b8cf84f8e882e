//! The cluster interface of stages.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::BuiltImage;
use crate::builder::docker::BuildxBuild;
use crate::builder::kaniko::KanikoBuild;
use crate::cluster::{
    ClusterContext, ClusterError, ClusterNode, ImageLoad, Loader, PodLogs, PullSecret, PullSecretResult,
};
use crate::config::{Folder, Foreground, Forward, Page};
use crate::connect::ContainerTask;
use crate::error::StageError;
use crate::event::{Events, ImageEvents};
use crate::process::OnLine;

/// A connection of a dev session.
#[derive(Debug, Clone, Copy)]
pub enum DevConnection<'a> {
    /// A local port.
    Port(&'a Forward),
    /// A synced directory.
    Folder(&'a Folder),
    /// A page that is opened.
    Page(&'a Page),
    /// The foreground: a terminal or logs.
    Foreground(&'a Foreground),
}

/// The operations of stages on a Kubernetes cluster.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The selected cluster, as described by the kubeconfig; `None` if none is configured. Sends no requests.
    ///
    /// # Errors
    /// `cluster::...` if the kubeconfig is invalid or does not have the requested context.
    fn context(&self) -> Result<Option<ClusterContext>, StageError>;

    /// The context for an operation that requires a cluster.
    ///
    /// # Errors
    /// `cluster::none` if none is configured; otherwise as for [`Cluster::context`].
    fn needed_context(&self) -> Result<ClusterContext, StageError> {
        Ok(self.context()?.ok_or(ClusterError::NoCluster)?)
    }

    /// Whether actions that require a cluster continue if it is not configured or does not respond: a plan shows the
    /// known part.
    fn is_optional(&self) -> bool {
        false
    }

    /// Its nodes.
    ///
    /// # Errors
    /// `cluster::...` if it does not respond, or without the permission to list nodes.
    async fn nodes(&self) -> Result<Vec<ClusterNode>, StageError>;

    /// Writes a pull secret and adds it to service accounts; writes nothing without credentials.
    ///
    /// # Errors
    /// `cluster::...`; `cluster::none` if no cluster is configured.
    async fn create_pull_secret(&self, secret: &PullSecret) -> Result<PullSecretResult, StageError>;

    /// Builds an image in a pod, which pushes it.
    ///
    /// # Errors
    /// [`KanikoError`](crate::builder::kaniko::KanikoError).
    async fn build(
        &self,
        build: &KanikoBuild,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError>;

    /// Builds an image with BuildKit in the cluster, which pushes it or loads it into the daemon.
    ///
    /// # Errors
    /// [`BuildError`](crate::builder::BuildError).
    async fn build_with_buildx(
        &self,
        build: &BuildxBuild,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError>;

    /// The last lines of the logs of pods.
    ///
    /// # Errors
    /// `cluster::...` if the cluster does not respond; `cluster::not_found` if no pod matches.
    async fn pod_logs(&self, logs: &PodLogs) -> Result<String, StageError>;

    /// Does `task` in a container; returns the exit code of a command, otherwise 0. `on_line` receives each line of
    /// output.
    ///
    /// # Errors
    /// `connect::...` without such a container; `exec::...` if the command does not run to its end; `run::cancelled`.
    async fn in_container(
        &self,
        task: &ContainerTask,
        events: &Events,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, StageError>;

    /// Records the connections of a dev session, which are opened once its pass is over. Nothing is connected here.
    fn note(&self, _connection: DevConnection<'_>) {}

    /// Whether the command of `loader` is installed.
    fn can_load(&self, loader: &Loader) -> bool;

    /// Loads images from the daemon into the nodes.
    ///
    /// # Errors
    /// `cluster::load` with the end of the command's output.
    async fn load(
        &self,
        load: &ImageLoad,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), StageError>;
}
