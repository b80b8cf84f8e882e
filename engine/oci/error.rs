//! Errors of the image store.

use std::io;
use std::path::{Path, PathBuf};

use crate::image::Digest;

/// Why an image, or a part of one, cannot be stored or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// The directory cannot be written.
    #[error("cannot store images in `{}`: {reason}", folder.display())]
    #[diagnostic(code(oci::folder), help("set `XDG_CACHE_HOME` to move the directory"))]
    Folder {
        /// The directory.
        folder: PathBuf,
        /// The error of the operating system.
        reason: String,
    },

    /// An image cannot be written to its destination.
    #[error("cannot write an image to `{}`: {reason}", path.display())]
    #[diagnostic(code(oci::output), help("choose an empty or new directory, or another file"))]
    Output {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        reason: String,
    },

    /// A document that violates the OCI image specification.
    #[error("invalid image `{digest}`: {reason}")]
    #[diagnostic(code(oci::malformed), help("ask the image's publisher to rebuild it"))]
    Malformed {
        /// The digest of the manifest or configuration.
        digest: Digest,
        /// The reason.
        reason: String,
    },

    /// A part of an image is missing or damaged.
    #[error("`{digest}` is no longer in the image store")]
    #[diagnostic(code(oci::missing), help("build or pull the image again"))]
    Missing {
        /// The digest of the layer, manifest or configuration.
        digest: Digest,
    },
}

impl StoreError {
    /// The error for the output `path`.
    pub(crate) fn output(path: &Path, error: &io::Error) -> Self {
        Self::Output { path: path.to_owned(), reason: error.to_string() }
    }

    /// The error for `folder` or a file in it.
    pub(super) fn folder(folder: &Path, error: &io::Error) -> Self {
        Self::Folder { folder: folder.to_owned(), reason: error.to_string() }
    }
}
