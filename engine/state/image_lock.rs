//! The lock of an image: of several parallel runs, one builds it.

use std::io;

use super::ImageStore;
use super::images::file_name;
use crate::held_file::{HeldFile, Hold};

/// Held by the process that builds an image, until the value is dropped or the process exits, even if it is killed.
#[derive(Debug)]
pub struct ImageLock {
    _held: HeldFile,
}

/// The result of an attempt to acquire an [`ImageLock`].
#[derive(Debug)]
pub enum LockAttempt {
    /// This process holds it now.
    Acquired(ImageLock),
    /// Another process holds it: the one with this process ID, if it has written it already.
    HeldBy(Option<u32>),
}

impl ImageStore {
    /// Tries to acquire the lock of `image`, without waiting.
    ///
    /// # Errors
    /// If the file cannot be written, because the store is read-only or otherwise, or the file system does not support
    /// locks.
    pub fn try_lock_image(&self, image: &str) -> io::Result<LockAttempt> {
        if !self.writes() {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let folder = self.prepare()?.join("locks");
        crate::own_file::create_folder(&folder)?;
        let path = folder.join(file_name(image));
        Ok(match HeldFile::take(&path)? {
            Hold::Acquired(held) => LockAttempt::Acquired(ImageLock { _held: held }),
            Hold::HeldBy(holder) => LockAttempt::HeldBy(holder),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_of_an_image() {
        let folder = tempfile::tempdir().expect("a directory");
        let (one, other) = (ImageStore::new(folder.path()), ImageStore::new(folder.path()));
        let attempt = |store: &ImageStore, image: &str| store.try_lock_image(image).expect("a lock");
        let LockAttempt::Acquired(held) = attempt(&one, "Api/1") else { panic!("the lock is not free") };
        let own = std::process::id();
        assert!(matches!(attempt(&other, "Api/1"), LockAttempt::HeldBy(Some(pid)) if pid == own));
        assert!(matches!(attempt(&other, "api"), LockAttempt::Acquired(_)));
        drop(held);
        assert!(matches!(attempt(&other, "Api/1"), LockAttempt::Acquired(_)));
    }
}
