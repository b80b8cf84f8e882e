//! The interface of views.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use crate::event::Event;

/// Shows events in one format. Used by the thread that owns the terminal.
pub(super) trait View: Send {
    /// Shows `event`, which happened `at` this time.
    ///
    /// # Errors
    /// If writing fails; nothing is shown after that.
    fn receive(&mut self, at: Timestamp, event: &Event) -> io::Result<()>;

    /// Refreshes the display: after a few events, and after [`View::wait`].
    ///
    /// # Errors
    /// Those of [`View::receive`].
    fn refresh(&mut self, now: Timestamp) -> io::Result<()>;

    /// Whether a program reads the output, so that incomplete output is an error.
    fn is_data(&self) -> bool {
        false
    }

    /// How long the display is valid without events; without a limit if `None`.
    fn wait(&self) -> Option<Duration>;

    /// Shows the remaining events, and clears live lines.
    ///
    /// # Errors
    /// Those of [`View::receive`].
    fn close(&mut self, now: Timestamp) -> io::Result<()>;
}
