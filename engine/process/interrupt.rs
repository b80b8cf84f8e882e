//! Ctrl-C, and the other signals that ask a program to end.

/// Ends when the user interrupts the program, or it is asked to end: Ctrl-C, SIGTERM, or SIGHUP, where that is not ignored
/// as with `nohup`. Never where the system cannot tell. Counts from the call on, which has to be inside a runtime, not only
/// once it is awaited.
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

/// Like [`interrupted`], but SIGHUP does not count: when a terminal is closed, the system sends it and so does the shell.
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

/// Whether SIGHUP would end this program: a program that is to outlive its terminal was started with it ignored, and must
/// not be given a handler. Where the system does not tell, SIGHUP keeps the meaning it has.
#[cfg(unix)]
fn hangup_ends_programs() -> bool {
    let status = crate::input_file::read_text(std::path::Path::new("/proc/self/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is signal 1, which is SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 0)
}

/// Ends when the user interrupts the program with Ctrl-C. Never where the system cannot tell. Counts from the call on,
/// which has to be inside a runtime, not only once it is awaited.
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
