//! Where a Docker daemon listens.

use std::fmt;
use std::path::PathBuf;

/// Where a Docker daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A Windows named pipe.
    NamedPipe(String),
    /// Plain HTTP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// HTTP over TLS.
    Tls {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// Certificates.
        files: TlsFiles,
    },
    /// `ssh HOST docker system dial-stdio`.
    Ssh {
        /// The whole URL: `ssh://me@host:22`.
        url: String,
    },
}

/// As written in `DOCKER_HOST`.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::NamedPipe(path) => write!(formatter, "npipe://{path}"),
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => {
                write!(formatter, "tcp://{host}:{port}")
            }
            Self::Ssh { url } => formatter.write_str(url),
        }
    }
}

/// The certificates of a TLS [`Endpoint`], in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The CA certificate for the daemon's certificate.
    pub ca: Option<PathBuf>,
    /// The client certificate.
    pub cert: Option<PathBuf>,
    /// The key of the client certificate.
    pub key: Option<PathBuf>,
    /// Accept any certificate.
    pub skip_verify: bool,
}
