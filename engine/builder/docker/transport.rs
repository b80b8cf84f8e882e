//! Connections to a Docker daemon for BuildKit sessions, which serve on a hijacked connection: the HTTP client
//! library cannot.

mod ssh;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Endpoint;

/// How long a daemon may take to accept a connection, TLS handshake included.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// A two-way stream of bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An error of a connection to a Docker daemon.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TransportError {
    /// A certificate or key cannot be used.
    #[error("cannot use the certificate `{}`: {reason}", path.display())]
    #[diagnostic(
        code(docker::certificate),
        help("check the directory that DOCKER_CERT_PATH or the Docker context sets")
    )]
    Certificate {
        /// The PEM file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },

    /// The connection was lost.
    #[error("lost the connection to the Docker daemon at `{endpoint}`: {reason}")]
    #[diagnostic(code(docker::lost), help("check that the daemon runs: `docker version`"))]
    Lost {
        /// Where the daemon listens.
        endpoint: String,
        /// The reason.
        reason: String,
    },

    /// The daemon returned an error.
    #[error("the Docker daemon rejected the request: {reason}")]
    #[diagnostic(code(docker::refused))]
    Refused {
        /// Its error message.
        reason: String,
    },

    /// The daemon is unreachable.
    #[error("cannot reach the Docker daemon at `{endpoint}`: {reason}")]
    #[diagnostic(code(docker::unreachable), help("start Docker, or set DOCKER_HOST to a daemon that runs"))]
    Unreachable {
        /// Where the daemon should listen.
        endpoint: String,
        /// The reason.
        reason: String,
    },
}

impl TransportError {
    pub(super) fn lost(endpoint: &Endpoint, reason: impl ToString) -> Self {
        Self::Lost { endpoint: address(endpoint), reason: reason.to_string() }
    }

    pub(super) fn refused(reason: String) -> Self {
        Self::Refused { reason }
    }

    pub(super) fn unreachable(endpoint: &Endpoint, reason: impl ToString) -> Self {
        Self::Unreachable { endpoint: address(endpoint), reason: reason.to_string() }
    }
}

/// Opens a connection to `endpoint`.
///
/// # Errors
/// [`TransportError`] if the daemon is unreachable for 15 seconds.
pub(super) async fn dial(endpoint: &Endpoint) -> Result<Box<dyn Stream>, TransportError> {
    match tokio::time::timeout(CONNECT_LIMIT, connect(endpoint)).await {
        Ok(connected) => connected,
        Err(_) => {
            let reason = format!("no response within {} seconds", CONNECT_LIMIT.as_secs());
            Err(TransportError::unreachable(endpoint, reason))
        }
    }
}

async fn connect(endpoint: &Endpoint) -> Result<Box<dyn Stream>, TransportError> {
    let unreachable = |error: std::io::Error| TransportError::unreachable(endpoint, error);
    Ok(match endpoint {
        #[cfg(unix)]
        Endpoint::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await.map_err(unreachable)?),
        #[cfg(windows)]
        Endpoint::NamedPipe(path) => {
            Box::new(tokio::net::windows::named_pipe::ClientOptions::new().open(path).map_err(unreachable)?)
        }
        Endpoint::Tcp { host, port } => Box::new(tcp(host, *port).await.map_err(unreachable)?),
        Endpoint::Tls { host, port, files } => {
            let connector = tls::connector(files)?;
            let stream = tcp(host, *port).await.map_err(unreachable)?;
            Box::new(tls::handshake(&connector, host, stream).await.map_err(unreachable)?)
        }
        Endpoint::Ssh { url } => Box::new(ssh::Tunnel::open(url).map_err(unreachable)?),
        #[allow(unreachable_patterns, reason = "the remaining kinds depend on the system")]
        _ => return Err(TransportError::unreachable(endpoint, "this system does not support such sockets")),
    })
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The endpoint as written in DOCKER_HOST.
fn address(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Unix(path) => format!("unix://{}", path.display()),
        Endpoint::NamedPipe(path) => format!("npipe://{path}"),
        Endpoint::Tcp { host, port } | Endpoint::Tls { host, port, .. } => format!("tcp://{host}:{port}"),
        Endpoint::Ssh { url } => ssh::without_password(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn unreachable_daemon_is_named() {
        let endpoint = Endpoint::Unix("/nonexistent/docker.sock".into());
        let error = dial(&endpoint).await.err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some(
                "cannot reach the Docker daemon at `unix:///nonexistent/docker.sock`: \
                 No such file or directory (os error 2)"
            )
        );
    }
}
