//! The side in the container: the interface for the loop of a synced directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::base::BaseTree;
use super::remote_error::RemoteError;
use super::{RelativePath, Scan, SyncEntry};
use crate::image::Digest;

/// A directory in a container. All methods can run at the same time.
///
/// Dropping a future stops the work in the container at the next step; no file is half-written then, but only a scan
/// shows which files were written.
#[async_trait]
pub trait Remote: Send + Sync {
    /// The facts about the container and its tools, which connecting found out.
    fn facts(&self) -> &Facts;

    /// Lists the directory, except the paths that `pruned` selects. Links are not followed. Paths that are in `known`
    /// share its memory.
    ///
    /// # Errors
    /// [`RemoteError`] without a response. A response with gaps is not an error: see [`Scan::gap`].
    async fn scan(&self, pruned: &[Pruned], known: &BaseTree) -> Result<Scan, RemoteError>;

    /// The digests of files; those that cannot be read are missing in the result.
    ///
    /// # Errors
    /// [`RemoteError`] without a response, or without `sha256sum`.
    async fn digests(&self, paths: &[RelativePath]) -> Result<Vec<(RelativePath, Digest)>, RemoteError>;

    /// Writes files, links and directories; parents come first or exist. Each file is replaced by a rename. An existing
    /// file keeps its owner (if windlass is root in the container) and its mode; a new one has the mode of `entry`.
    ///
    /// A long upload is sent in pieces, between which other calls run.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended. Failures of single paths are outcomes, in the order of `uploads`.
    async fn upload(&self, uploads: Vec<Upload>) -> Result<Vec<PathOutcome>, RemoteError>;

    /// Writes copies of files into the directory `stage` on this machine.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended, or a copy cannot be written. Failures of single paths are in the
    /// result, in the order of `downloads`.
    async fn download(
        &self,
        downloads: &[(RelativePath, SyncEntry)],
        stage: &Path,
    ) -> Result<Vec<DownloadOutcome>, RemoteError>;

    /// Deletes files, links and empty directories, the deepest first. Never deletes a path that is not named.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended. Failures of single paths are outcomes, in the order of `deletions`.
    async fn delete(&self, deletions: &[(RelativePath, Expected)]) -> Result<Vec<PathOutcome>, RemoteError>;

    /// Changes permission bits.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended. Failures of single paths are outcomes, in the order of `modes`.
    async fn set_modes(&self, modes: &[(RelativePath, u32)]) -> Result<Vec<PathOutcome>, RemoteError>;

    /// Runs a command in the container, in its working directory.
    ///
    /// # Errors
    /// [`RemoteError`] if it cannot be started or takes too long: then it is stopped.
    async fn run(&self, command: &RemoteCommand) -> Result<CommandEnd, RemoteError>;

    /// Restarts the container's program through the restart helper.
    ///
    /// # Errors
    /// [`RemoteError`] without a restart helper, or if the program cannot be stopped.
    async fn restart(&self) -> Result<(), RemoteError>;

    /// Ends the connection; removes the directory for uploads and the lock.
    async fn close(&self);
}

/// The operations that the tools of a container support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Everything: scans, downloads, compared and atomic uploads.
    Full,
    /// `find` or `stat` is missing: atomic uploads and deletions; no scans.
    NoScans,
    /// `tar` is missing too: the same, file by file.
    NoArchives,
}

/// The facts about a container, which connecting found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The operations that its tools support.
    pub tier: Tier,
    /// The tools that are missing, for a notice.
    pub missing: Vec<String>,
    /// The user and the group of the processes that windlass starts.
    pub user: (u32, u32),
    /// The directory's absolute path, without links.
    pub root: String,
    /// How far its clock is ahead of this machine's, in nanoseconds; 0 if less than a second.
    pub clock_ahead: i128,
    /// Paths below the root on which something is mounted.
    pub mounts: Vec<RelativePath>,
    /// Whether the root itself is a mount.
    pub is_mount: bool,
}

/// A path or a name that a scan skips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruned {
    /// Everything of this name, at any depth.
    Name(String),
    /// This path, and everything below it.
    Path(RelativePath),
}

/// The entry at a path according to the last scan. If it differs, the path is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It is unknown: without comparison.
    Unknown,
    /// Nothing.
    Nothing,
    /// This entry.
    Entry(SyncEntry),
}

/// One file, link or directory to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The path.
    pub path: RelativePath,
    /// The entry on this machine: a file whose `mtime`, `size` or `inode` changed meanwhile is not sent.
    pub entry: SyncEntry,
    /// The file on this machine; links are followed. Not used for links and directories.
    pub source: PathBuf,
    /// The entry in the container.
    pub expected: Expected,
}

/// The outcome of one path.
#[derive(Debug, Clone)]
pub enum PathOutcome {
    /// Done, with the new entry in the container if it is known; the digest is that of the sent content.
    Done(Option<SyncEntry>),
    /// Not done: it changed on this machine.
    ChangedHere,
    /// Not done: it is not as expected in the container.
    ChangedThere,
    /// It failed.
    Failed(RemoteError),
}

/// The outcome of one path to download.
#[derive(Debug, Clone)]
pub enum DownloadOutcome {
    /// A copy of the file, with its digest.
    File {
        /// The copy: a new file of this user.
        copy: PathBuf,
        /// Its digest.
        digest: Digest,
    },
    /// A link.
    Link,
    /// It is not as expected in the container.
    ChangedThere,
    /// It failed.
    Failed(RemoteError),
}

/// A command to run in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCommand {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// The timeout.
    pub limit: Duration,
}

/// How a command in the container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEnd {
    /// The exit code.
    pub code: i32,
    /// The last lines of its output.
    pub output: Vec<String>,
}
