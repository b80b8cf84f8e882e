//! A file that several selections are compared with.

use std::cell::OnceCell;
use std::path::PathBuf;

use crate::image::Digest;

/// The file at an absolute path as it is now. It is read at most once, however many images have it.
#[derive(Debug)]
pub struct FileNow {
    pub(super) path: PathBuf,
    digest: OnceCell<Option<Digest>>,
}

impl FileNow {
    /// The file at the absolute `path`.
    pub fn at(path: PathBuf) -> Self {
        Self { path, digest: OnceCell::new() }
    }

    /// The digest of its content; `None` if it cannot be read.
    pub(super) fn digest(&self) -> Option<Digest> {
        *self.digest.get_or_init(|| std::fs::read(&self.path).ok().map(Digest::of))
    }
}
