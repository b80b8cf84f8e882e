//! A Docker daemon, connected on first use.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bollard::Docker;
use bollard::models::SystemInfo;
use tokio::sync::OnceCell;

use super::discovery::{self, DiscoveredEndpoint, DiscoveryError, DiscoveryInputs};
use super::{DaemonError, Endpoint, TransportError, client};

/// How long a local daemon may take to respond for the first time.
const LOCAL_LIMIT: Duration = Duration::from_secs(5);

/// The same for a remote daemon, which includes a TLS handshake or an SSH login.
const REMOTE_LIMIT: Duration = Duration::from_secs(15);

/// The first API version with BuildKit (Engine API, version history).
const BUILDKIT_API: (u32, u32) = (1, 39);

/// A Docker daemon. Nothing is read or opened before the first call, which finds and queries the daemon once for all
/// clones. A failure is recorded too.
#[derive(Clone)]
pub struct Daemon(Arc<Inner>);

type Finder = Box<dyn FnOnce() -> Result<DiscoveredEndpoint, DiscoveryError> + Send>;

struct Inner {
    found: LazyLock<Result<DiscoveredEndpoint, DiscoveryError>, Finder>,
    connection: OnceCell<Result<Connection, DaemonError>>,
    facts: OnceCell<Result<DaemonFacts, DaemonError>>,
    info: OnceCell<Result<SystemInfo, DaemonError>>,
}

struct Connection {
    client: Docker,
    /// The version of its builder, from its response to a ping: empty for Podman, absent for a Docker without BuildKit.
    builder: Option<String>,
}

/// Facts about a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonFacts {
    /// Its version: `27.1.1`.
    pub version: String,
    /// The newest API version it supports: major, minor.
    pub api: (u32, u32),
    /// The system its containers run on: `linux` or `windows`.
    pub os: String,
    /// The architecture as Go names it: `amd64`, `arm64`.
    pub architecture: String,
    /// Whether it is Docker, rather than a daemon with a compatible API.
    pub is_docker: bool,
    /// Whether it can build with BuildKit.
    pub has_buildkit: bool,
    /// Whether it is configured to build without BuildKit, unless a request selects it.
    pub prefers_classic: bool,
}

impl Connection {
    fn is_docker(&self) -> bool {
        self.builder.as_deref() != Some("")
    }
}

impl DaemonFacts {
    /// The platform it builds for by default: `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }

    /// The newest API version it supports, as written in URLs: `1.41`.
    pub fn api_version(&self) -> String {
        format!("{}.{}", self.api.0, self.api.1)
    }
}

impl Daemon {
    /// The daemon that the environment and the Docker configuration select.
    pub fn from_environment() -> Self {
        Self::with_environment(HashMap::new)
    }

    /// Like [`Daemon::from_environment`], with the variables of `overlay` taking precedence over the environment; it
    /// is called on first use.
    pub fn with_environment(overlay: impl FnOnce() -> HashMap<String, String> + Send + 'static) -> Self {
        Self::found_by(|| {
            let home = std::env::home_dir();
            let overlay = overlay();
            discovery::find(DiscoveryInputs {
                variable: &|name| overlay.get(name).cloned().or_else(|| std::env::var(name).ok()),
                read: &crate::input_file::read_text,
                list: &|folder| {
                    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                    entries.map(|entry| entry.path()).collect()
                },
                home: home.as_deref(),
            })
        })
    }

