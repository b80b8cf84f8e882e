//! What can go wrong with the store of images.

use std::io;
use std::path::{Path, PathBuf};

use crate::image::Digest;

/// Why an image, or a part of one, cannot be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// The folder cannot be written.
    #[error("cannot keep images in `{}`: {reason}", folder.display())]
    #[diagnostic(
        code(oci::folder),
        help("the folder is chosen by `XDG_CACHE_HOME`, or lies in the home folder")
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },

    /// An image cannot be written to where it should go.
    #[error("cannot write an image to `{}`: {reason}", path.display())]
    #[diagnostic(code(oci::output), help("choose a folder that is empty or not there, or another file"))]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },

    /// A document against the OCI image specification.
    #[error("`{digest}` is no image that can be used: {reason}")]
    #[diagnostic(code(oci::malformed), help("ask whoever made the image to build it anew"))]
    Malformed {
        /// Of the manifest or configuration.
        digest: Digest,
        /// What is wrong with it.
        reason: String,
    },

    /// A part of an image is not there, or is not what it was.
    #[error("`{digest}` is not in the store of images any more")]
    #[diagnostic(code(oci::missing), help("build or pull the image again"))]
    Missing {
        /// Of the layer, manifest or configuration.
        digest: Digest,
    },
}

impl StoreError {
    /// What the system said about the output `path`.
    pub(crate) fn output(path: &Path, error: &io::Error) -> Self {
        Self::Output { path: path.to_owned(), reason: error.to_string() }
    }

    /// What the system said about `folder` or a file in it.
    pub(super) fn folder(folder: &Path, error: &io::Error) -> Self {
        Self::Folder { folder: folder.to_owned(), reason: error.to_string() }
    }
}
