//! What can go wrong with a registry.

use std::fmt;
use std::time::Duration;

use miette::Diagnostic;

use super::CredentialError;
use super::retry_after::spoken;
use crate::oci::StoreError;

/// Why something could not be done at a registry. Carries no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action} `{reference}`: {problem}")]
pub struct RegistryError {
    /// What was to be done.
    pub action: Action,
    /// The image or repository; the registry itself for a login.
    pub reference: String,
    /// The registry's domain, `docker.io` for Docker Hub.
    pub registry: String,
    /// What happened.
    pub problem: Problem,
    /// Whether it was tried as often as it is worth: whoever meets it need not try again.
    pub is_retried: bool,
}

/// What was to be done at a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Bring an image to another repository.
    Copy,
    /// Upload an image, or find out whether one may.
    Push,
    /// Find out whether an image is there.
    LookUp,
    /// Read an image.
    Pull,
    /// Give an image another tag.
    Tag,
    /// Check credentials.
    LogIn,
}

/// What happened at a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// 401, and there was nothing to send.
    #[error("the registry wants credentials and there are none for it")]
    CredentialsMissing,

    /// 401 in spite of credentials.
    #[error("the registry refused the credentials ({reason})")]
    CredentialsRefused {
        /// What it said.
        reason: String,
    },

    /// The registry wants credentials, and the credential store could not answer.
    #[error("{0}")]
    Credentials(#[source] Box<CredentialError>),

    /// 403, or a token without the right.
    #[error("the registry denied access ({reason})")]
    Denied {
        /// What it said.
        reason: String,
    },

    /// 404: no such repository, tag, manifest or platform.
    #[error("it does not exist there ({reason})")]
    NotFound {
        /// What it said.
        reason: String,
    },

    /// 429 to the last try.
    #[error("the registry wants fewer requests ({reason})")]
    TooManyRequests {
        /// What it said.
        reason: String,
        /// How long it asks to wait.
        after: Option<Duration>,
    },

    /// 5xx to the last try.
    #[error("the registry is out of order ({reason})")]
    Broken {
        /// Status and what it said.
        reason: String,
        /// How long it asks to wait.
        after: Option<Duration>,
    },

    /// 416: the registry expects other bytes of the blob.
    #[error("the registry expects another part of the blob ({reason})")]
    OutOfRange {
        /// What it said.
        reason: String,
    },

    /// 409 or 412: what is there already stands in the way.
    #[error("the registry does not replace what it has ({reason})")]
    Conflict {
        /// What it said.
        reason: String,
    },

    /// 405, 406, 415, 501 or 505: the registry cannot do this.
    #[error("the registry does not support this ({reason})")]
    Unsupported {
        /// What it said.
        reason: String,
    },

    /// 413: more in one request than the registry, or what stands before it, takes.
    #[error("the registry does not take so much in one request ({reason})")]
    TooLarge {
        /// What it said.
        reason: String,
    },

    /// 507, or 402: no room, or no quota left.
    #[error("the registry has no room left for it ({reason})")]
    Full {
        /// What it said.
        reason: String,
    },

    /// 407: the proxy on the way to the registry.
    #[error("the proxy wants credentials ({reason})")]
    Proxy {
        /// What it said.
        reason: String,
    },

    /// 511: the network this machine is in (RFC 6585, 6).
    #[error("the network wants a login before it lets anything through ({reason})")]
    Captive {
        /// What it said.
        reason: String,
    },

    /// Any other refusal.
    #[error("the registry refused ({reason})")]
    Refused {
        /// Status and what it said.
        reason: String,
    },

    /// No connection, or it broke at the last try.
    #[error("`{host}` cannot be reached ({reason})")]
    Unreachable {
        /// The host that was contacted: the registry or its token server.
        host: String,
        /// What the system said.
        reason: String,
    },

    /// Silence.
    #[error("`{host}` gave no answer in time ({reason})")]
    Timeout {
        /// The host that was contacted.
        host: String,
        /// Which limit ran out.
        reason: String,
    },

    /// The certificate or the handshake was refused, by either side.
    #[error("no trusted connection to `{host}` ({reason})")]
    Tls {
        /// The host that was contacted.
        host: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A registry without TLS.
    #[error("`{host}` speaks plain HTTP where HTTPS is expected")]
    PlainHttp {
        /// The host that was contacted.
        host: String,
    },

    /// An answer against the distribution specification.
    #[error("the registry's answer makes no sense ({reason})")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },

    /// Content that does not have the digest it was asked for by.
    #[error("the registry sent other content than asked for (expected {expected}, got {actual})")]
    DigestMismatch {
        /// The digest asked for.
        expected: String,
        /// The digest of what came.
        actual: String,
    },

    /// The store of images, at this end, is the trouble.
    #[error("{0}")]
    Store(#[source] StoreError),
}

impl Problem {
    /// The same, unless credentials are missing because of `error`.
    pub(super) fn because_of(self, error: Option<CredentialError>) -> Self {
        match (self, error) {
            (Self::CredentialsMissing, Some(error)) => Self::Credentials(Box::new(error)),
            (problem, _) => problem,
        }
    }

    /// Whether trying again after a while may help.
    pub fn may_pass(&self) -> bool {
        use Problem::{Broken, Timeout, TooManyRequests, Unreachable};
        matches!(self, Broken { .. } | TooManyRequests { .. } | Unreachable { .. } | Timeout { .. })
    }

    /// The same for what others may do at the same time: a registry that meets two pushes of one manifest, or has
    /// not yet seen a blob that was just pushed, answers with 400 or 409.
    pub(super) fn may_be_race(&self) -> bool {
        self.may_pass() || matches!(self, Self::Refused { .. } | Self::Conflict { .. })
    }

    /// The same for a chunk of an upload: the registry tells which one it expects.
    pub(super) fn may_be_lost_chunk(&self) -> bool {
        self.may_pass() || matches!(self, Self::OutOfRange { .. })
    }

    /// The same for an upload, which may be lost: another one brought the same blob, the registry was restarted,
    /// or the token ended.
    pub(super) fn may_be_lost_upload(&self) -> bool {
        self.may_be_race()
            || matches!(
                self,
                Self::NotFound { .. } | Self::OutOfRange { .. } | Self::CredentialsRefused { .. }
            )
    }

    /// How long the server asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { after, .. } | Self::Broken { after, .. } => *after,
            _ => None,
        }
    }
}

