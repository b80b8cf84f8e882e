//! Ctrl-C.

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::ExitStatus;
use crate::event::{Event, Events, Level};
use crate::process::{interrupted, interrupted_again, restore_terminal};

/// Cancels `cancel` on the first Ctrl-C, SIGTERM or SIGHUP and reports it; exits immediately on the second Ctrl-C or
/// SIGTERM.
pub fn cancel_on_interrupt(runtime: &Handle, cancel: &CancellationToken, events: &Events) {
    let (cancel, events) = (cancel.clone(), events.clone());
    // A script may run for a long time before the task starts.
    let first = {
        let _runtime = runtime.enter();
        interrupted()
    };
    runtime.spawn(async move {
        first.await;
        let second = interrupted_again();
        let message = "interrupted: stopping (press Ctrl-C again to exit immediately)".to_owned();
        events.emit(Event::Notice { image: None, level: Level::Info, message });
        cancel.cancel();
        second.await;
        restore_terminal();
        std::process::exit(i32::from(ExitStatus::Interrupted.code()));
    });
}
