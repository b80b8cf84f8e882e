//! The side on this machine.

mod links;
mod scan;
mod write;

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::exclude::{ExcludePatterns, is_own};
use super::reconcile::stays_inside;
use super::{Kind, RelativePath, SyncEntry};
use crate::image::{Digest, Stamp};

pub use links::FollowedLink;
pub use scan::{LocalScan, RootState};
pub use write::{LocalFailure, Written};

/// A directory on this machine, with the rules for its synced files.
#[derive(Debug)]
pub struct LocalFolder {
    root: PathBuf,
    exclude: ExcludePatterns,
    /// The directory for copies that are not complete yet.
    stage: PathBuf,
}

/// The directory in the root with the temporary directories of all sessions.
const STAGES: &str = ".windlass-stage";

impl LocalFolder {
    /// The directory `root`, without the paths that `exclude` selects.
    pub fn new(root: PathBuf, exclude: ExcludePatterns) -> Self {
        let stage = root.join(STAGES).join("0");
        Self { root, exclude, stage }
    }

    /// The same with another directory for copies that are not complete yet: each session that downloads has a separate
    /// one.
    #[must_use]
    pub fn with_stage(self, name: &str) -> Self {
        Self { stage: self.root.join(STAGES).join(name), ..self }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether `path` is never synced.
    pub fn excludes(&self, path: &RelativePath, is_directory: bool) -> bool {
        is_own(path.as_str()) || self.exclude.excludes(path.as_str(), is_directory)
    }

    /// Whether nothing in the directory `path` is synced.
    pub fn prunes(&self, path: &RelativePath) -> bool {
        is_own(path.as_str()) || self.exclude.prunes(path.as_str())
    }

    /// The path of `path` on disk.
    pub fn on_disk(&self, path: &RelativePath) -> PathBuf {
        path.within(&self.root)
    }

    /// The entry at `path` on disk; `None` if it cannot be synced: nothing exists, or it is a dangling link or a
    /// device.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn entry(&self, path: &RelativePath) -> io::Result<Option<SyncEntry>> {
        let on_disk = self.on_disk(path);
        let metadata = match fs::symlink_metadata(&on_disk) {
            Err(error) if is_absence(&error) => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_symlink() {
            return Ok(entry_of(&metadata));
        }
        // Dangling links and links in a cycle are skipped.
        let Ok(target_metadata) = fs::metadata(&on_disk) else { return Ok(None) };
        match fs::read_link(&on_disk)?.to_str() {
            Some(target) if stays_inside(path, target) => {
                let entry = entry_of(&metadata);
                Ok(entry.map(|entry| SyncEntry { kind: Kind::Link(target.into()), size: 0, ..entry }))
            }
            _ => Ok(entry_of(&target_metadata)),
        }
    }

    /// The digest of the file `path`; `None` if it differs from `entry`, also if it changes while it is read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn digest(&self, path: &RelativePath, entry: &SyncEntry) -> io::Result<Option<Digest>> {
        let mut file = match File::open(self.on_disk(path)) {
            Err(error) if is_absence(&error) => return Ok(None),
            file => file?,
        };
        let is_same = |file: &File| {
            Ok::<_, io::Error>(entry_of(&file.metadata()?).is_some_and(|now| is_same_file(&now, entry)))
        };
        if !is_same(&file)? {
            return Ok(None);
        }
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                length => hasher.update(&buffer[..length]),
            }
        }
        Ok(is_same(&file)?.then(|| hasher.into()))
    }
}

/// Whether both are one file in one state.
pub fn is_same_file(one: &SyncEntry, other: &SyncEntry) -> bool {
    (one.size, one.mtime, one.inode) == (other.size, other.mtime, other.inode)
}

/// Whether the error means that the path does not exist.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The entry of a file or directory with this metadata; `None` for devices, pipes and sockets. Links have no target
/// yet.
fn entry_of(metadata: &Metadata) -> Option<SyncEntry> {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Link("".into()),
        _ => return None,
    };
    let size = if kind == Kind::File { metadata.len() } else { 0 };
    let (mode, inode, owner) = facts_of(metadata);
    let mtime = Stamp::of(metadata).modified;
    Some(SyncEntry { kind, mode, size, mtime, inode, owner, digest: None })
}

#[cfg(unix)]
fn facts_of(metadata: &Metadata) -> (u32, u64, (u32, u32)) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.mode() & 0o7777, metadata.ino(), (metadata.uid(), metadata.gid()))
}

#[cfg(not(unix))]
fn facts_of(metadata: &Metadata) -> (u32, u64, (u32, u32)) {
    (if metadata.is_dir() { 0o755 } else { 0o644 }, 0, (0, 0))
}
