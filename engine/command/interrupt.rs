//! Ctrl-C.

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::ExitStatus;
use crate::process::interrupted;

/// Cancels `cancel` at the first Ctrl-C or SIGTERM, and ends the program at once at the second.
pub fn cancel_on_interrupt(runtime: &Handle, cancel: &CancellationToken) {
    let cancel = cancel.clone();
    runtime.spawn(async move {
        interrupted().await;
        cancel.cancel();
        interrupted().await;
        std::process::exit(ExitStatus::Interrupted as i32);
    });
}
