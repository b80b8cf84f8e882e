//! The project's files, as stages that read and write them see them.

use std::fmt;
use std::io;

use bytes::Bytes;

use super::ProjectPath;

/// The project's files, beyond what a build reads of them.
pub trait Files: Send + Sync {
    /// The content of a file.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>>;

    /// Changes a file.
    ///
    /// # Errors
    /// When the file cannot be changed. Removing one that is not there is no error.
    fn edit(&self, edit: &FileEdit) -> io::Result<()>;
}

/// A change to a file. Prints as `write dist/digest.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEdit {
    /// The file gets this content, all at once; the folders above it are made.
    Write {
        /// Which file.
        path: ProjectPath,
        /// Its new content.
        content: Bytes,
    },
    /// The file goes away.
    Remove {
        /// Which file.
        path: ProjectPath,
    },
}

impl FileEdit {
    /// The file that changes.
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
