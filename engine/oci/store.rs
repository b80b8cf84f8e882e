//! The image store: a directory of blobs named by their digest.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::lease::{self, Lease};
use super::{BlobWriter, StoreError};
use crate::cache_folder::cache_folder;
use crate::image::Digest;

/// The user's image store, a directory in the form of an OCI image layout: `blobs/sha256/HEX`. Next to the blobs are
/// the names of images and the records about layers.
///
/// It is shared by all projects and by parallel runs: a blob is written to a temporary file, renamed when it is
/// complete, and never changes. A blob's modification time is the time of its last use. Cheap to clone.
///
/// While a process runs, other processes do not remove blobs that it has used, or blobs that these reference: it holds
/// a [`Lease`] from its first use on. A process that removes blobs keeps others from writing meanwhile.
#[derive(Debug, Clone)]
pub struct BlobStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    lease: OnceLock<Lease>,
}

/// An open blob: it can be read to the end even if it is removed meanwhile.
#[derive(Debug)]
pub struct Blob {
    /// Its content.
    pub file: File,
    /// Its length in bytes.
    pub size: u64,
}

impl BlobStore {
    /// The store in `folder`, which is created by the first write.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { folder: folder.into(), lease: OnceLock::new() }))
    }

    /// The store of the user: `windlass/oci` in `$XDG_CACHE_HOME`, or in `~/.cache` without it. `variable` looks up
    /// environment variables.
    pub fn of_user(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::new(cache_folder(variable).join("oci"))
    }

    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Opens the blob `digest` and marks it as used; `None` if it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Folder`] if it exists and cannot be read.
    pub fn get(&self, digest: &Digest) -> Result<Option<Blob>, StoreError> {
        let path = self.path(digest);
        let open = || -> io::Result<Blob> {
            // A missing blob needs no lease. A blob that was opened before the lease may be removed until the lease
            // exists.
            path.metadata()?;
            let lease = self.lease();
            let mut file = File::open(&path)?;
            let mut facts = file.metadata()?;
            if !facts.modified().is_ok_and(|used| lease.covers(used)) {
                // Another process may be about to remove it.
                let _guard = lease::keep_out_removal(self.folder());
                file = File::open(&path)?;
                facts = file.metadata()?;
                // A read-only store can still be read.
                let _ = file.set_modified(SystemTime::now());
            }
            Ok(Blob { file, size: facts.len() })
        };
        match open() {
            Ok(blob) => Ok(Some(blob)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Whether the blob `digest` exists and has `size` bytes: a blob of another size is damaged, and is replaced when
    /// it is written again.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn has(&self, digest: &Digest, size: u64) -> Result<bool, StoreError> {
        Ok(self.get(digest)?.is_some_and(|blob| blob.size == size))
    }

    /// The content of a small blob, after checking its digest: a damaged blob is removed and counts as missing.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut blob) = self.get(digest)? else { return Ok(None) };
        let mut content = Vec::new();
        blob.file.read_to_end(&mut content).map_err(|error| self.refused(&error))?;
        if Digest::of(&content) == *digest {
            return Ok(Some(content));
        }
        self.remove(digest).map(|()| None)
    }

    /// Reads the whole blob `digest` and returns whether its content matches the digest. Removes a damaged blob.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn read_through(&self, digest: &Digest) -> Result<bool, StoreError> {
        let Some(mut blob) = self.get(digest)? else { return Ok(false) };
        let mut hasher = sha2::Sha256::default();
        io::copy(&mut blob.file, &mut Hashing(&mut hasher)).map_err(|error| self.refused(&error))?;
        if Digest::from(hasher) == *digest {
            return Ok(true);
        }
        self.remove(digest).map(|()| false)
    }

    /// Stores `content`.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn put(&self, content: impl AsRef<[u8]>) -> Result<Digest, StoreError> {
        let mut writer = self.writer()?;
        writer.write_all(content.as_ref()).map_err(|error| self.refused(&error))?;
        writer.finish().map(|(digest, _)| digest)
    }

    /// Starts a blob whose content is written in pieces. It is added when it is finished; if it is dropped, nothing is
    /// added.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn writer(&self) -> Result<BlobWriter, StoreError> {
        BlobWriter::begin(self.clone())
    }

    /// Removes the blob `digest`, if it exists.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.refused(&error)),
            _ => Ok(()),
        }
    }

    /// The lease that keeps other processes from removing blobs used by this one.
    pub(super) fn lease(&self) -> &Lease {
        self.0.lease.get_or_init(|| Lease::take(self.folder()))
    }

    /// The same store for inspection: reading does not mark blobs as used.
    pub(super) fn unused(&self) -> Self {
        Self(Arc::new(Inner { folder: self.0.folder.clone(), lease: OnceLock::from(Lease::none()) }))
    }

    /// The path of the blob `digest`, if it exists.
    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// The directory of all blobs.
    pub(super) fn blobs(&self) -> PathBuf {
        self.folder().join("blobs").join("sha256")
    }

    /// Writes a small file of the store atomically.
    pub(super) fn write(&self, path: &Path, content: &[u8]) -> Result<(), StoreError> {
        let write = || -> io::Result<File> {
            let folder = path.parent().unwrap_or(self.folder());
            crate::own_file::create_folder(folder)?;
            let _guard = lease::keep_out_removal(self.folder());
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(content)?;
            file.persist(path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|error| self.refused(&error))
    }

    /// Converts `error` to an error of this store.
    pub(crate) fn refused(&self, error: &io::Error) -> StoreError {
        StoreError::folder(self.folder(), error)
    }
}

struct Hashing<'a>(&'a mut sha2::Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sha2::Digest::update(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore) {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path().join("oci"));
        (folder, store)
    }

    #[test]
    fn stored_blobs_are_read_again() {
        let (_folder, store) = store();
        let digest = Digest::of("layer");
        assert_eq!(store.read(&digest), Ok(None));
        assert_eq!(store.put("layer"), Ok(digest));
        assert_eq!(store.put("layer"), Ok(digest));
        assert_eq!(store.read(&digest), Ok(Some(b"layer".to_vec())));
        assert_eq!(store.get(&digest).expect("read").expect("there").size, 5);
    }

    #[test]
    fn a_dropped_writer_leaves_nothing() {
        let (_folder, store) = store();
        let mut writer = store.writer().expect("writer");
        writer.write_all(b"half").expect("written");
        drop(writer);
        assert_eq!(fs::read_dir(store.blobs()).expect("directory").count(), 0);
    }

    #[test]
    fn damaged_blobs_are_removed() {
        let (_folder, store) = store();
        let digest = store.put("layer").expect("kept");
        assert_eq!(store.read_through(&digest), Ok(true));
        fs::write(store.path(&digest), "lager").expect("damage");
        assert_eq!(store.read(&digest), Ok(None));
        store.put("layer").expect("kept");
        fs::write(store.path(&digest), "lager").expect("damage");
        assert_eq!(store.read_through(&digest), Ok(false));
        assert!(!store.path(&digest).exists());
        store.put("layer").expect("kept");
        fs::write(store.path(&digest), "lay").expect("damage");
        assert_eq!(store.has(&digest, 5), Ok(false));
        store.put("layer").expect("kept");
        assert_eq!(store.has(&digest, 5), Ok(true));
    }

    #[test]
    fn reading_is_use() {
        let (_folder, store) = store();
        let digest = store.put("layer").expect("kept");
        let path = store.path(&digest);
        let past = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::open(&path).and_then(|file| file.set_modified(past)).expect("an old blob");
        store.get(&digest).expect("read");
        let used = path.metadata().and_then(|facts| facts.modified()).expect("time");
        assert!(store.lease().covers(used));
    }

    #[test]
    fn a_store_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("directory");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("file");
        let error = BlobStore::new(&file).put("layer").expect_err("not a directory");
        assert!(
            error.to_string().starts_with(&format!("cannot store images in `{}`", file.display())),
            "{error}"
        );
    }
}
