//! The side in the container, as the loop of a synchronized directory sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::base::BaseTree;
use super::remote_error::RemoteError;
use super::{Entry, RelativePath, Scan};
use crate::image::Digest;

/// A directory in a container. All methods can run at the same time.
///
/// Dropping a future stops the work there at the next step; no file is then half-written, but which files were written
/// is known only after a scan.
#[async_trait]
pub trait Remote: Send + Sync {
    /// What the container's tools make possible, and the facts that were learned when connecting.
    fn facts(&self) -> &Facts;

    /// Lists the directory, except what `pruned` selects. Links are not followed. Paths that are in `known` share its
    /// memory.
    ///
    /// # Errors
    /// [`RemoteError`] if there is no answer. An answer with gaps is not an error: see [`Scan::gap`].
    async fn scan(&self, pruned: &[Pruned], known: &BaseTree) -> Result<Scan, RemoteError>;

    /// The digests of files; those that cannot be read are missing in the result.
    ///
    /// # Errors
    /// [`RemoteError`] if there is no answer, or no `sha256sum`.
    async fn digests(&self, paths: &[RelativePath]) -> Result<Vec<(RelativePath, Digest)>, RemoteError>;

    /// Writes files, links and directories; parents come first or exist. Each file is replaced by a rename. A file in
    /// place keeps its owner (if windlass is root there) and its mode; a new one has the mode of `entry`.
    ///
    /// A long upload is sent in pieces, between which other calls get their turn.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended. Failures of single paths are outcomes, in the order of `uploads`.
    async fn upload(&self, uploads: Vec<Upload>) -> Result<Vec<Outcome>, RemoteError>;

    /// Writes copies of files into the directory `stage` on this machine.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended, or a copy cannot be written. Failures of single paths are in the result,
    /// in the order of `downloads`.
    async fn download(
        &self,
        downloads: &[(RelativePath, Entry)],
        stage: &Path,
    ) -> Result<Vec<Download>, RemoteError>;

    /// Deletes files, links and empty directories, the deepest first. Never deletes what is not named.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended. Failures of single paths are outcomes, in the order of `deletions`.
    async fn delete(&self, deletions: &[(RelativePath, Expected)]) -> Result<Vec<Outcome>, RemoteError>;

    /// Changes permission bits.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended. Failures of single paths are outcomes, in the order of `modes`.
    async fn set_modes(&self, modes: &[(RelativePath, u32)]) -> Result<Vec<Outcome>, RemoteError>;

    /// Runs a command in the container, in its working directory.
    ///
    /// # Errors
    /// [`RemoteError`] if it cannot be started or takes too long: then it is stopped.
    async fn run(&self, command: &RemoteCommand) -> Result<CommandEnd, RemoteError>;

    /// Restarts the container's program through the restart helper.
    ///
    /// # Errors
    /// [`RemoteError`] if there is no restart helper, or the program cannot be stopped.
    async fn restart(&self) -> Result<(), RemoteError>;

    /// Ends the connection; removes the stage and the mark.
    async fn close(&self);
}

/// What the tools of a container make possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Everything: scans, downloads, compared and atomic uploads.
    Full,
    /// `find` or `stat` is missing: atomic uploads and deletions; no scans.
    NoScans,
    /// `tar` is missing too: the same, file by file.
    NoArchives,
}

/// What was learned about a container when connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What its tools make possible.
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

/// What a scan leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruned {
    /// Everything of this name, at any depth.
    Name(String),
    /// This path, and everything below it.
    Path(RelativePath),
}

/// What is at a path according to the last scan. What differs from it is not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It is unknown: without comparison.
    Unknown,
    /// Nothing.
    Nothing,
    /// This entry.
    Entry(Entry),
}

/// One file, link or directory to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The path.
    pub path: RelativePath,
    /// What it is on this machine: a file whose `mtime`, `size` or `inode` changed meanwhile is not sent.
    pub entry: Entry,
    /// The file on this machine; links are followed. Not used for links and directories.
    pub source: PathBuf,
    /// What is there.
    pub expected: Expected,
}

/// What became of one path.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done. What is there now, if something is and it could be found out; the digest is that of the content sent.
    Done(Option<Entry>),
    /// Not done: it is not on this machine what it was.
    ChangedHere,
    /// Not done: it is not there what was expected.
    ChangedThere,
    /// It failed.
    Failed(RemoteError),
}

/// What became of one path to download.
#[derive(Debug, Clone)]
pub enum Download {
    /// A copy of the file, with its digest.
    File {
        /// The copy: a new file of this user.
        copy: PathBuf,
        /// Its digest.
        digest: Digest,
    },
    /// A link.
    Link,
    /// It is not there what was expected.
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
