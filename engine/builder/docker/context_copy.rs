//! Records about the copies of build contexts that BuildKit daemons keep.

use std::path::PathBuf;

use crate::builder::BuildRequest;
use crate::image::context::Entry;
use crate::image::{Digest, nanoseconds_of};
use crate::state::{ContextCopy, FileVersion};

/// How many file versions to record for a context: per file of the context, and in addition.
const REMEMBERED: (usize, usize) = (4, 10_000);

/// A copy of the context of one image, and where it is recorded.
pub(super) struct RememberedCopy {
    pub(super) copy: ContextCopy,
    path: PathBuf,
    limit: usize,
}

impl RememberedCopy {
    /// The copy that the BuildKit reached in this `way` has of the context of `request`. No other build gets it until
    /// it is put back.
    pub(super) fn take(request: &BuildRequest, way: &str) -> Self {
        let name = &Digest::of(&request.image).hex()[..16];
        let path = request.directory.join(".windlass/copies").join(format!("{name}-{way}"));
        let limit = request.context.entries().len() * REMEMBERED.0 + REMEMBERED.1;
        Self { copy: ContextCopy::take(&path), path, limit }
    }

    /// Records it for the next build. If it cannot be recorded, the next build sends everything.
    pub(super) fn put_back(&self) {
        let _ = self.copy.put_back(&self.path, self.limit);
    }
}

/// The version of the file `entry`, by which BuildKit recognizes changes.
pub(super) fn version(entry: &Entry) -> FileVersion {
    FileVersion::new(&entry.path, entry.size(), nanoseconds_of(entry.modified))
}
