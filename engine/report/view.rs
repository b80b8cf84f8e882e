//! What shows events as they come.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use crate::event::Event;

/// Shows events in one way. Lives in the one thread that owns the terminal.
pub(super) trait View: Send {
    /// Shows `event`, which happened `at` that time.
    ///
    /// # Errors
    /// When nobody reads any more; nothing is shown from then on.
    fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()>;

    /// Brings what is shown up to date: after a few events, and when [`View::wait`] is over.
    ///
    /// # Errors
    /// As for [`View::receive`].
    fn refresh(&mut self, now: Timestamp) -> io::Result<()>;

    /// Whether a program reads it, which must not take a part for the whole.
    fn is_data(&self) -> bool {
        false
    }

    /// How long what is shown stays true without events; for good when none.
    fn wait(&self) -> Option<Duration>;

    /// Shows the rest, clears what is not meant to stay.
    ///
    /// # Errors
    /// As for [`View::receive`].
    fn close(&mut self, now: Timestamp) -> io::Result<()>;
}
