//! A host for plans: it answers queries that decisions need, and records effects instead of executing them.
//!
//! Real queries: the daemon, registries and the cluster (only if a decision depends on them), files of the project, the
//! time, and commands without side effects. Everything else is recorded and succeeds: a build or push without digest, a
//! command without output, a request with an empty response. Scripts can read files that they wrote, and images can be
//! planned on a planned image: the recipe of an image answers queries for its inherited settings. Nothing is written to
//! the disk, including records of builds.

mod cluster;
mod custom;
mod deployer;
mod docker;
mod effect;
mod exec;
mod files;
mod http;
mod oci;
mod offline;
mod registry;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Clock, Host, Random};
use crate::state::ImageStore;

pub use effect::{Effect, EffectKind, Effects};

impl Host {
    /// This host without a daemon, a cluster and registries, and without any images.
    #[must_use]
    pub fn offline(self) -> Self {
        let offline = || Arc::new(offline::OfflineHost);
        Self {
            cluster: offline(),
            deployer: offline(),
            docker: offline(),
            oci: offline(),
            registry: offline(),
            ..self
        }
    }

    /// A host that queries this one and records effects in `effects`.
    #[must_use]
    pub fn planning(self, effects: &Arc<Effects>) -> Self {
        let note = || Arc::clone(effects);
        let docker = Arc::clone(&self.docker);
        let cluster =
            cluster::PlanningCluster { inner: self.cluster, docker: Arc::clone(&docker), effects: note() };
        let oci = oci::PlanningOci { inner: self.oci, docker, effects: note(), names: Mutex::default() };
        let registry =
            registry::PlanningRegistry { inner: self.registry, effects: note(), names: Mutex::default() };
        Self {
            clock: Arc::new(PlanningClock(self.clock)),
            cluster: Arc::new(cluster),
            custom: Arc::new(custom::PlanningCustomBuilder { inner: self.custom, effects: note() }),
            deployer: Arc::new(deployer::PlanningDeployer {
                inner: self.deployer,
                effects: note(),
                namespaces: Mutex::default(),
            }),
            docker: Arc::new(docker::PlanningDocker {
                inner: self.docker,
                effects: note(),
                names: Mutex::default(),
            }),
            environment: Arc::clone(&self.environment),
            exec: Arc::new(exec::PlanningExec { inner: self.exec, effects: note() }),
            files: Arc::new(files::PlanningFiles::new(self.files, note())),
            http: Arc::new(http::PlanningHttp { effects: note() }),
            oci: Arc::new(oci),
            random: Arc::new(Placeholder),
            registry: Arc::new(registry),
            writes: self.writes,
            records: ImageStore::read_only,
        }
    }
}

/// All random characters are `#`, as in the template of a tag.
struct Placeholder;

impl Random for Placeholder {
    fn character(&self) -> char {
        '#'
    }
}

/// A clock that never waits.
struct PlanningClock(Arc<dyn Clock>);

#[async_trait]
impl Clock for PlanningClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, _: Duration) {}
}
