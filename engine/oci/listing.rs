//! Recorded contents of archives.

use std::path::PathBuf;

use super::{BlobStore, StoreError};
use crate::image::Digest;

impl BlobStore {
    /// What [`BlobStore::keep_listing`] recorded for the archive `digest`.
    pub fn listing(&self, digest: &Digest) -> Option<Vec<u8>> {
        crate::input_file::read_up_to(&self.listing_file(digest), crate::input_file::KEPT).ok()
    }

    /// Records the content of the archive `digest`, compressed or not, so that the archive need not be read again.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn keep_listing(&self, digest: &Digest, listing: &[u8]) -> Result<(), StoreError> {
        self.write(&self.listing_file(digest), listing)
    }

    fn listing_file(&self, digest: &Digest) -> PathBuf {
        self.folder().join("listings").join(digest.hex())
    }
}
