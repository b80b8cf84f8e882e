//! The docker builder: a Docker daemon, found as the docker CLI finds it.

mod buildkit;
mod buildx;
mod cache_race;
mod classic;
mod cli;
mod client;
mod context_copy;
mod daemon;
mod daemon_error;
mod discovery;
mod endpoint;
mod environment;
mod images;
mod layer_progress;
mod load;
mod proxies;
mod push;
mod save;
mod shared_key;
mod staging;
mod transcript;
mod transport;

pub use buildkit::{BuildKit, CredentialLookup};
pub use buildx::{Buildx, BuildxBuild, ReadyBuilders};
pub use classic::{AuthLookup, Classic};
pub use cli::{DockerCli, lead_to};
pub use daemon::{Daemon, DaemonFacts};
pub use daemon_error::DaemonError;
pub use discovery::{DiscoveredEndpoint, DiscoveryError, DiscoveryInputs, find};
pub use endpoint::{Endpoint, TlsFiles};
pub use environment::wants_build_kit;
pub use images::DaemonImage;
pub use proxies::proxies;
pub use push::{PushError, PushOutcome};
pub use transport::TransportError;
