//! Errors of Docker daemons.

use super::Endpoint;
use super::daemon::reason_of;
use super::discovery::{DiscoveredEndpoint, DiscoveryError};

/// An error of a Docker daemon. Cheap to clone: every image that needs the daemon gets the same error.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum DaemonError {
    /// No endpoint could be found.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Discovery(#[from] DiscoveryError),

    /// The connection was lost during a request.
    #[error("lost the connection to the Docker daemon at `{endpoint}`: {reason}")]
    #[diagnostic(code(docker::lost), help("check that the daemon runs: `docker version`"))]
    Lost {
        /// The endpoint.
        endpoint: String,
        /// The reason.
        reason: String,
    },

    /// The daemon returned an error.
    #[error("the Docker daemon could not {action}: {reason}")]
    #[diagnostic(code(docker::refused))]
    Refused {
        /// The action that was requested.
        action: String,
        /// Its error message.
        reason: String,
    },

    /// The endpoint is unreachable.
    #[error("cannot reach the Docker daemon at `{endpoint}`{}: {reason}", named_by(origin))]
    #[diagnostic(code(docker::unreachable))]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// The setting it comes from.
        origin: String,
        /// Why.
        reason: String,
        /// The hint.
        #[help]
        help: String,
    },
}

impl DaemonError {
    pub(super) fn lost(found: &DiscoveredEndpoint, reason: String) -> Self {
        Self::Lost { endpoint: found.endpoint.to_string(), reason }
    }

    pub(super) fn refused(action: impl Into<String>, error: &bollard::errors::Error) -> Self {
        Self::Refused { action: action.into(), reason: reason_of(error) }
    }

    pub(super) fn unreachable(found: &DiscoveredEndpoint, reason: String) -> Self {
        let help = help(found, &reason);
        let reason = in_plain_words(reason);
        Self::Unreachable { endpoint: found.endpoint.to_string(), origin: found.origin.clone(), reason, help }
    }
}

/// The setting that selected the endpoint, unless it is the default.
fn named_by(origin: &str) -> String {
    if origin == "the default" { String::new() } else { format!(" (from {origin})") }
}

/// The reason without the wording of the operating system.
fn in_plain_words(reason: String) -> String {
    match reason.split(" (os error").next().unwrap_or_default() {
        "No such file or directory" => "socket not found".to_owned(),
        "Connection refused" => "connection refused".to_owned(),
        "Permission denied" => "permission denied".to_owned(),
        _ => reason,
    }
}

/// The most useful action to try next.
fn help(found: &DiscoveredEndpoint, reason: &str) -> String {
    let reason = reason.to_lowercase();
    let is_refused = reason.contains("refused") || reason.contains("no such file");
    match &found.endpoint {
        Endpoint::Unix(path) if reason.contains("permission denied") => format!(
            "get access to `{}`: join its group with `sudo usermod -aG docker $USER`, then log in again",
            path.display()
        ),
        Endpoint::Unix(_) | Endpoint::NamedPipe(_) if found.origin == "the default" => {
            "start Docker, install it (https://docs.docker.com/get-docker), or set DOCKER_HOST".to_owned()
        }
        Endpoint::Unix(_) | Endpoint::NamedPipe(_) if is_refused => {
            format!("start the daemon that {} names, or change that setting", found.origin)
        }
        Endpoint::Ssh { url } => format!("check that `docker --host {url} version` works"),
        _ => format!("check that the daemon runs there, or change {}", found.origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_the_reason() {
        let check = |endpoint: Endpoint, origin: &str, reason: &str, expected: &str| {
            let help = help(&DiscoveredEndpoint { endpoint, origin: origin.into(), config: None }, reason);
            assert!(help.starts_with(expected), "{help}");
        };
        let socket = || Endpoint::Unix("/d.sock".into());
        check(socket(), "the default", "Permission denied (os error 13)", "get access to `/d.sock`: join");
        check(socket(), "the default", "No such file or directory", "start Docker, install it");
        check(socket(), "DOCKER_HOST", "Connection refused", "start the daemon that DOCKER_HOST names");
        let ssh = Endpoint::Ssh { url: "ssh://h".into() };
        check(ssh, "DOCKER_HOST", "x", "check that `docker --host ssh://h version` works");
    }
}
