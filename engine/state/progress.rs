//! How far the pipeline got with an image.

use serde::{Deserialize, Serialize};

/// How far a pipeline got with an image after it was built. It never decreases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The image is built. Its check, its push or a hook failed, or was not reached.
    Built,
    /// All steps of the pipeline for this image have succeeded.
    Finished,
    /// The rest of a run has succeeded as well.
    Settled,
}
