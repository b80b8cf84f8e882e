//! The user's options for the host.

use std::collections::BTreeSet;

use crate::cluster::ClusterOptions;

/// The user's options for the host.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// The cluster.
    pub cluster: ClusterOptions,
    /// Whether to build in minikube's Docker daemon if the cluster is a minikube cluster: `preferMinikube`.
    pub prefers_minikube: bool,
    /// The domains of registries that may lack TLS, in addition to those of the daemon: `kaniko.insecure`.
    pub insecure_registries: BTreeSet<String>,
}
