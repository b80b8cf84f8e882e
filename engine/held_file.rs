//! Files that one process at a time holds.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::own_file;

/// The pause between two checks of a file that another process holds.
const PAUSE: Duration = Duration::from_millis(50);

/// A file with the ID of the process that holds it, until the value is dropped or the process ends, even if it is
/// killed.
#[derive(Debug)]
pub struct HeldFile(File);

/// The result of an attempt to hold a file.
#[derive(Debug)]
pub enum Hold {
    /// This process holds it now.
    Acquired(HeldFile),
    /// Another process holds it: the one with this process ID, if it has written it already.
    HeldBy(Option<u32>),
}

impl HeldFile {
    /// Tries to hold the file `path`, without waiting. It is created if it is missing.
    ///
    /// # Errors
    /// If it cannot be written, or the file system does not support locks.
    pub fn take(path: &Path) -> io::Result<Hold> {
        let mut file = own_file::options().create(true).truncate(false).read(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                Ok(Hold::Acquired(Self(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                Ok(Hold::HeldBy(text.parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Like [`HeldFile::take`], but interrupts a windlass that holds it, as Ctrl-C does, and waits for its end for at
    /// most `limit`.
    ///
    /// # Errors
    /// As for [`HeldFile::take`].
    pub fn take_over(path: &Path, limit: Duration) -> io::Result<Hold> {
        let end = Instant::now() + limit;
        let mut interrupted = None;
        loop {
            let holder = match Self::take(path)? {
                Hold::HeldBy(holder) if Instant::now() < end => holder,
                hold => return Ok(hold),
            };
            if let Some(process) = holder.filter(|_| holder != interrupted) {
                // A process of another container, which has the same directory, may have the ID of another program
                // here.
                if !interrupt(process) {
                    return Ok(Hold::HeldBy(holder));
                }
                interrupted = holder;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        // Without this, the old process ID would be read until the next holder has written its own.
        let _ = self.0.set_len(0);
    }
}

/// Interrupts `process`, if it runs the same program as this one; returns whether it does.
#[cfg(unix)]
fn interrupt(process: u32) -> bool {
    let name = |process: &str| std::fs::read_to_string(format!("/proc/{process}/comm")).ok();
    if cfg!(target_os = "linux") && name(&process.to_string()).is_none_or(|found| name("self") != Some(found))
    {
        return false;
    }
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::kill_process(id, rustix::process::Signal::INT).is_ok())
}

/// Elsewhere, no program can be interrupted like that.
#[cfg(not(unix))]
fn interrupt(_process: u32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_a_file_and_is_named() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("lock");
        let take = || HeldFile::take(&path).expect("a lock");
        let Hold::Acquired(held) = take() else { panic!("it is not free") };
        let own = std::process::id();
        assert!(matches!(take(), Hold::HeldBy(Some(process)) if process == own));
        drop(held);
        assert!(matches!(take(), Hold::Acquired(_)));
    }

    #[test]
    fn another_program_is_not_interrupted() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("lock");
        let Hold::Acquired(mut held) = HeldFile::take(&path).expect("a lock") else {
            panic!("it is not free")
        };
        let mut other = std::process::Command::new("sleep").arg("1000").spawn().expect("a program");
        held.0.set_len(0).expect("written");
        std::io::Seek::rewind(&mut held.0).expect("rewound");
        write!(held.0, "{}", other.id()).expect("written");
        let hold = HeldFile::take_over(&path, Duration::from_secs(60)).expect("a lock");
        assert!(matches!(hold, Hold::HeldBy(Some(process)) if process == other.id()));
        assert!(other.try_wait().expect("a child").is_none(), "it still runs");
        other.kill().expect("ended");
        other.wait().expect("ended");
    }
}
