//! A change of the inputs of an image.

/// A change of the inputs of an image, for which a dev session may build it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The files that changed, absolute.
    pub files: Vec<String>,
    /// Why they matter for the image.
    pub reason: String,
    /// Whether `autoReload` names the image, or everything is built (`--watch`).
    pub is_automatic: bool,
    /// Whether synced directories upload all of the files to the container, so that no build is needed.
    pub is_covered: bool,
}
