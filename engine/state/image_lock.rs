//! The lock of an image: of several parallel runs, one builds it.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};

use super::ImageStore;
use super::images::file_name;

/// Held by the process that builds an image, until the value is dropped or the process exits, even if it is killed.
#[derive(Debug)]
pub struct ImageLock {
    file: File,
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
        let mut file = crate::own_file::options().create(true).truncate(false).read(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                Ok(LockAttempt::Acquired(ImageLock { file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                Ok(LockAttempt::HeldBy(text.parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for ImageLock {
    fn drop(&mut self) {
        // Without this, the old process ID would be read until the next holder has written its own.
        let _ = self.file.set_len(0);
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
