//! The settings of a synchronized directory, and what a script can decide about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::exclude::ExcludeRules;
use super::store::FolderKey;
use super::{RelativePath, Remote};
use crate::config::InitialSync as Strategy;

/// The settings of a synchronized directory.
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// Its name in events: `./src -> /app`.
    pub name: String,
    /// What its state is recorded for; the directory here and the one in the container are in it.
    pub key: FolderKey,
    /// The state directory of the project: `.windlass`.
    pub state_folder: PathBuf,
    /// Where directories here are claimed for downloads: one for all projects of the user.
    pub claim_folder: PathBuf,
    /// What the first connection does.
    pub strategy: Strategy,
    /// What is not synchronized.
    pub exclude: ExcludeRules,
    /// What is not uploaded, and not deleted there.
    pub upload_exclude: ExcludeRules,
    /// What is not downloaded, and not deleted here.
    pub download_exclude: ExcludeRules,
    /// Whether nothing is uploaded, or deleted there.
    pub disable_upload: bool,
    /// Whether nothing is downloaded, or deleted here.
    pub disable_download: bool,
    /// Whether names that differ only in case are one name here.
    pub ignores_case: bool,
    /// Whether events name all paths of a batch, not only the first.
    pub names_all: bool,
}

/// Which side wins a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Winner {
    /// The one here; the other is kept in `.windlass/conflicts/`.
    Here,
    /// The one there; the other is kept in `.windlass/conflicts/`.
    There,
    /// Both stay as they are until one changes again.
    Neither,
}

/// What was synchronized: the paths, without what was only compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whether it belongs to the first synchronization with a container.
    pub is_initial: bool,
    /// Files and links that were written there.
    pub uploaded: Vec<RelativePath>,
    /// Directories that were created there.
    pub created: Vec<RelativePath>,
    /// What was deleted there.
    pub deleted_there: Vec<RelativePath>,
    /// What was written here.
    pub downloaded: Vec<RelativePath>,
    /// What was deleted here.
    pub deleted_here: Vec<RelativePath>,
    /// Paths whose permission bits were set there.
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

    /// Whether something was written or deleted in the container.
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

/// What a script decides about a synchronized directory. The defaults are those of a directory without a script.
#[async_trait]
pub trait SyncHooks: Send + Sync {
    /// Runs after a batch. Batches that come meanwhile are one further call.
    async fn after_sync(&self, _batch: &Batch, _remote: &Arc<dyn Remote>) {}

    /// Which side wins where both changed.
    async fn on_conflict(&self, _path: &RelativePath) -> Winner {
        Winner::Here
    }

    /// Whether many files may be deleted here. It is called once for the same files.
    async fn on_mass_delete(&self, _paths: &[RelativePath]) -> bool {
        false
    }

    /// How long after the start of a call of [`SyncHooks::after_sync`] the next one begins, at least.
    fn rest(&self) -> Duration {
        Duration::ZERO
    }

    /// Is told that the file `path`, which is `on_disk` here, was written here.
    fn downloaded(&self, _path: &RelativePath, _on_disk: &Path) {}

    /// Runs when both sides are equal for the first time after each connection.
    async fn on_equal(&self) {}
}

/// Decides nothing.
pub struct NoHooks;

impl SyncHooks for NoHooks {}
