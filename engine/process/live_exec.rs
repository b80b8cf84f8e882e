//! Real commands.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Exec, ExecRequest, OnLine, Process, ProcessError};

/// Runs real commands.
pub struct LiveExec;

#[async_trait]
impl Exec for LiveExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        Process::requested(request).run(cancel, on_line).await
    }
}
