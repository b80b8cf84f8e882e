//! A world without programs.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Exec, ExecRequest, Host, OnLine, Purpose};
use crate::process::ProcessError;

impl Host {
    /// The same world, in which a project cannot run programs (`--no-exec`). Windlass may still ask git.
    #[must_use]
    pub fn without_exec(self) -> Self {
        Self { exec: Arc::new(NoExec { inner: self.exec }), ..self }
    }
}

/// Runs nothing on behalf of a project.
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
