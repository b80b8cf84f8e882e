//! The repositories that are known to have a blob: it can be mounted from there instead of being sent, see "mounting a
//! blob from another repository" in the OCI distribution spec.

use std::path::PathBuf;

use super::{BlobStore, StoreError};
use crate::image::{Digest, Repository};

/// How many repositories are recorded for one blob.
const MOST: usize = 8;

impl BlobStore {
    /// The repositories that had the blob `digest`, the most recent first.
    pub fn repositories_of(&self, digest: &Digest) -> Vec<Repository> {
        let text = crate::input_file::read_text(&self.repositories_file(digest)).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).take(MOST).collect()
    }

    /// Records that `repository` has the blob `digest`.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn record_repository(&self, digest: &Digest, repository: &Repository) -> Result<(), StoreError> {
        let mut known = self.repositories_of(digest);
        if known.first() == Some(repository) {
            return Ok(());
        }
        known.retain(|other| other != repository);
        known.insert(0, repository.clone());
        known.truncate(MOST);
        let lines: Vec<_> = known.iter().map(ToString::to_string).collect();
        self.write(&self.repositories_file(digest), lines.join("\n").as_bytes())
    }

    fn repositories_file(&self, digest: &Digest) -> PathBuf {
        self.folder().join("repositories").join(digest.hex())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_last_repository_comes_first() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let digest = Digest::of("layer");
        let repository = |name: &str| name.parse::<Repository>().expect("repository");
        assert_eq!(store.repositories_of(&digest), []);
        for name in ["alpine", "ghcr.io/acme/api", "alpine", "alpine"] {
            store.record_repository(&digest, &repository(name)).expect("noted");
        }
        assert_eq!(store.repositories_of(&digest), [repository("alpine"), repository("ghcr.io/acme/api")]);
        for number in 0..20 {
            store.record_repository(&digest, &repository(&format!("r.io/x{number}"))).expect("noted");
        }
        assert_eq!(store.repositories_of(&digest).len(), MOST);
        fs::write(store.repositories_file(&digest), b"\xff").expect("damage");
        assert_eq!(store.repositories_of(&digest), []);
    }
}
