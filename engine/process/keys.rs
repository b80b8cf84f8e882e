//! Single keys of the terminal.

/// Reads keys until it is dropped, which restores the terminal.
pub struct Keys {
    /// Ends the thread: it must not read input that is typed for another program.
    #[cfg(unix)]
    _stop: std::io::PipeWriter,
}

/// Passes every key that is pressed to `receive`. `None` if stdin is not a terminal, or this process is not in the
/// foreground there. Ctrl-C works as before.
#[cfg(unix)]
pub fn read_keys(receive: impl Fn(char) + Send + 'static) -> Option<Keys> {
    use std::io::IsTerminal as _;

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcgetpgrp, tcsetattr};

    let stdin = std::io::stdin();
    if !stdin.is_terminal() || tcgetpgrp(&stdin).ok()? != rustix::process::getpgrp() {
        return None;
    }
    let before = tcgetattr(&stdin).ok()?;
    let mut mode = before.clone();
    mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    *crate::lock::lock(&BEFORE) = Some(before);
    tcsetattr(&stdin, OptionalActions::Now, &mode).ok()?;
    let (stopped, stop) = std::io::pipe().ok()?;
    let read = move || {
        use rustix::event::{PollFd, PollFlags, poll};

        let stdin = std::io::stdin();
        let mut byte = [0];
        loop {
            let mut ready = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&stopped, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
            if !ready[1].revents().is_empty() {
                return;
            }
            if !ready[0].revents().is_empty() {
                match rustix::io::read(&stdin, &mut byte) {
                    Ok(1..) => receive(char::from(byte[0])),
                    Ok(_) | Err(_) => return,
                }
            }
        }
    };
    match std::thread::Builder::new().name("keys".to_owned()).spawn(read) {
        Ok(_) => Some(Keys { _stop: stop }),
        Err(_) => {
            restore_terminal();
            None
        }
    }
}

/// Keys are read on Unix only.
#[cfg(not(unix))]
pub fn read_keys(_receive: impl Fn(char) + Send + 'static) -> Option<Keys> {
    None
}

/// The mode of the terminal before keys were read.
#[cfg(unix)]
static BEFORE: std::sync::Mutex<Option<rustix::termios::Termios>> = std::sync::Mutex::new(None);

/// Restores the mode of the terminal, if keys are being read.
pub fn restore_terminal() {
    #[cfg(unix)]
    if let Some(before) = crate::lock::lock(&BEFORE).take() {
        // Fails only if the terminal was closed, which needs no mode.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &before);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore_terminal();
    }
}