    /// The daemon that `find` returns; it is called on first use.
    pub fn found_by(
        find: impl FnOnce() -> Result<DiscoveredEndpoint, DiscoveryError> + Send + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            found: LazyLock::new(Box::new(find)),
            connection: OnceCell::new(),
            facts: OnceCell::new(),
            info: OnceCell::new(),
        }))
    }

    /// The endpoint and the setting it comes from. Opens no connection.
    ///
    /// # Errors
    /// [`DaemonError::Discovery`] if the configuration is invalid.
    pub fn found(&self) -> Result<&DiscoveredEndpoint, DaemonError> {
        self.0.found.as_ref().map_err(|error| DaemonError::Discovery(error.clone()))
    }

    /// A client of the daemon, which has responded at least once.
    ///
    /// # Errors
    /// [`DaemonError`] if the daemon is not found, or does not respond within 5 seconds (15 if it is remote).
    pub async fn connect(&self) -> Result<&Docker, DaemonError> {
        Ok(&self.connection().await?.client)
    }

    /// Whether it is Docker, rather than a daemon with a compatible API. Unlike [`Daemon::facts`], it costs no request.
    ///
    /// # Errors
    /// As for [`Daemon::connect`].
    pub async fn is_docker(&self) -> Result<bool, DaemonError> {
        Ok(self.connection().await?.is_docker())
    }

    /// The facts about the daemon. Docker runs its helpers for their versions, which takes up to a tenth of a second.
    ///
    /// # Errors
    /// As for [`Daemon::connect`].
    pub async fn facts(&self) -> Result<&DaemonFacts, DaemonError> {
        let connection = self.connection().await?;
        let asked = self.0.facts.get_or_init(|| async {
            // Podman searches for all its executables before it responds.
            let version = connection.client.version().await;
            let version = version.map_err(|error| match self.found() {
                Ok(found) => DaemonError::unreachable(found, reason_of(&error)),
                Err(error) => error,
            })?;
            let is_docker = connection.is_docker();
            let api = version.api_version.as_deref().and_then(parse_api).unwrap_or_default();
            let os = version.os.unwrap_or_default();
            Ok(DaemonFacts {
                version: version.version.unwrap_or_default(),
                api,
                has_buildkit: is_docker && api >= BUILDKIT_API && os == "linux",
                is_docker,
                prefers_classic: connection.builder.as_deref() == Some("1"),
                os,
                architecture: version.arch.unwrap_or_default(),
            })
        });
        asked.await.as_ref().map_err(Clone::clone)
    }

    /// The registries with which the daemon uses plain HTTP or trusts any certificate: hosts, and networks
    /// like `127.0.0.0/8`.
    ///
    /// # Errors
    /// As for [`Daemon::connect`], and if the daemon rejects the request.
    pub async fn insecure_registries(&self) -> Result<BTreeSet<String>, DaemonError> {
        let config = self.info().await?.registry_config.clone().unwrap_or_default();
        let hosts = config.index_configs.unwrap_or_default().into_iter();
        let hosts = hosts.filter(|(_, index)| index.secure == Some(false)).map(|(host, _)| host);
        Ok(hosts.chain(config.insecure_registry_cidrs.unwrap_or_default()).collect())
    }

    /// Host name and kernel version of the machine it runs on.
    ///
    /// # Errors
    /// As for [`Daemon::connect`], and if the daemon rejects the request.
    pub async fn machine(&self) -> Result<(String, String), DaemonError> {
        let info = self.info().await?;
        Ok((info.name.clone().unwrap_or_default(), info.kernel_version.clone().unwrap_or_default()))
    }

    /// Its settings, requested once.
    async fn info(&self) -> Result<&SystemInfo, DaemonError> {
        let asked = self.0.info.get_or_init(|| async {
            let info = self.connect().await?.info().await;
            info.map_err(|error| DaemonError::refused("return its settings", &error))
        });
        asked.await.as_ref().map_err(Clone::clone)
    }

    async fn connection(&self) -> Result<&Connection, DaemonError> {
        let connected = self.0.connection.get_or_init(|| async {
            let found = self.found()?;
            let unreachable = |reason| DaemonError::unreachable(found, reason);
            let unusable = |error: bollard::errors::Error| unreachable(reason_of(&error));
            let (client, builder_version) = client::open(&found.endpoint).map_err(unusable)?;
            let limit = match found.endpoint {
                Endpoint::Unix(_) | Endpoint::NamedPipe(_) => LOCAL_LIMIT,
                _ => REMOTE_LIMIT,
            };
            let ping = tokio::time::timeout(limit, client.ping())
                .await
                .map_err(|_| unreachable(format!("no response within {} seconds", limit.as_secs())))?;
            // A proxy that rejects the request proves that the daemon is reachable.
            match ping {
                Ok(_) | Err(bollard::errors::Error::DockerResponseServerError { .. }) => {}
                Err(error) => return Err(unusable(error)),
            }
            Ok(Connection { client, builder: builder_version.get().cloned() })
        });
        connected.await.as_ref().map_err(Clone::clone)
    }
}

/// The numbers of an API version: `1.41`.
fn parse_api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The reason in a bollard error, as worded by the daemon or the system.
pub(super) fn reason_of(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError { message, status_code } => match message.trim() {
            "" => format!("it responded with status {status_code}"),
            message => message.to_owned(),
        },
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => "it timed out".to_owned(),
        Error::IOError { err } => match transport_error(err) {
            Some(TransportError::Lost { reason, .. } | TransportError::Unreachable { reason, .. }) => {
                reason.clone()
            }
            Some(error) => error.to_string(),
            None => err.to_string(),
        },
        // The message of an HTTP library does not help the user; its innermost cause may.
        Error::HyperResponseError { err } => {
            let mut cause: &dyn std::error::Error = err;
            while let Some(source) = cause.source() {
                cause = source;
            }
            match cause.downcast_ref::<io::Error>() {
                Some(error) => error.to_string(),
                None => "it closed the connection".to_owned(),
            }
        }
        other => other.to_string(),
    }
}

fn transport_error(error: &io::Error) -> Option<&TransportError> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_are_parsed() {
        let check = |text, expected| assert_eq!(parse_api(text), expected, "{text}");
        check("1.41", Some((1, 41)));
        check("1", None);
        check("x.1", None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_that_does_not_respond_is_explained() {
        let daemon = Daemon::found_by(|| {
            Ok(DiscoveredEndpoint {
                endpoint: Endpoint::Unix("/no/such.sock".into()),
                origin: "DOCKER_HOST".into(),
                config: None,
            })
        });
        let error = daemon.connect().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot reach the Docker daemon at `unix:///no/such.sock` (from DOCKER_HOST): socket not found"
        );
    }
}
