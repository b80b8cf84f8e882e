//! Masks secrets in the output of commands.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::process::{Exec, ExecRequest, OnLine, Pipe, ProcessError};
use crate::secrets::Secrets;

/// Runs commands with another host and masks the secrets of a run in their output.
pub struct MaskedExec {
    /// The host that runs them.
    pub inner: Arc<dyn Exec>,
    /// Secrets to mask.
    pub secrets: Secrets,
}

#[async_trait]
impl Exec for MaskedExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        let mut masked = |pipe: Pipe, line: &str| on_line(pipe, &self.secrets.mask(line));
        self.inner.run(request, &mut masked, cancel).await
    }

    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        self.inner.allow(command)
    }
}
