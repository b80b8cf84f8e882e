//! The foundation of the integration tests: projects in their own directories, a real daemon, real registries.
//!
//! ```text
//! let Some(daemon) = Daemon::acquire() else { return };
//! let registry = Registry::start();
//! let api = daemon.repository(&registry.address(), "api");
//! let project = Project::new()
//!     .daemon(&daemon)
//!     .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {api}\n"))
//!     .file("Dockerfile", format!("FROM {}\nCOPY a.txt /\n", daemon.base()))
//!     .file("a.txt", "hello");
//! project.run(["build", "-t", "1"]).success().stderr_has("built");
//! assert_eq!(registry.tags(&api), ["1"]);
//! ```

#![allow(dead_code, unused_imports, reason = "each test binary uses only a part of the harness")]

mod answer;
mod bridge;
mod build_cluster;
mod build_kit_relay;
mod buildx_cluster;
mod chart_repository;
mod cluster;
mod counting_socket;
mod daemon;
mod docker_programs;
mod fault_proxy;
mod forwarder;
mod helm;
mod idle_daemon;
mod image_tree;
mod kustomize;
mod missing;
mod modern_daemon;
mod output;
mod plain_cluster;
mod pod_run;
mod podman;
mod pods;
mod private_daemon;
mod project;
mod registry;
mod relay;
mod root_archive;
mod run_name;
mod running;
mod second_address;
mod slot;
mod synced_pod;
mod terminal;
mod test_repository;
mod wait;
mod webhook;

pub use answer::answer;
pub use build_cluster::BuildCluster;
pub use buildx_cluster::BuildxCluster;
pub use chart_repository::ChartRepository;
pub use cluster::{Cluster, GlobalObject, RegisteredNode, RenamedNode};
pub use counting_socket::CountingSocket;
pub use daemon::{Daemon, busybox};
pub use fault_proxy::{Fault, FaultProxy};
pub use forwarder::{Forwarder, make_certificates};
pub use helm::helms;
pub use idle_daemon::IdleDaemon;
pub use image_tree::{ImageTree, Tree, folder_tree, stored};
pub use kustomize::kustomize;
pub use missing::leave_out_always;
pub use modern_daemon::{ImageStore, ModernDaemon};
pub use output::Output;
pub use plain_cluster::PlainCluster;
pub use podman::{Podman, PodmanVersion};
pub use pods::container;
pub use private_daemon::PrivateDaemon;
pub use project::Project;
pub use registry::{PASSWORD, Registry, USER};
pub use relay::Relay;
pub use running::{Running, Signal};
pub use second_address::SecondAddress;
pub use synced_pod::{Mounted, SyncedPod};
pub use terminal::Terminal;
pub use test_repository::TestRepository;
pub use wait::wait_for;
pub use webhook::Webhook;
