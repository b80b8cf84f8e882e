//! The entries of a selection.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::name::{path_of, text_of_os};
use super::sent::Changed;
use crate::image::Stamp;

/// One file, directory or symlink of a [`Selection`](super::Selection).
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path in the context, relative, with `/`. A byte of it that is not UTF-8 is a private-use character.
    pub path: Arc<str>,
    /// Its kind.
    pub kind: EntryKind,
    /// Permission bits, including setuid, setgid and sticky.
    pub mode: u32,
    /// The time of its last change.
    pub modified: SystemTime,
    /// The stamp when the file was selected; `None` for content in memory.
    pub(super) stamp: Option<Stamp>,
}

/// The kind of an [`Entry`].
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Size in bytes.
        size: u64,
        /// Its content.
        content: Content,
    },
    /// A symbolic link.
    Symlink {
        /// The target as written.
        target: Arc<str>,
    },
}

/// The location of a file's content.
#[derive(Debug, Clone)]
pub enum Content {
    /// On disk.
    Disk(DiskFile),
    /// In memory: a file that windlass adds.
    Memory(Bytes),
}

/// A file on disk, as its directory and its path in the context: the files of a directory share the former.
#[derive(Debug, Clone)]
pub struct DiskFile {
    directory: Arc<Path>,
    path: Arc<str>,
}

impl DiskFile {
    /// The file at this absolute path.
    pub fn at(path: impl Into<Arc<Path>>) -> Self {
        Self { directory: path.into(), path: "".into() }
    }

    /// The file whose path in the context is `path`, in `directory`, an absolute path. A byte of `path` that is not
    /// UTF-8 is a private-use character.
    pub(super) fn within(directory: Arc<Path>, path: Arc<str>) -> Self {
        Self { directory, path }
    }

    /// Its absolute path.
    pub fn path(&self) -> Cow<'_, Path> {
        match self.path.rsplit('/').next() {
            None | Some("") => self.directory.as_ref().into(),
            Some(name) => self.directory.join(path_of(name)).into(),
        }
    }
}

impl Entry {
    /// An entry that was not found by a walk: its content is read whenever it is requested.
    pub fn new(path: impl Into<Arc<str>>, kind: EntryKind, mode: u32, modified: SystemTime) -> Self {
        Self { path: path.into(), kind, mode, modified, stamp: None }
    }

    /// The file or symlink at `path` on disk, in `directory`, called `name`.
    pub(super) fn on_disk(name: &str, directory: Arc<Path>, path: &Path) -> std::io::Result<Self> {
        let name: Arc<str> = name.into();
        let metadata = path.symlink_metadata()?;
        let stamp = Stamp::of(&metadata);
        let kind = if metadata.is_symlink() {
            EntryKind::Symlink { target: text_of_os(std::fs::read_link(path)?.as_os_str()).into() }
        } else {
            let file = DiskFile::within(directory, Arc::clone(&name));
            EntryKind::File { size: metadata.len(), content: Content::Disk(file) }
        };
        let mode = super::tree::mode(&metadata);
        Ok(Self { path: name, kind, mode, modified: stamp.modified(), stamp: Some(stamp) })
    }

    /// This file in its current state on disk; `None` if the entry is not a file on disk, or no longer one.
    pub(super) fn file_again(&self) -> Option<Self> {
        let EntryKind::File { content: Content::Disk(file), .. } = &self.kind else { return None };
        let metadata = file.path().symlink_metadata().ok().filter(Metadata::is_file)?;
        let kind = EntryKind::File { size: metadata.len(), content: Content::Disk(file.clone()) };
        Some(Self { kind, ..self.with_state(&metadata) })
    }

    /// This directory in its current state at `path` on disk; `None` if `path` is not a directory.
    pub(super) fn directory_again(&self, path: &Path) -> Option<Self> {
        if !matches!(self.kind, EntryKind::Directory) {
            return None;
        }
        let metadata = path.symlink_metadata().ok().filter(Metadata::is_dir)?;
        Some(self.with_state(&metadata))
    }

    fn with_state(&self, now: &Metadata) -> Self {
        let (stamp, mode) = (Stamp::of(now), super::tree::mode(now));
        Self { mode, modified: stamp.modified(), stamp: Some(stamp), ..self.clone() }
    }

    /// Opens the file on disk, which must be unchanged since it was selected.
    ///
    /// # Errors
    /// If it cannot be opened; [`Changed`] if it is another file now.
    pub(crate) fn open(&self) -> io::Result<File> {
        let EntryKind::File { content: Content::Disk(file), .. } = &self.kind else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file on disk"));
        };
        let file = open(&file.path())?;
        self.check_state(&Stamp::of(&file.metadata()?))?;
        Ok(file)
    }

    /// Checks that a file with the stamp `now` is unchanged since it was selected.
    pub(super) fn check_state(&self, now: &Stamp) -> Result<(), Changed> {
        let is_same = self.stamp.is_none_or(|stamp| stamp.is_same_state(now));
        if is_same && self.size() == now.size { Ok(()) } else { Err(Changed::Meanwhile) }
    }

    /// The bytes to transfer: the size of a file's content, 0 for other entries.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size, .. } => size,
            EntryKind::Directory | EntryKind::Symlink { .. } => 0,
        }
    }
}

/// Opens a regular file that existed when it was selected.
pub(super) fn open(path: &Path) -> io::Result<File> {
    crate::input_file::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Changed::Gone.into(),
        _ => error,
    })
}
