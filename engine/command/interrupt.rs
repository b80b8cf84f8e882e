//! Ctrl-C.

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::ExitStatus;
use crate::event::{Event, Events, Level};
use crate::process::{interrupted, interrupted_again};

/// Cancels `cancel` at the first Ctrl-C, SIGTERM or SIGHUP, which is told, and ends the program at once at the second Ctrl-C
/// or SIGTERM.
pub fn cancel_on_interrupt(runtime: &Handle, cancel: &CancellationToken, events: &Events) {
    let (cancel, events) = (cancel.clone(), events.clone());
    // A script may run long before the task gets its turn.
    let first = {
        let _runtime = runtime.enter();
        interrupted()
    };
    runtime.spawn(async move {
        first.await;
        let second = interrupted_again();
        let message = "interrupted: stopping what runs (a second Ctrl-C ends windlass at once)".to_owned();
        events.emit(Event::Notice { image: None, level: Level::Info, message });
        cancel.cancel();
        second.await;
        std::process::exit(i32::from(ExitStatus::Interrupted.code()));
    });
}
