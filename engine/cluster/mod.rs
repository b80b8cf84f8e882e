//! Kubernetes: the selected cluster, its nodes, its pull secrets, and objects of any kind.
//!
//! [`Kubeconfig`] finds the cluster as kubectl does, and nothing is contacted before a method of [`ClusterAccess`] is
//! called. Only this module and the builders of [`crate::builder`] use the kube library.

mod access;
mod child_kubeconfig;
mod clients;
mod context;
mod credential_plugin;
mod error;
pub(crate) mod exec;
mod kubeconfig;
mod local;
mod log_stream;
mod namespace;
mod node;
mod objects;
mod pod;
mod pod_logs;
mod pod_obstacle;
mod pod_watch;
mod port_connection;
mod pull_secret;
mod pull_secret_write;
mod service;

pub(crate) use access::missing_right;
pub use access::{ClusterAccess, ClusterOptions};
pub use context::ClusterContext;
pub use error::ClusterError;
pub use exec::{ContainerTarget, ExecError, ExecInput, ExecOptions, ExecOutput, ExecStream, TerminalSize};
pub use kubeconfig::Kubeconfig;
pub use local::{ImageLoad, Loader, LocalCluster};
pub use log_stream::LogQuery;
pub use node::ClusterNode;
pub use objects::{
    ApplyError, ApplyOutcome, ApplySet, DeployLock, KEEP_POLICY, LockHolder, LogTail, ObjectKey, Propagation,
    Pruning, ResourceType, WatchTarget, WatchedObject, group_of, has_keep_policy, owner_of,
    without_managed_fields, write_object,
};
pub use pod_logs::PodLogs;
pub(crate) use pod_obstacle::{StartFailure, obstacle, unschedulable};
pub use pod_watch::{PodQuery, PodsChange};
pub use port_connection::PortEnd;
pub use pull_secret::{PullSecret, PullSecretResult, RegistryLogin};
pub use service::ClusterService;

/// The field manager of windlass, which is also the value of the label `app.kubernetes.io/managed-by` on its objects.
pub(crate) const MANAGER: &str = "windlass";
