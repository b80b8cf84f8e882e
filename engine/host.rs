//! The host interface of stages: all effects of scripts, except reading the project's files, use one of these traits.
//!
//! [`Host::live`] uses real daemons, registries and commands; other hosts record effects for plans, or are in memory
//! for tests. Each request to a trait is a value that displays as one line (`exec git describe --tags`, `write
//! dist/digest.txt`), so that plans can show it.

mod clock;
mod cluster;
mod custom;
mod deployer;
mod docker;
mod environment;
mod files;
mod http;
pub mod live;
mod masked;
pub mod memory;
mod no_exec;
mod oci;
mod options;
mod original_exec;
pub mod planning;
mod project_path;
mod random;
mod registry;
mod writes;

use std::path::Path;
use std::sync::Arc;

use crate::process::Exec;
use crate::state::ImageStore;

pub use clock::Clock;
pub use cluster::{Cluster, DevConnection};
pub use custom::CustomBuilder;
pub use deployer::Deployer;
pub use docker::{Docker, ImageIds, Machine};
pub use environment::Environment;
pub use files::{FileEdit, Files};
pub use http::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};
pub use masked::MaskedExec;
pub use oci::{Attachment, Oci};
pub use options::HostOptions;
pub use project_path::ProjectPath;
pub use random::Random;
pub use registry::{ImageCopy, Registry};
pub use writes::{CountedExec, Writes};

/// The host of a run.
#[derive(Clone)]
pub struct Host {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The Kubernetes cluster.
    pub cluster: Arc<dyn Cluster>,
    /// Builds by commands of the user.
    pub custom: Arc<dyn CustomBuilder>,
    /// Deploys to the cluster, and reads and deletes deployments.
    pub deployer: Arc<dyn Deployer>,
    /// The Docker daemon.
    pub docker: Arc<dyn Docker>,
    /// The environment variables.
    pub environment: Arc<dyn Environment>,
    /// Commands.
    pub exec: Arc<dyn Exec>,
    /// The project's files.
    pub files: Arc<dyn Files>,
    /// Web servers.
    pub http: Arc<dyn Http>,
    /// The image store.
    pub oci: Arc<dyn Oci>,
    /// Random numbers.
    pub random: Arc<dyn Random>,
    /// Registries.
    pub registry: Arc<dyn Registry>,
    /// Counts commands that may have written files of the project.
    pub writes: Writes,
    /// Opens the records of the project in a directory: a host that only plans never writes to them.
    pub records: fn(&Path) -> ImageStore,
}
