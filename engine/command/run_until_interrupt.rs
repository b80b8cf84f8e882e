//! Work that ends with Ctrl-C.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::exit_status::Failure;
use super::pipeline_run::new_runtime;
use crate::process::interrupted;

/// Waits for `work` in a separate runtime, and cancels `cancel`, which is to end it, on Ctrl-C, SIGTERM or SIGHUP.
///
/// # Errors
/// If the runtime cannot be started.
pub(super) fn run_until_interrupt<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    let runtime = new_runtime()?;
    let result = runtime.block_on(async {
        let interrupted = interrupted();
        let on_interrupt = cancel.clone();
        tokio::spawn(async move {
            interrupted.await;
            on_interrupt.cancel();
        });
        work.await
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    Ok(result)
}
