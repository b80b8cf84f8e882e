//! What the user says about the outside world.

use std::collections::BTreeSet;

use crate::cluster::ClusterOptions;

/// What the user says about the outside world.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// The cluster.
    pub cluster: ClusterOptions,
    /// Whether to build in minikube's Docker daemon when the cluster is one of minikube: `preferMinikube`.
    pub prefers_minikube: bool,
    /// The domains of registries that may lack TLS, beside those of the daemon: `kaniko.insecure`.
    pub insecure_registries: BTreeSet<String>,
}
