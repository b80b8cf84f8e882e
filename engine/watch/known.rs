//! The known state of a file.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::image::{Digest, Stamp, file_clock};

/// Larger files are not read: each write of them counts as a change, and the cache key decides.
const READ: u64 = 16 << 20;

/// Which differences count as a change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Contents {
    /// Another content.
    #[default]
    Read,
    /// Every write: files are not read.
    Ignored,
}

/// The last known state of a file, link or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    what: What,
    mode: u32,
    stamp: Stamp,
    /// Whether every later change gets another stamp.
    is_settled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A file, with the digest of its content unless it is large or unreadable, or contents are ignored. Boxed, like
    /// the targets of links: only a few of the many watched files have one.
    File(Option<Box<Digest>>),
    Link(Box<PathBuf>),
    Folder,
    Other,
}

impl Known {
    /// The current state of `path`; `None` if it does not exist.
    pub(super) fn read(path: &Path, contents: Contents) -> Option<Self> {
        let found = path.symlink_metadata().ok()?;
        Some(Self::of(path, &found, contents, None))
    }

    /// The current state of `path`; reads the content only if it may differ from `before`.
    pub(super) fn again(path: &Path, contents: Contents, before: &Self) -> Option<Self> {
        let found = path.symlink_metadata().ok()?;
        let is_same = before.is_settled && Stamp::of(&found) == before.stamp;
        Some(Self::of(path, &found, contents, Some(before).filter(|_| is_same)))
    }

    fn of(path: &Path, found: &Metadata, contents: Contents, same: Option<&Self>) -> Self {
        let (stamp, kind) = (Stamp::of(found), found.file_type());
        let is_settled = stamp.is_older_than(file_clock());
        let what = match same {
            Some(before) => before.what.clone(),
            None if kind.is_file() => {
                let is_read = contents == Contents::Read && stamp.size <= READ;
                What::File(if is_read { digest(path).map(Box::new) } else { None })
            }
            None if kind.is_symlink() => {
                fs::read_link(path).map_or(What::Other, |target| What::Link(Box::new(target)))
            }
            None if kind.is_dir() => What::Folder,
            None => What::Other,
        };
        Self { what, mode: mode(found), stamp, is_settled }
    }

    /// Whether it is a directory.
    pub(super) fn is_folder(&self) -> bool {
        self.what == What::Folder
    }

    /// Whether content and mode are those of `other`, which is earlier.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_like = match (&self.what, &other.what) {
            (What::File(None), What::File(None)) => other.is_settled && self.stamp == other.stamp,
            (one, other) => one == other,
        };
        is_like && self.mode == other.mode
    }

    /// Whether `found` shows the same state, so that nothing needs to be read.
    pub(super) fn is_state_of(&self, found: &Metadata) -> bool {
        match self.what {
            What::Folder => found.is_dir() && self.mode == mode(found),
            _ => self.is_settled && self.stamp == Stamp::of(found) && self.mode == mode(found),
        }
    }
}

fn digest(path: &Path) -> Option<Digest> {
    fs::read(path).ok().map(Digest::of)
}

#[cfg(unix)]
fn mode(found: &Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o7777
}

#[cfg(not(unix))]
fn mode(found: &Metadata) -> u32 {
    u32::from(found.permissions().readonly())
}
