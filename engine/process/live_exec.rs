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
        let process = Process::of(&request.command).directory(&request.directory);
        let mut process =
            request.environment.iter().fold(process, |process, (name, value)| process.env(name, value));
        if let Some(input) = &request.input {
            process = process.input(input.clone());
        }
        if let Some(limit) = request.limit {
            process = process.limit(limit);
        }
        if request.is_captured {
            process = process.captured();
        }
        process.run(cancel, on_line).await
    }
}
