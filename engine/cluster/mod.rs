//! Kubernetes: the cluster the user means, its nodes, and what lets it pull images.
//!
//! [`Kubeconfig`] finds the cluster as kubectl does, and nothing is contacted before a verb of [`ClusterAccess`] is
//! called. Nothing else in windlass knows the kube library.

mod access;
mod context;
mod credential_plugin;
mod error;
mod kubeconfig;
mod local;
mod node;
mod pull_secret;
mod pull_secret_write;

pub use access::{ClusterAccess, ClusterOptions};
pub use context::ClusterContext;
pub use error::ClusterError;
pub use kubeconfig::Kubeconfig;
pub use local::{ImageLoad, Loader, LocalCluster};
pub use node::Node;
pub use pull_secret::{PullSecret, PullSecretResult, RegistryLogin};
pub use pull_secret_write::PullSecretError;
