//! Ctrl-C.

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::ExitStatus;

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

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