impl RegistryError {
    /// Whether the registry itself said no. Otherwise nothing is proven: a daemon elsewhere, with other
    /// certificates or proxies, may well succeed.
    pub fn is_refusal(&self) -> bool {
        use Problem::{Credentials, CredentialsMissing, CredentialsRefused, Denied, NotFound};
        matches!(
            self.problem,
            Credentials(_) | CredentialsMissing | CredentialsRefused { .. } | Denied { .. } | NotFound { .. }
        )
    }

    /// Whether trying again after a while may help.
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
            Problem::CredentialsMissing | Problem::CredentialsRefused { .. } => "registry::unauthorized",
            Problem::Credentials(error) => return error.code(),
            Problem::Denied { .. } => "registry::denied",
            Problem::NotFound { .. } => "registry::not_found",
            Problem::TooManyRequests { .. } => "registry::too_many_requests",
            Problem::Broken { .. } => "registry::broken",
            Problem::Conflict { .. } => "registry::conflict",
            Problem::Unsupported { .. } => "registry::unsupported",
            Problem::TooLarge { .. } => "registry::too_large",
            Problem::Full { .. } => "registry::full",
            Problem::Proxy { .. } => "registry::proxy",
            Problem::Captive { .. } => "registry::captive_portal",
            Problem::Refused { .. } | Problem::OutOfRange { .. } => "registry::refused",
            Problem::Unreachable { .. } => "registry::unreachable",
            Problem::Timeout { .. } => "registry::timeout",
            Problem::Tls { .. } => "registry::tls",
            Problem::PlainHttp { .. } => "registry::plain_http",
            Problem::Malformed { .. } => "registry::malformed",
            Problem::DigestMismatch { .. } => "registry::digest_mismatch",
            Problem::Store(error) => return error.code(),
        }))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let registry = &self.registry;
        Some(Box::new(match &self.problem {
            Problem::CredentialsRefused { .. } if self.action == Action::LogIn => {
                "check the user name and the password; many registries want an access token in its place"
                    .to_owned()
            }
            Problem::CredentialsMissing | Problem::CredentialsRefused { .. } => {
                format!("run `windlass login {registry}`")
            }
            Problem::Credentials(error) => return error.help(),
            Problem::Denied { .. } => format!(
                "check the name; if it is right, run `windlass login {registry}` with an account that may {} there",
                self.action
            ),
            Problem::NotFound { .. } if self.action == Action::Push => {
                "create the repository at the registry, or correct the image's name".to_owned()
            }
            Problem::NotFound { .. } => "check the name, the tag and the platform".to_owned(),
            Problem::TooManyRequests { after: Some(after), .. } => {
                format!(
                    "try again in {}; `windlass login {registry}` often gives a higher limit",
                    spoken(*after)
                )
            }
            Problem::TooManyRequests { .. } => {
                format!("wait a while; `windlass login {registry}` often gives a higher limit")
            }
            Problem::Broken { after: Some(after), .. } => format!("try again in {}", spoken(*after)),
            Problem::Conflict { .. } => "choose another tag".to_owned(),
            Problem::Unsupported { .. } => {
                format!("use a registry that can {}: {registry} may be a mirror, or read-only", self.action)
            }
            Problem::TooLarge { .. } => format!(
                "raise the limit at {registry}, or at the proxy before it (nginx: `client_max_body_size 0`)"
            ),
            Problem::Full { .. } => {
                format!("remove images that nobody needs from {registry}, or ask for a higher quota")
            }
            Problem::Proxy { .. } => {
                "give them in HTTPS_PROXY or HTTP_PROXY: http://USER:PASSWORD@HOST:PORT".to_owned()
            }
            Problem::Captive { .. } => "open any page in a browser, log in there, then try again".to_owned(),
            Problem::Broken { .. } => format!("try again later; if it lasts, tell whoever runs {registry}"),
            Problem::Refused { .. } | Problem::OutOfRange { .. } | Problem::Malformed { .. } => {
                format!("check that {registry} is a container registry")
            }
            Problem::Unreachable { host, .. } => {
                format!(
                    "check the name, the network and, behind a proxy, HTTPS_PROXY and NO_PROXY for {host}"
                )
            }
            Problem::Timeout { host, .. } => format!("check the network to {host}, then try again"),
            Problem::Tls { host, .. } => {
                format!(
                    "put the certificate of the authority behind {host} into /etc/docker/certs.d/{host}/ca.crt"
                )
            }
            Problem::PlainHttp { host } => {
                format!("give the registry TLS, or add {host} to `insecure-registries` of the docker daemon")
            }
            Problem::DigestMismatch { .. } => {
                format!("try again without proxies and mirrors between here and {registry}")
            }
            Problem::Store(error) => return error.help(),
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
            problem: Problem::CredentialsMissing,
            is_retried: false,
        };
        let expected =
            "cannot push `ghcr.io/acme/app:1.4`: the registry wants credentials and there are none for it";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.help().expect("help").to_string(), "run `windlass login ghcr.io`");
        assert!(error.is_refusal() && !error.is_transient());
    }
}
