//! What a selection consists of.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::name::text_of_os;
use super::sent::Changed;
use crate::state::Stamp;

/// One file, folder or symlink of a [`Selection`](super::Selection).
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path in the context, relative, with `/`. A byte of it that is not UTF-8 is a character for private use.
    pub path: Arc<str>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, including setuid, setgid and sticky.
    pub mode: u32,
    /// When it was changed last.
    pub modified: SystemTime,
    /// What the disk said when the file was selected; none for what is only in memory.
    pub(super) stamp: Option<Stamp>,
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

impl Entry {
    /// An entry that no walk has found: its content is read whenever it is asked for.
    pub fn new(path: impl Into<Arc<str>>, kind: EntryKind, mode: u32, modified: SystemTime) -> Self {
        Self { path: path.into(), kind, mode, modified, stamp: None }
    }

    /// The file or symlink at `path` on disk, called `name`.
    pub(super) fn on_disk(name: &str, path: &Path) -> std::io::Result<Self> {
        let metadata = path.symlink_metadata()?;
        let stamp = Stamp::of(&metadata);
        let kind = if metadata.is_symlink() {
            EntryKind::Symlink { target: text_of_os(std::fs::read_link(path)?.as_os_str()).into() }
        } else {
            EntryKind::File { size: metadata.len(), content: Content::Disk(path.to_owned()) }
        };
        let mode = super::tree::mode(&metadata);
        Ok(Self { path: name.into(), kind, mode, modified: stamp.modified(), stamp: Some(stamp) })
    }

    /// Opens the file on disk, which has to be as it was when it was selected.
    ///
    /// # Errors
    /// When it cannot be opened; [`Changed`] when it is another one now.
    pub(crate) fn open(&self) -> io::Result<File> {
        let EntryKind::File { content: Content::Disk(path), .. } = &self.kind else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file on disk"));
        };
        let file = open(path)?;
        self.check_state(&Stamp::of(&file.metadata()?))?;
        Ok(file)
    }

    /// Makes sure that a file with the stamp `now` is as it was when it was selected.
    pub(super) fn check_state(&self, now: &Stamp) -> Result<(), Changed> {
        let is_same = self.stamp.is_none_or(|stamp| stamp.is_same_state(now));
        if is_same && self.size() == now.size { Ok(()) } else { Err(Changed::Meanwhile) }
    }

    /// Size in bytes of what travels for it: of a file its content, else nothing.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size, .. } => size,
            EntryKind::Directory | EntryKind::Symlink { .. } => 0,
        }
    }
}

/// Opens a regular file that was there when it was selected.
pub(super) fn open(path: &Path) -> io::Result<File> {
    crate::input_file::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Changed::Gone.into(),
        _ => error,
    })
}
