//! What can go wrong with a daemon.

use super::Endpoint;
use super::daemon::reason_of;
use super::discovery::{DiscoveryError, Found};

/// What can go wrong with a daemon. Cheap to clone: every image that needs the daemon gets the same answer.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum DaemonError {
    /// No endpoint could be found.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Discovery(#[from] DiscoveryError),

    /// The connection broke while the daemon worked for us.
    #[error("lost the docker daemon at `{endpoint}`: {reason}")]
    #[diagnostic(code(docker::lost), help("see whether the daemon still runs: `docker version`"))]
    Lost {
        /// The endpoint.
        endpoint: String,
        /// What happened.
        reason: String,
    },

    /// The daemon answered with an error.
    #[error("the docker daemon could not {action}: {reason}")]
    #[diagnostic(code(docker::refused))]
    Refused {
        /// What it was asked to do.
        action: String,
        /// What it said.
        reason: String,
    },

    /// Nothing answers at the endpoint.
    #[error("cannot reach the docker daemon at `{endpoint}`{}: {reason}", named_by(origin))]
    #[diagnostic(code(docker::unreachable))]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// The setting it comes from.
        origin: String,
        /// Why.
        reason: String,
        /// What to do.
        #[help]
        help: String,
    },
}

impl DaemonError {
    pub(super) fn lost(found: &Found, reason: String) -> Self {
        Self::Lost { endpoint: found.endpoint.to_string(), reason }
    }

    pub(super) fn refused(action: impl Into<String>, error: &bollard::errors::Error) -> Self {
        Self::Refused { action: action.into(), reason: reason_of(error) }
    }

    pub(super) fn unreachable(found: &Found, reason: String) -> Self {
        let help = help(found, &reason);
        let reason = in_plain_words(reason);
        Self::Unreachable { endpoint: found.endpoint.to_string(), origin: found.origin.clone(), reason, help }
    }
}

/// The setting that led to the endpoint, where there is one.
fn named_by(origin: &str) -> String {
    if origin == "the default" { String::new() } else { format!(", which {origin} names") }
}

/// What the system says, as its user would.
fn in_plain_words(reason: String) -> String {
    match reason.split(" (os error").next().unwrap_or_default() {
        "No such file or directory" => "there is no such socket".to_owned(),
        "Connection refused" => "nobody listens there".to_owned(),
        "Permission denied" => "permission denied".to_owned(),
        _ => reason,
    }
}

/// The one thing to try next.
fn help(found: &Found, reason: &str) -> String {
    let reason = reason.to_lowercase();
    let is_refused = reason.contains("refused") || reason.contains("no such file");
    match &found.endpoint {
        Endpoint::Unix(path) if reason.contains("permission denied") => format!(
            "you may not use `{}`: join its group with `sudo usermod -aG docker $USER`, then log in again",
            path.display()
        ),
        Endpoint::Unix(_) | Endpoint::NamedPipe(_) if found.origin == "the default" => {
            "start docker, install it (https://docs.docker.com/get-docker), or set DOCKER_HOST".to_owned()
        }
        Endpoint::Unix(_) | Endpoint::NamedPipe(_) if is_refused => {
            format!("start the daemon that {} names, or change that setting", found.origin)
        }
        Endpoint::Ssh { url } => format!("see whether `docker --host {url} version` works"),
        _ => format!("see whether the daemon runs there, or change {}", found.origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_the_reason() {
        let check = |endpoint: Endpoint, origin: &str, reason: &str, expected: &str| {
            let help = help(&Found { endpoint, origin: origin.into(), config: None }, reason);
            assert!(help.starts_with(expected), "{help}");
        };
        let socket = || Endpoint::Unix("/d.sock".into());
        check(socket(), "the default", "Permission denied (os error 13)", "you may not use `/d.sock`: join");
        check(socket(), "the default", "No such file or directory", "start docker, install it");
        check(socket(), "DOCKER_HOST", "Connection refused", "start the daemon that DOCKER_HOST names");
        let ssh = Endpoint::Ssh { url: "ssh://h".into() };
        check(ssh, "DOCKER_HOST", "x", "see whether `docker --host ssh://h version` works");
    }
}
