//! A writer for one blob.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::lease::keep_out_removal;
use super::{BlobStore, StoreError};
use crate::image::Digest;

/// The prefix of the names of unfinished blobs.
pub(super) const PART: &str = ".part-";

/// Receives the content of a blob; [`BlobWriter::finish`] puts it into its store.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    file: NamedTempFile,
    hasher: Sha256,
    written: u64,
}

impl BlobWriter {
    pub(super) fn begin(store: BlobStore) -> Result<Self, StoreError> {
        let blobs = store.blobs();
        let begin = || -> io::Result<NamedTempFile> {
            crate::own_file::create_folder(&blobs)?;
            store.lease();
            let mut part = tempfile::Builder::new();
            #[cfg(unix)]
            part.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
            part.prefix(PART).tempfile_in(&blobs)
        };
        let file = begin().map_err(|error| store.refused(&error))?;
        Ok(Self { store, file, hasher: Sha256::new(), written: 0 })
    }

    /// The bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The digest of the bytes written so far.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().into()
    }

    /// Puts the blob into the store; returns its digest and its length in bytes.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn finish(self) -> Result<(Digest, u64), StoreError> {
        let digest = Digest::from(self.hasher);
        // Without this, a removal that started earlier could delete the new blob as an older one of this name.
        let _guard = keep_out_removal(self.store.folder());
        let moved = self.file.persist(self.store.path(&digest));
        moved.map_err(|error| self.store.refused(&error.error))?;
        Ok((digest, self.written))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
