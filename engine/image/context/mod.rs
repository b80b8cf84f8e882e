//! Build contexts: which files of a folder a build can see, and how they travel.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

/// A build context: a folder with its ignore rules.
#[derive(Debug, Clone)]
pub struct Context {
    root: PathBuf,
}

impl Context {
    /// The folder, absolute, symlinks resolved.
    pub fn root(&self) -> &std::path::Path {
        &self.root
    }
}

/// The files of a context that a build gets, sorted by path, parents before children.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    entries: Vec<Entry>,
}

impl Selection {
    /// The entries, sorted by path, parents before children.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// One file, folder or symlink of a [`Selection`].
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path in the context, relative, with `/`.
    pub path: Arc<str>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, including setuid, setgid and sticky.
    pub mode: u32,
    /// When it was changed last.
    pub modified: SystemTime,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A file.
    File {
        /// Size in bytes.
        size: u64,
        /// Where its content is.
        content: Content,
    },
    /// A symbolic link.
    Symlink {
        /// What it points to, as written.
        target: Arc<str>,
    },
}

/// Where the content of a file is.
#[derive(Debug, Clone)]
pub enum Content {
    /// On disk, at this absolute path.
    Disk(PathBuf),
    /// In memory: a file that windlass adds.
    Memory(Bytes),
}
