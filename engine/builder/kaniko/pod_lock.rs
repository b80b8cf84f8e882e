//! Records which pods this machine has created, so that a later run can remove those of a killed windlass process.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A file that records that a pod exists, locked while the windlass process that created it runs. However that
/// process ends, the system releases the lock.
pub(super) struct PodLock {
    path: PathBuf,
    file: File,
}

/// The pod that a lock file records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LockedPod {
    /// The URL of the API server.
    pub(super) server: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
}

impl PodLock {
    /// Records in `folder` that `pod` is about to be created.
    ///
    /// # Errors
    /// If the file cannot be written or locked.
    pub(super) fn new(folder: &Path, pod: &LockedPod) -> io::Result<Self> {
        crate::own_file::create_folder(folder)?;
        let path = folder.join(format!("{}.json", pod.name));
        let mut file = crate::own_file::options().create_new(true).open(&path)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec(pod)?)?;
        Ok(Self { path, file })
    }

    /// The lock files in `folder` that are no longer locked, each with its pod. Each is locked by this process
    /// from now on.
    pub(super) fn abandoned(folder: &Path) -> Vec<(Self, LockedPod)> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::take_over(entry.path())).collect()
    }

    fn take_over(path: PathBuf) -> Option<(Self, LockedPod)> {
        let file = crate::input_file::open(&path).ok()?;
        match file.try_lock() {
            Ok(()) => {}
            // Without locks, it is unknown whether the process still runs.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
        // The process may have just removed it, or might not have written it yet.
        let pod = serde_json::from_slice(&crate::input_file::read(&path).ok()?).ok()?;
        Some((Self { path, file }, pod))
    }

    /// Removes the lock file, because the pod is deleted.
    pub(super) fn remove(self) {
        // A file that stays costs the next run one request.
        let _ = fs::remove_file(&self.path);
        drop(self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_abandoned_when_its_holder_has_ended() {
        let folder = tempfile::tempdir().expect("a directory");
        let pod = |name: &str| LockedPod {
            server: "https://s".to_owned(),
            namespace: "dev".to_owned(),
            name: name.to_owned(),
        };
        let held = PodLock::new(folder.path(), &pod("a")).expect("a mark");
        drop(PodLock::new(folder.path(), &pod("b")).expect("a mark"));
        fs::write(folder.path().join("c.json"), "{").expect("a file");
        let abandoned = PodLock::abandoned(folder.path());
        assert_eq!(abandoned.iter().map(|(_, pod)| pod.name.as_str()).collect::<Vec<_>>(), ["b"]);
        // It is locked now, so it is not found again.
        assert!(PodLock::abandoned(folder.path()).is_empty());
        abandoned.into_iter().for_each(|(mark, _)| mark.remove());
        held.remove();
        assert!(PodLock::abandoned(folder.path()).is_empty());
    }
}
