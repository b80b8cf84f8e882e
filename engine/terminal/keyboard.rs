//! Standard input, read by one thread for the life of the process.

use std::io::{self, IsTerminal as _, Read as _};
use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc;

/// The maximum size of a block.
const BLOCK: usize = 16 * 1024;

/// The blocks of standard input. A thread that waits for input cannot be stopped, so one `Keyboard` serves all
/// containers of a run, one after another: none reads the input of the next.
#[derive(Debug, Default)]
pub(crate) struct Keyboard(Option<mpsc::Receiver<Bytes>>);

impl Keyboard {
    /// The next block; `None` at the end of input. Reading begins with the first call.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.0.get_or_insert_with(start).recv().await
    }
}

/// Starts the thread. If it cannot start, the input is empty.
fn start() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(4);
    let read = move || {
        let mut block = vec![0; BLOCK];
        loop {
            match io::stdin().lock().read(&mut block) {
                Ok(count) if count > 0 => {
                    if sender.blocking_send(Bytes::copy_from_slice(&block[..count])).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    };
    let _ = thread::Builder::new().name("keyboard".to_owned()).spawn(read);
    receiver
}

/// Whether a command in a container can have a terminal: input and output are one.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether standard input may have content: it is not `/dev/null` and not an empty file.
#[cfg(unix)]
pub(crate) fn has_input() -> bool {
    use rustix::fs::{FileType, fstat, stat};
    let Ok(input) = fstat(io::stdin()) else { return false };
    match FileType::from_raw_mode(input.st_mode) {
        FileType::RegularFile => input.st_size > 0,
        FileType::CharacterDevice => stat("/dev/null").is_ok_and(|null| null.st_rdev != input.st_rdev),
        _ => true,
    }
}

/// Whether standard input may have content.
#[cfg(not(unix))]
pub(crate) fn has_input() -> bool {
    true
}
