//! Ctrl-C.

/// Ends when the user interrupts the program, or it is asked to end: Ctrl-C, SIGTERM. Never where the system
/// cannot tell. Counts from the call on, which has to be inside a runtime, not only once it is awaited.
#[cfg(unix)]
pub fn interrupted() -> impl Future<Output = ()> + Send {
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
