//! The file interface of stages.

use std::fmt;
use std::io;

use bytes::Bytes;

use super::ProjectPath;

/// The project's files, except for reads by builds.
pub trait Files: Send + Sync {
    /// The content of a file.
    ///
    /// # Errors
    /// If the file does not exist or cannot be read.
    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>>;

    /// Changes a file.
    ///
    /// # Errors
    /// If the file cannot be changed. Removing a missing file is not an error.
    fn edit(&self, edit: &FileEdit) -> io::Result<()>;
}

/// A change to a file. Displays as `write dist/digest.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEdit {
    /// Replaces the content of the file atomically; creates its parent directories.
    Write {
        /// The file.
        path: ProjectPath,
        /// Its new content.
        content: Bytes,
    },
    /// Removes the file.
    Remove {
        /// The file.
        path: ProjectPath,
    },
}

impl FileEdit {
    /// The changed file.
    pub fn path(&self) -> &ProjectPath {
        match self {
            Self::Write { path, .. } | Self::Remove { path } => path,
        }
    }
}

impl fmt::Display for FileEdit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, .. } => write!(formatter, "write {path}"),
            Self::Remove { path } => write!(formatter, "remove {path}"),
        }
    }
}
