//! Runs helm, and lets it finish on an interrupt.

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::process::{Exec, ExecRequest, OnLine, Process, ProcessError};

/// How long a command without side effects may continue after an interrupt.
const GRACE: Duration = Duration::from_secs(2);

/// Runs commands that must not be killed: on cancel, the command receives SIGINT, and windlass waits until it ends.
///
/// An interrupted `helm upgrade` marks its release as failed; a killed one leaves it pending, which blocks the next
/// upgrade. Only commands without side effects are killed after a grace period.
#[derive(Debug, Clone, Copy, Default)]
pub struct HelmExec;

#[async_trait]
impl Exec for HelmExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        let process = Process::requested(request).captured();
        process.interruptible(request.is_pure.then_some(GRACE)).run(cancel, on_line).await
    }
}
