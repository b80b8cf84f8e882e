//! Registry errors.

use std::fmt;
use std::time::Duration;

use miette::Diagnostic;

use super::CredentialError;
use super::retry_after::spoken;
use crate::oci::StoreError;

/// Why a registry operation failed. Contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action} `{reference}`: {problem}")]
pub struct RegistryError {
    /// The operation that failed.
    pub action: Action,
    /// The image or repository; the registry itself for a login.
    pub reference: String,
    /// The registry's domain, `docker.io` for Docker Hub.
    pub registry: String,
    /// The kind of error.
    pub problem: RegistryErrorKind,
    /// Whether all retries are used up: callers do not retry it.
    pub is_retried: bool,
}

/// An operation on a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Copy an image to another repository.
    Copy,
    /// Push an image, or check the permission to push.
    Push,
    /// Check whether an image exists.
    LookUp,
    /// Pull an image.
    Pull,
    /// Tag an existing image.
    Tag,
    /// Check credentials.
    LogIn,
}

/// The kind of an error of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryErrorKind {
    /// 401, and no credentials were found.
    #[error("the registry requires credentials; none found")]
    CredentialsMissing,

    /// 401 although credentials were sent.
    #[error("the registry refused the credentials ({reason})")]
    CredentialsRefused {
        /// The reason in the response.
        reason: String,
    },

    /// The registry requires credentials, and the credential store failed.
    #[error("{0}")]
    Credentials(#[source] Box<CredentialError>),

    /// 403, or a token without the permission.
    #[error("the registry denied access ({reason})")]
    Denied {
        /// The reason in the response.
        reason: String,
    },

    /// 404: no such repository, tag, manifest or platform.
    #[error("not found ({reason})")]
    NotFound {
        /// The reason in the response.
        reason: String,
    },

    /// 429 to the last try.
    #[error("rate limit exceeded ({reason})")]
    TooManyRequests {
        /// The reason in the response.
        reason: String,
        /// The wait that the registry requested.
        after: Option<Duration>,
    },

    /// 5xx to the last try.
    #[error("registry server error ({reason})")]
    Broken {
        /// The status and the reason in the response.
        reason: String,
        /// The wait that the registry requested.
        after: Option<Duration>,
    },

    /// 416: the registry expects other bytes of the blob.
    #[error("the registry expects a different range of the blob ({reason})")]
    OutOfRange {
        /// The reason in the response.
        reason: String,
    },

    /// 409 or 412: existing content conflicts.
    #[error("the registry does not replace existing content ({reason})")]
    Conflict {
        /// The reason in the response.
        reason: String,
    },

    /// 405, 406, 415, 501 or 505: the registry cannot do this.
    #[error("the registry does not support this ({reason})")]
    Unsupported {
        /// The reason in the response.
        reason: String,
    },

    /// 413: the request exceeds the size limit of the registry or of a reverse proxy.
    #[error("the request is too large for the registry ({reason})")]
    TooLarge {
        /// The reason in the response.
        reason: String,
    },

    /// 507 or 402: no space or no quota left.
    #[error("the registry has no space left ({reason})")]
    Full {
        /// The reason in the response.
        reason: String,
    },

    /// 407, from the proxy between this machine and the registry.
    #[error("the proxy requires credentials ({reason})")]
    Proxy {
        /// The reason in the response.
        reason: String,
    },

    /// 511: the local network requires authentication (RFC 6585, section 6).
    #[error("the network requires a login ({reason})")]
    Captive {
        /// The reason in the response.
        reason: String,
    },

    /// Any other refusal.
    #[error("the registry refused ({reason})")]
    Refused {
        /// The status and the reason in the response.
        reason: String,
    },

    /// No connection, or it broke at the last try.
    #[error("`{host}` is unreachable ({reason})")]
    Unreachable {
        /// The host that was contacted: the registry or its token server.
        host: String,
        /// The message of the system.
        reason: String,
    },

    /// A timeout.
    #[error("`{host}` timed out ({reason})")]
    Timeout {
        /// The host that was contacted.
        host: String,
        /// The limit that was exceeded.
        reason: String,
    },

    /// The client or the server rejected the certificate or the handshake.
    #[error("TLS error with `{host}` ({reason})")]
    Tls {
        /// The host that was contacted.
        host: String,
        /// The reason.
        reason: String,
    },

    /// A registry without TLS.
    #[error("`{host}` uses HTTP, not HTTPS")]
    PlainHttp {
        /// The host that was contacted.
        host: String,
    },

    /// A response that violates the distribution specification.
    #[error("invalid response ({reason})")]
    Malformed {
        /// The reason.
        reason: String,
    },

    /// Content whose digest is not the requested one.
    #[error("digest mismatch (expected {expected}, got {actual})")]
    DigestMismatch {
        /// The requested digest.
        expected: String,
        /// The digest of the received content.
        actual: String,
    },

    /// The local image store failed.
    #[error("{0}")]
    Store(#[source] StoreError),
}

impl RegistryErrorKind {
    /// Replaces missing credentials by `error`, if that is their cause.
    pub(super) fn because_of(self, error: Option<CredentialError>) -> Self {
        match (self, error) {
            (Self::CredentialsMissing, Some(error)) => Self::Credentials(Box::new(error)),
            (problem, _) => problem,
        }
    }

    /// Whether a retry may succeed.
    pub fn may_pass(&self) -> bool {
        use RegistryErrorKind::{Broken, Timeout, TooManyRequests, Unreachable};
        matches!(self, Broken { .. } | TooManyRequests { .. } | Unreachable { .. } | Timeout { .. })
    }

    /// Whether a retry may succeed if other clients push in parallel: during parallel pushes of one manifest, or
    /// shortly after a blob was pushed, a registry may respond with 400 or 409.
    pub(super) fn may_be_race(&self) -> bool {
        self.may_pass() || matches!(self, Self::Refused { .. } | Self::Conflict { .. })
    }

    /// Whether a retry of a chunk may succeed: the registry reports which range it expects.
    pub(super) fn may_be_lost_chunk(&self) -> bool {
        self.may_pass() || matches!(self, Self::OutOfRange { .. })
    }

    /// Whether a new upload may succeed. Uploads are lost if another client pushes the same blob, the registry
    /// restarts, or the token expires.
    pub(super) fn may_be_lost_upload(&self) -> bool {
        self.may_be_race()
            || matches!(
                self,
                Self::NotFound { .. } | Self::OutOfRange { .. } | Self::CredentialsRefused { .. }
            )
    }

    /// The wait that the server requested.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { after, .. } | Self::Broken { after, .. } => *after,
            _ => None,
        }
    }
}

