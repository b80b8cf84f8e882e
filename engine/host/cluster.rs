//! The cluster, as stages see it.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::BuiltImage;
use crate::builder::docker::BuildxBuild;
use crate::builder::kaniko::KanikoBuild;
use crate::cluster::{
    ClusterContext, ClusterError, ImageLoad, Loader, Node, PodLogs, PullSecret, PullSecretResult,
};
use crate::event::ImageEvents;
use crate::script::StageError;

/// What stages ask of a Kubernetes cluster.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The cluster the user means, as the kubeconfig describes it; `None` where none is configured. Contacts
    /// nothing.
    ///
    /// # Errors
    /// `cluster::...` when the kubeconfig is wrong, or does not have the context asked for.
    fn context(&self) -> Result<Option<ClusterContext>, StageError>;

    /// The same, where something needs a cluster.
    ///
    /// # Errors
    /// `cluster::none` where none is configured; as [`Cluster::context`].
    fn needed_context(&self) -> Result<ClusterContext, StageError> {
        Ok(self.context()?.ok_or(ClusterError::NoCluster)?)
    }

    /// Its nodes.
    ///
    /// # Errors
    /// `cluster::...` when it gives no answer, or does not let the user see them.
    async fn nodes(&self) -> Result<Vec<Node>, StageError>;

    /// Writes a pull secret and makes service accounts use it; nothing where there are no credentials.
    ///
    /// # Errors
    /// `cluster::...`; `cluster::none` where no cluster is configured.
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

    /// The last lines of what pods print.
    ///
    /// # Errors
    /// `cluster::...` when the cluster gives no answer; `cluster::not_found` when there is no such pod.
    async fn pod_logs(&self, logs: &PodLogs) -> Result<String, StageError>;

    /// Whether the program of `loader` is there.
    fn can_load(&self, loader: &Loader) -> bool;

    /// Loads images from the daemon into the nodes.
    ///
    /// # Errors
    /// `cluster::load` with the end of what the program printed.
    async fn load(
        &self,
        load: &ImageLoad,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), StageError>;
}
