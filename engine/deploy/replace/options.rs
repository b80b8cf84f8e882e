//! The options of tag replacement.

use super::image_path::ImagePath;

/// The options of tag replacement for one deployment.
#[derive(Debug, Clone)]
pub struct ReplaceOptions {
    /// Whether tags are replaced; placeholders are resolved regardless (`updateImageTags`, `replaceImageTags`).
    pub update_tags: bool,
    /// More fields of manifests that hold images.
    pub paths: Vec<ImagePath>,
    /// Whether environment variables in manifests count as image fields.
    pub env: bool,
}

impl Default for ReplaceOptions {
    fn default() -> Self {
        Self { update_tags: true, paths: Vec::new(), env: false }
    }
}
