//! What windlass knows of the copies that BuildKits keep of its contexts.

use std::path::PathBuf;

use crate::builder::BuildRequest;
use crate::image::Digest;
use crate::image::context::Entry;
use crate::state::{ContextCopy, FileVersion, nanoseconds_of};

/// Versions of files to remember of a context, for each of its files and beside that.
const REMEMBERED: (usize, usize) = (4, 10_000);

/// A copy of the context of one image, and where it is remembered.
pub(super) struct RememberedCopy {
    pub(super) copy: ContextCopy,
    path: PathBuf,
    limit: usize,
}

impl RememberedCopy {
    /// The copy that a BuildKit, reached in this `way`, has of the context of `request`; until it is put back, nobody else
    /// gets it.
    pub(super) fn take(request: &BuildRequest, way: &str) -> Self {
        let name = &Digest::of(&request.image).hex()[..16];
        let path = request.directory.join(".windlass/copies").join(format!("{name}-{way}"));
        let limit = request.context.entries().len() * REMEMBERED.0 + REMEMBERED.1;
        Self { copy: ContextCopy::take(&path), path, limit }
    }

    /// Remembers it for the next build. Where nothing can be remembered, that one sends everything.
    pub(super) fn put_back(&self) {
        let _ = self.copy.put_back(&self.path, self.limit);
    }
}

/// The file `entry` as a BuildKit tells it from others.
pub(super) fn version(entry: &Entry) -> FileVersion {
    FileVersion::new(&entry.path, entry.size(), nanoseconds_of(entry.modified))
}
