//! Programs in a container.

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::sync::RemoteError;

/// Starts programs in one container.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Starts `command`, whose first word is the program.
    ///
    /// # Errors
    /// [`RemoteError`] if it cannot be started. Some clusters report a missing program only at its end.
    async fn start(&self, command: &[String]) -> Result<RemoteProgram, RemoteError>;
}

/// A program that runs in a container. Dropping this ends the program, at the latest when it reads its stdin.
pub struct RemoteProgram {
    /// Its stdin.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its stdout.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its stderr.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Its exit code, or why the connection to it ended.
    pub ended: BoxFuture<'static, Result<i32, RemoteError>>,
}
