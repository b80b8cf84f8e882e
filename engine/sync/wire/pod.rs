//! Programs in a container of a pod.

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::{Connector, RemoteProgram};
use crate::cluster::{ClusterAccess, ClusterError, ContainerTarget, ExecError, ExecOptions};
use crate::sync::RemoteError;

/// Starts programs in a container of a pod.
pub struct PodConnector {
    access: ClusterAccess,
    target: ContainerTarget,
}

impl PodConnector {
    /// For the container `target`.
    pub fn new(access: ClusterAccess, target: ContainerTarget) -> Self {
        Self { access, target }
    }
}

#[async_trait]
impl Connector for PodConnector {
    async fn start(&self, command: &[String]) -> Result<RemoteProgram, RemoteError> {
        let options = ExecOptions { stdin: true, terminal: None };
        let started = self.access.exec(&self.target, command, options).await;
        if let Err(ExecError::Cluster(ClusterError::Unauthorized { .. })) = started {
            // The next attempt has another token.
            self.access.log_in_again().await;
        }
        let stream = started?;
        let no_stdin = || RemoteError::Lost { reason: "it has no stdin".to_owned() };
        Ok(RemoteProgram {
            stdin: Box::new(stream.stdin.ok_or_else(no_stdin)?),
            stdout: Box::new(stream.stdout),
            stderr: Box::new(stream.stderr),
            ended: async move { Ok(stream.end.wait().await?) }.boxed(),
        })
    }
}

impl From<ExecError> for RemoteError {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::ProgramNotFound { program, .. } => {
                Self::without_shell(&format!("no program `{program}`"))
            }
            ExecError::ContainerNotFound { .. } | ExecError::PodNotFound { .. } => {
                Self::Gone { reason: error.to_string() }
            }
            ExecError::Lost { reason, .. } => Self::Lost { reason },
            ExecError::Cluster(error) => Self::Lost { reason: error.to_string() },
            ExecError::Forbidden { .. } | ExecError::Refused { .. } => Self::Exec(error),
        }
    }
}
