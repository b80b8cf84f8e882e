//! The real host.

mod base_failure;
mod clock;
mod cluster;
mod deployer;
mod docker;
mod environment;
mod files;
mod http;
mod minikube;
mod oci;
mod random;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use super::custom::CommandBuilder;
use super::{CountedExec, Host, HostOptions, Writes};
use crate::builder::docker::Daemon;
use crate::cluster::ClusterAccess;
use crate::deploy::chart::KnownVersions;
use crate::event::Events;
use crate::oci::BlobStore;
use crate::process::LiveExec;
use crate::registry::{CredentialStore, RegistryClient};
use crate::state::ImageStore;

impl Host {
    /// The real host, as configured by the environment and `options`. Nothing is read or contacted yet.
    pub fn live(events: &Events, options: &HostOptions) -> Self {
        let credentials = Arc::new(CredentialStore::from_env().reporting(events.clone()));
        let access = ClusterAccess::new(options.cluster.clone());
        let daemon = match options.prefers_minikube {
            true => minikube::preferred_daemon(access.clone(), events.clone()),
            false => Daemon::from_environment(),
        };
        let client = registry_client(Arc::clone(&credentials), daemon.clone()).reporting(events.clone());
        let client = Arc::new(client.trusting(options.insecure_registries.clone()));
        let writes = Writes::default();
        Self {
            clock: Arc::new(clock::LiveClock),
            deployer: Arc::new(deployer::LiveDeployer::new(
                access.clone(),
                KnownVersions::of_user(|name| std::env::var(name).ok()),
            )),
            cluster: Arc::new(cluster::LiveCluster {
                access,
                credentials: Arc::clone(&credentials),
                daemon: daemon.clone(),
                builders: Arc::default(),
            }),
            custom: Arc::new(CommandBuilder),
            docker: Arc::new(docker::LiveDocker {
                daemon: daemon.clone(),
                credentials: Arc::clone(&credentials),
                events: events.clone(),
            }),
            environment: Arc::new(environment::LiveEnvironment),
            exec: Arc::new(CountedExec { inner: Arc::new(LiveExec), writes: writes.clone() }),
            files: Arc::new(files::LiveFiles),
            http: Arc::new(http::LiveHttp::default()),
            oci: Arc::new(oci::LiveOci {
                store: BlobStore::of_user(|name| std::env::var(name).ok()),
                client: Arc::clone(&client),
                daemon: daemon.clone(),
                events: events.clone(),
                taken: Arc::default(),
                resolved: Arc::default(),
            }),
            random: Arc::new(random::LiveRandom),
            registry: Arc::new(registry::LiveRegistry { client, events: events.clone() }),
            writes,
            records: ImageStore::new,
        }
    }
}

/// The timeout for querying the daemon's insecure registries.
const SETTINGS_LIMIT: Duration = Duration::from_secs(3);

/// A client of real registries with the insecure registries of `daemon`. The daemon is queried only if needed; without
/// one, only registries on this machine may lack TLS.
pub fn registry_client(credentials: Arc<CredentialStore>, daemon: Daemon) -> RegistryClient {
    RegistryClient::new(credentials).with_insecure(move || {
        let daemon = daemon.clone();
        Box::pin(async move {
            let told = tokio::time::timeout(SETTINGS_LIMIT, daemon.insecure_registries()).await;
            told.ok().and_then(Result::ok).unwrap_or_default()
        })
    })
}
