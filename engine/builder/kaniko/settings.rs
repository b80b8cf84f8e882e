//! The settings for build pods.

use std::time::Duration;

/// The default kaniko image: that of the fork that is maintained since the original project was archived in June 2025
/// (github.com/osscontainertools/kaniko).
const IMAGE: &str = "ghcr.io/osscontainertools/kaniko:latest";

/// The default image of the container that receives the context, which must have `sh` and `tar`: the same as in
/// DevSpace.
const INIT_IMAGE: &str = "alpine";

/// The settings for build pods: `--kaniko-...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSettings {
    /// The kaniko image, which overrides the configuration.
    pub image: Option<String>,
    /// The image of the container that receives the context, which overrides the configuration.
    pub init_image: Option<String>,
    /// How long a pod may take to start, and how long sending the context may go without progress.
    pub start_limit: Duration,
    /// How long an unschedulable pod waits for a node, unless an autoscaler adds one.
    pub node_limit: Duration,
    /// How long a pod may run: the cluster itself stops an older one.
    pub limit: Duration,
}

impl Default for PodSettings {
    fn default() -> Self {
        Self {
            image: None,
            init_image: None,
            start_limit: Duration::from_secs(20 * 60),
            node_limit: Duration::from_secs(15),
            limit: Duration::from_secs(6 * 60 * 60),
        }
    }
}

impl PodSettings {
    /// The kaniko image, given the image `configured` in the configuration.
    pub(super) fn image<'a>(&'a self, configured: Option<&'a str>) -> &'a str {
        self.image.as_deref().or(configured).unwrap_or(IMAGE)
    }

    /// The image of the container that receives the context, given the image `configured` in the configuration.
    pub(super) fn init_image<'a>(&'a self, configured: Option<&'a str>) -> &'a str {
        self.init_image.as_deref().or(configured).unwrap_or(INIT_IMAGE)
    }
}
