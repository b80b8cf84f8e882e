//! The settings of a synced directory, and the decisions that scripts can make about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::exclude::ExcludePatterns;
use super::store::FolderKey;
use super::{RelativePath, Remote};
use crate::config::InitialSync as Strategy;
use crate::error::StageError;

/// The settings of a synced directory.
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// Its name in events: `./src -> /app`.
    pub name: String,
    /// The key of its recorded state, with the directory on this machine and the one in the container.
    pub key: FolderKey,
    /// The state directory of the project: `.windlass`.
    pub state_folder: PathBuf,
    /// The directory with the locks for downloads: one for all projects of the user.
    pub claim_folder: PathBuf,
    /// The strategy of the first connection.
    pub strategy: Strategy,
    /// Paths that are not synced.
    pub exclude: ExcludePatterns,
    /// Paths that are not uploaded, and not deleted in the container.
    pub upload_exclude: ExcludePatterns,
    /// Paths that are not downloaded, and not deleted on this machine.
    pub download_exclude: ExcludePatterns,
    /// Whether nothing is uploaded, or deleted in the container.
    pub disable_upload: bool,
    /// Whether nothing is downloaded, or deleted on this machine.
    pub disable_download: bool,
    /// Whether names that differ only in case are one name on this machine.
    pub ignores_case: bool,
    /// Whether events name all paths of a batch, not only the first.
    pub names_all: bool,
}

/// Which side wins a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Winner {
    /// This machine; the other version is kept in `.windlass/conflicts/`.
    Here,
    /// The container; the other version is kept in `.windlass/conflicts/`.
    There,
    /// Neither: both are unchanged until one changes again.
    Neither,
}

/// The synced changes: their paths, without paths that were only compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whether it belongs to the first sync with a container.
    pub is_initial: bool,
    /// Files and links that were written in the container.
    pub uploaded: Vec<RelativePath>,
    /// Directories that were created in the container.
    pub created: Vec<RelativePath>,
    /// Paths that were deleted in the container.
    pub deleted_there: Vec<RelativePath>,
    /// Paths that were written on this machine.
    pub downloaded: Vec<RelativePath>,
    /// Paths that were deleted on this machine.
    pub deleted_here: Vec<RelativePath>,
    /// Paths whose permission bits were set in the container.
    pub modes: Vec<RelativePath>,
    /// The size of the files that were written.
    pub bytes: u64,
}

impl Batch {
    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        let Self {
            is_initial: _,
            uploaded,
            created,
            deleted_there,
            downloaded,
            deleted_here,
            modes,
            bytes: _,
        } = self;
        [uploaded, created, deleted_there, downloaded, deleted_here, modes]
            .iter()
            .all(|paths| paths.is_empty())
    }

    /// Whether a file was written or deleted in the container.
    pub fn has_uploads(&self) -> bool {
        !(self.uploaded.is_empty() && self.created.is_empty() && self.deleted_there.is_empty())
    }

    /// Adds a later batch.
    pub fn add(&mut self, later: Self) {
        self.is_initial |= later.is_initial;
        self.uploaded.extend(later.uploaded);
        self.created.extend(later.created);
        self.deleted_there.extend(later.deleted_there);
        self.downloaded.extend(later.downloaded);
        self.deleted_here.extend(later.deleted_here);
        self.modes.extend(later.modes);
        self.bytes += later.bytes;
    }
}

/// The decisions of a script about a synced directory. The defaults are those of a directory without a script.
#[async_trait]
pub trait SyncScript: Send + Sync {
    /// Runs after a batch. Batches that come meanwhile are one further call.
    async fn after_sync(&self, _batch: &Batch, _remote: &Arc<dyn Remote>) {}

    /// Which side wins where both changed.
    async fn on_conflict(&self, _path: &RelativePath) -> Winner {
        Winner::Here
    }

    /// Whether many files may be deleted on this machine. Called once for the same files.
    async fn on_mass_delete(&self, _paths: &[RelativePath]) -> bool {
        false
    }

    /// The minimum time between the starts of two calls of [`SyncScript::after_sync`].
    fn rest(&self) -> Duration {
        Duration::ZERO
    }

    /// Called after the file `path`, which is `on_disk` on this machine, was downloaded.
    fn downloaded(&self, _path: &RelativePath, _on_disk: &Path) {}

    /// Runs at an event, which has the name of its hooks: `before:initialSync`, `after:initialSync`, `error:initialSync`,
    /// `start:sync`, `restart:sync`, `error:sync` or `stop:sync`. `reason` is the failure that caused it.
    ///
    /// # Errors
    /// If the sync must not go on; only for `start:sync` and `before:initialSync`.
    async fn on_event(&self, _event: &'static str, _reason: Option<String>) -> Result<(), StageError> {
        Ok(())
    }
}

/// Decides nothing.
pub struct NoHooks;

impl SyncScript for NoHooks {}
