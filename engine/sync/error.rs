//! Errors that end the sync of a directory.

use std::io;
use std::path::{Path, PathBuf};

use super::options::FolderOptions;
use super::store::SyncStoreError;

/// Why a directory is not synced.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SyncError {
    /// Its state cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] SyncStoreError),
    /// Two containers would write to one directory.
    #[error("two containers would write to `{}`", path.display())]
    #[diagnostic(
        code(sync::two_downloads),
        help("set `disableDownload: true` for one of them, or `downloadExcludePaths`")
    )]
    TwoDownloads {
        /// The directory on this machine.
        path: PathBuf,
    },
    /// It is a single file.
    #[error("cannot sync `{}`: it is a single file, and only directories are synced", path.display())]
    #[diagnostic(
        code(sync::single_file),
        help("sync its directory, with `-e '*' -e '!/{name}'` for this file only")
    )]
    SingleFile {
        /// The file on this machine.
        path: PathBuf,
        /// Its name.
        name: String,
    },
    /// The directory does not exist.
    #[error("cannot sync `{}`: {reason}", path.display())]
    #[diagnostic(code(sync::no_folder), help("create the directory, or correct the path"))]
    NoFolder {
        /// The directory on this machine.
        path: PathBuf,
        /// The reason.
        reason: &'static str,
    },
}

impl SyncError {
    /// `path` is not a directory.
    pub fn no_folder(path: &Path) -> Self {
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().display().to_string();
            return Self::SingleFile { path: path.to_owned(), name };
        }
        let reason = if path.exists() { "it is not a directory" } else { "it does not exist" };
        Self::NoFolder { path: path.to_owned(), reason }
    }

    /// `path` cannot be read or written.
    pub fn state(path: &Path, source: io::Error) -> Self {
        Self::Store(SyncStoreError::Io { path: path.to_owned(), source })
    }
}

/// Checks that no two containers write to one directory.
///
/// # Errors
/// [`SyncError::TwoDownloads`].
pub fn check_downloads(folders: &[&FolderOptions]) -> Result<(), SyncError> {
    let downloads: Vec<_> = folders.iter().filter(|folder| !folder.disable_download).collect();
    for (index, one) in downloads.iter().enumerate() {
        for other in &downloads[index + 1..] {
            let (inner, outer) = match other.key.here.starts_with(&one.key.here) {
                true => (&other.key.here, *one),
                false => (&one.key.here, *other),
            };
            let Ok(below) = inner.strip_prefix(&outer.key.here) else { continue };
            let is_separate = below.to_str().is_some_and(|below| {
                !below.is_empty()
                    && [&outer.exclude, &outer.download_exclude].iter().any(|rules| rules.prunes(below))
            });
            if !is_separate {
                return Err(SyncError::TwoDownloads { path: inner.clone() });
            }
        }
    }
    Ok(())
}
