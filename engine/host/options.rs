//! What the user says about the outside world.

use crate::cluster::ClusterOptions;

/// What the user says about the outside world.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// The cluster.
    pub cluster: ClusterOptions,
    /// Whether to build in minikube's Docker daemon when the cluster is one of minikube: `preferMinikube`.
    pub prefers_minikube: bool,
}