impl RegistryError {
    /// Whether the registry itself refused. Other errors prove nothing: a daemon on another machine, with other
    /// certificates or proxies, may succeed.
    pub fn is_refusal(&self) -> bool {
        use RegistryErrorKind::{Credentials, CredentialsMissing, CredentialsRefused, Denied, NotFound};
        matches!(
            self.problem,
            Credentials(_) | CredentialsMissing | CredentialsRefused { .. } | Denied { .. } | NotFound { .. }
        )
    }

    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        self.problem.may_pass()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Copy => "copy",
            Self::Push => "push",
            Self::LookUp => "look up",
            Self::Pull => "pull",
            Self::Tag => "tag",
            Self::LogIn => "log in to",
        })
    }
}

impl Diagnostic for RegistryError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(match &self.problem {
            RegistryErrorKind::CredentialsMissing | RegistryErrorKind::CredentialsRefused { .. } => {
                "registry::unauthorized"
            }
            RegistryErrorKind::Credentials(error) => return error.code(),
            RegistryErrorKind::Denied { .. } => "registry::denied",
            RegistryErrorKind::NotFound { .. } => "registry::not_found",
            RegistryErrorKind::TooManyRequests { .. } => "registry::too_many_requests",
            RegistryErrorKind::Broken { .. } => "registry::broken",
            RegistryErrorKind::Conflict { .. } => "registry::conflict",
            RegistryErrorKind::Unsupported { .. } => "registry::unsupported",
            RegistryErrorKind::TooLarge { .. } => "registry::too_large",
            RegistryErrorKind::Full { .. } => "registry::full",
            RegistryErrorKind::Proxy { .. } => "registry::proxy",
            RegistryErrorKind::Captive { .. } => "registry::captive_portal",
            RegistryErrorKind::Refused { .. } | RegistryErrorKind::OutOfRange { .. } => "registry::refused",
            RegistryErrorKind::Unreachable { .. } => "registry::unreachable",
            RegistryErrorKind::Timeout { .. } => "registry::timeout",
            RegistryErrorKind::Tls { .. } => "registry::tls",
            RegistryErrorKind::PlainHttp { .. } => "registry::plain_http",
            RegistryErrorKind::Malformed { .. } => "registry::malformed",
            RegistryErrorKind::DigestMismatch { .. } => "registry::digest_mismatch",
            RegistryErrorKind::Store(error) => return error.code(),
        }))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let registry = &self.registry;
        Some(Box::new(match &self.problem {
            RegistryErrorKind::CredentialsRefused { .. } if self.action == Action::LogIn => {
                "check the user name and password; many registries require an access token as the password"
                    .to_owned()
            }
            RegistryErrorKind::CredentialsMissing | RegistryErrorKind::CredentialsRefused { .. } => {
                format!("run `windlass login {registry}`")
            }
            RegistryErrorKind::Credentials(error) => return error.help(),
            RegistryErrorKind::Denied { .. } => format!(
                "check the name, or run `windlass login {registry}` with an account that may {} it",
                self.action
            ),
            RegistryErrorKind::NotFound { .. } if self.action == Action::Push => {
                "create the repository in the registry, or correct the image name".to_owned()
            }
            RegistryErrorKind::NotFound { .. } => "check the name, the tag and the platform".to_owned(),
            RegistryErrorKind::TooManyRequests { after: Some(after), .. } => {
                format!("try again in {}; `windlass login {registry}` often raises the limit", spoken(*after))
            }
            RegistryErrorKind::TooManyRequests { .. } => {
                format!("try again later; `windlass login {registry}` often raises the limit")
            }
            RegistryErrorKind::Broken { after: Some(after), .. } => {
                format!("try again in {}", spoken(*after))
            }
            RegistryErrorKind::Conflict { .. } => "choose another tag".to_owned(),
            RegistryErrorKind::Unsupported { .. } => {
                format!("use a registry that can {}: {registry} may be a mirror, or read-only", self.action)
            }
            RegistryErrorKind::TooLarge { .. } => format!(
                "raise the limit of {registry} or of its reverse proxy (nginx: `client_max_body_size 0`)"
            ),
            RegistryErrorKind::Full { .. } => {
                format!("remove unused images from {registry}, or request a higher quota")
            }
            RegistryErrorKind::Proxy { .. } => {
                "set HTTPS_PROXY or HTTP_PROXY to http://USER:PASSWORD@HOST:PORT".to_owned()
            }
            RegistryErrorKind::Captive { .. } => {
                "open any page in a browser, log in there, then try again".to_owned()
            }
            RegistryErrorKind::Broken { .. } => {
                format!("try again later, or contact the admin of {registry}")
            }
            RegistryErrorKind::Refused { .. }
            | RegistryErrorKind::OutOfRange { .. }
            | RegistryErrorKind::Malformed { .. } => {
                format!("check that {registry} is a container registry")
            }
            RegistryErrorKind::Unreachable { host, .. } => {
                format!(
                    "check the name, the network and, behind a proxy, HTTPS_PROXY and NO_PROXY for {host}"
                )
            }
            RegistryErrorKind::Timeout { host, .. } => format!("check the network to {host}, then try again"),
            RegistryErrorKind::Tls { host, .. } => {
                format!("put the CA certificate of {host} into `/etc/docker/certs.d/{host}/ca.crt`")
            }
            RegistryErrorKind::PlainHttp { host } => {
                format!("enable TLS, or add {host} to `insecure-registries` of the Docker daemon")
            }
            RegistryErrorKind::DigestMismatch { .. } => {
                format!("try again without proxies and mirrors between this machine and {registry}")
            }
            RegistryErrorKind::Store(error) => return error.help(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_reference_and_reason_and_help_names_the_registry() {
        let error = RegistryError {
            action: Action::Push,
            reference: "ghcr.io/acme/app:1.4".into(),
            registry: "ghcr.io".into(),
            problem: RegistryErrorKind::CredentialsMissing,
            is_retried: false,
        };
        let expected = "cannot push `ghcr.io/acme/app:1.4`: the registry requires credentials; none found";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.help().expect("help").to_string(), "run `windlass login ghcr.io`");
        assert!(error.is_refusal() && !error.is_transient());
    }
}
