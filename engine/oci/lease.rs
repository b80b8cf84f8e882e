//! Leases: they keep a process from removing blobs that another process uses.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The directory of leases in the directory of the store.
const FOLDER: &str = "leases";

/// The lock for removals, in the directory of the store.
const REMOVAL: &str = "removal.lock";

/// How far the clock of a file system may lag behind the system clock.
const LAG: Duration = Duration::from_secs(1);

/// Marks a store as used by a process since a point in time: blobs that were used since then are not removed. It is a
/// locked file, and the lock is released when the process exits for any reason.
#[derive(Debug)]
pub(super) struct Lease {
    since: SystemTime,
    /// `None` if the store cannot be written: then no process can remove anything from it.
    file: Option<(PathBuf, File)>,
}

/// Blocks removals until it is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    _file: Option<File>,
}

impl Lease {
    /// Acquires a lease of the store in `folder`. Waits for a removal in progress.
    pub(super) fn take(folder: &Path) -> Self {
        // Without a directory for the lock, a removal could start meanwhile. If it cannot be created, no process can
        // remove anything.
        let _ = crate::own_file::create_folder(folder);
        let _guard = keep_out_removal(folder);
        let since = SystemTime::now() - LAG;
        Self { since, file: open(&folder.join(FOLDER), since).ok() }
    }

    /// No lease: for reading a store without marking its blobs as used.
    pub(super) fn none() -> Self {
        Self { since: SystemTime::UNIX_EPOCH, file: None }
    }

    /// Whether a blob that was used at `time` was used under this lease.
    pub(super) fn covers(&self, time: SystemTime) -> bool {
        time >= self.since
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.file {
            let _ = fs::remove_file(path);
        }
    }
}

fn open(folder: &Path, since: SystemTime) -> std::io::Result<(PathBuf, File)> {
    crate::own_file::create_folder(folder)?;
    let (file, path) = tempfile::Builder::new().prefix("").tempfile_in(folder)?.keep()?;
    file.lock()?;
    file.set_modified(since)?;
    Ok((path, file))
}

/// Waits until no process removes anything from the store in `folder`, and blocks further removals. A process holds
/// this while it writes to the store, or marks a blob in it as used.
pub(super) fn keep_out_removal(folder: &Path) -> Guard {
    let lock = || {
        let file = open_lock(folder).or_else(|_| File::open(folder.join(REMOVAL)))?;
        file.lock_shared().map(|()| file)
    };
    // If the lock cannot be created, no process can remove anything.
    Guard { _file: lock().ok() }
}

fn open_lock(folder: &Path) -> std::io::Result<File> {
    let mut options = crate::own_file::options();
    options.create(true).truncate(false).read(true).open(folder.join(REMOVAL))
}

/// Starts a removal: processes that acquire a lease, write anything or use a blob for the first time wait until it
/// ends. Also returns the time of the oldest lease of a running process, and deletes the leases of processes that have
/// exited.
pub(super) fn begin_removal(folder: &Path) -> std::io::Result<(Guard, Option<SystemTime>)> {
    let lock = open_lock(folder)?;
    lock.lock()?;
    let mut oldest: Option<SystemTime> = None;
    for entry in fs::read_dir(folder.join(FOLDER)).into_iter().flatten().flatten() {
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        } else if let Ok(since) = file.metadata().and_then(|facts| facts.modified()) {
            oldest = Some(oldest.map_or(since, |oldest| oldest.min(since)));
        }
    }
    Ok((Guard { _file: Some(lock) }, oldest))
}
