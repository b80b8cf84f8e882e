//! Ctrl-C and other termination signals.

use std::io;
use std::pin::pin;

use tokio_util::sync::CancellationToken;

/// Runs `work` in a separate runtime until it ends, also after an interrupt, which cancels `cancel`. Blocks: do not call it
/// from async code.
///
/// # Errors
/// If the system has no resources for a runtime.
pub fn block_on<T>(cancel: &CancellationToken, work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let mut work = pin!(work);
        tokio::select! {
            // Listen before the work starts: otherwise, an early interrupt ends windlass but not its commands.
            biased;
            () = interrupted() => {
                cancel.cancel();
                work.await
            }
            ended = &mut work => ended,
        }
    }))
}

/// Resolves on an interrupt: Ctrl-C, SIGTERM, or SIGHUP unless that is ignored, as with `nohup`. Never resolves if the
/// system does not report signals. Signals are received from the call on, not only while the future is awaited; the
/// call must be inside a runtime.
#[cfg(unix)]
pub fn interrupted() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = interrupted_again();
    let hangup = if hangup_ends_programs() { signal(SignalKind::hangup()).ok() } else { None };
    async move {
        let hung_up = async {
            match hangup {
                Some(mut hangup) => _ = hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = asked => {}
            () = hung_up => {}
        }
    }
}

/// Like [`interrupted`], but ignores SIGHUP: when a terminal is closed, both the system and the shell send it.
#[cfg(unix)]
pub fn interrupted_again() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Whether SIGHUP ends this process: a process that must survive its terminal was started with SIGHUP ignored, and must
/// not install a handler. If the system does not report this, SIGHUP is not handled.
#[cfg(unix)]
fn hangup_ends_programs() -> bool {
    let status = crate::input_file::read_text(std::path::Path::new("/proc/self/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is signal 1, which is SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 0)
}

/// Resolves on Ctrl-C. Never resolves if the system does not report it. Ctrl-C is received from the call on, not only
/// while the future is awaited; the call must be inside a runtime.
#[cfg(not(unix))]
pub fn interrupted() -> impl Future<Output = ()> + Send {
    let interrupt = tokio::signal::windows::ctrl_c();
    async move {
        match interrupt {
            Ok(mut interrupt) => _ = interrupt.recv().await,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Like [`interrupted`].
#[cfg(not(unix))]
pub fn interrupted_again() -> impl Future<Output = ()> + Send {
    interrupted()
}
