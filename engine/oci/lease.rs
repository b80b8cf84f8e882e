//! What keeps a process from removing what another one uses.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The folder of leases, in that of the store.
const FOLDER: &str = "leases";

/// The lock of whoever removes something, in the folder of the store.
const REMOVAL: &str = "removal.lock";

/// How much the clock of a file system may lag behind ours.
const LAG: Duration = Duration::from_secs(1);

/// Says that a process uses a store since some time: blobs that were used since then are not removed. It is a file that
/// is locked while the process lives, however it ends.
#[derive(Debug)]
pub(super) struct Lease {
    since: SystemTime,
    /// None where the store cannot be written: nobody removes anything there either.
    file: Option<(PathBuf, File)>,
}

/// Holds removal off while it lives.
#[derive(Debug)]
pub(super) struct Guard {
    _file: Option<File>,
}

impl Lease {
    /// Takes a lease of the store in `folder`. Waits for a removal that is going on.
    pub(super) fn take(folder: &Path) -> Self {
        // Without a folder for the lock, a removal could begin meanwhile. Where it cannot be made, nobody removes anything.
        let _ = crate::own_file::create_folder(folder);
        let _guard = keep_out_removal(folder);
        let since = SystemTime::now() - LAG;
        Self { since, file: open(&folder.join(FOLDER), since).ok() }
    }

    /// No lease: for somebody who looks at a store without using it.
    pub(super) fn none() -> Self {
        Self { since: SystemTime::UNIX_EPOCH, file: None }
    }

    /// Whether what was used at `time` was used under this lease.
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

/// Waits until nobody removes anything from the store in `folder`, and keeps others from it: whoever puts something into
/// the store, or counts on something in it from now on, holds this meanwhile.
pub(super) fn keep_out_removal(folder: &Path) -> Guard {
    let lock = || {
        let file = open_lock(folder).or_else(|_| File::open(folder.join(REMOVAL)))?;
        file.lock_shared().map(|()| file)
    };
    // Where the lock cannot be made, nobody removes anything either.
    Guard { _file: lock().ok() }
}

fn open_lock(folder: &Path) -> std::io::Result<File> {
    let mut options = crate::own_file::options();
    options.create(true).truncate(false).read(true).open(folder.join(REMOVAL))
}

/// Begins to remove things: whoever takes a lease, writes anything or uses a blob for the first time waits meanwhile. Returns the time of
/// the oldest lease that is alive as well, and sweeps up the dead ones.
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
