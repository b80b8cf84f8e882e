//! How far the work on an image got.

use serde::{Deserialize, Serialize};

/// How far a pipeline got with an image, once it was built. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The image is there. A check of it, its push or a hook failed, or was never reached.
    Built,
    /// Everything that the pipeline does with this image has succeeded.
    Finished,
    /// So has the rest of a run.
    Settled,
}
