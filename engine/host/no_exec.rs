//! A host without commands.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::Host;
use crate::process::{Exec, ExecRequest, OnLine, ProcessError, Purpose};

impl Host {
    /// This host, on which a project cannot run commands (`--no-exec`). Windlass may still query git.
    #[must_use]
    pub fn without_exec(self) -> Self {
        Self { exec: Arc::new(NoExec { inner: self.exec }), ..self }
    }
}

/// Runs no commands of a project.
struct NoExec {
    inner: Arc<dyn Exec>,
}

#[async_trait]
impl Exec for NoExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        match request.purpose {
            Purpose::Git => self.inner.run(request, on_line, cancel).await,
            Purpose::CustomBuild | Purpose::Hook | Purpose::Script => {
                self.allow(&request.command.to_string()).map(|()| 0)
            }
        }
    }

    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        Err(ProcessError::Forbidden { command: command.to_owned() })
    }
}
