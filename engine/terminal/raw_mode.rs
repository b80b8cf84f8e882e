//! The raw mode of a terminal: every key goes to the program.

use std::io;
use std::sync::Once;

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// The raw mode of the terminal. Dropping it restores the previous mode; a panic restores it before its message.
#[derive(Debug)]
pub(super) struct RawMode(());

impl RawMode {
    /// Enters raw mode.
    ///
    /// # Errors
    /// If the terminal does not have the mode.
    pub(super) fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let _ = disable_raw_mode();
                next(panic);
            }));
        });
        enable_raw_mode()?;
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A closed terminal has no mode.
        let _ = disable_raw_mode();
    }
}
