//! What the user says about build pods.

use std::time::Duration;

/// Kaniko's image where nobody names another: of the fork that is maintained since the project it comes from was
/// archived in June 2025 (github.com/osscontainertools/kaniko).
const IMAGE: &str = "ghcr.io/osscontainertools/kaniko:latest";

/// The image of the container that takes the context, which has to have `sh` and `tar`: that of DevSpace.
const INIT_IMAGE: &str = "alpine";

/// What the user says about build pods: `--kaniko-...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSettings {
    /// Kaniko's image, whatever the configuration says.
    pub image: Option<String>,
    /// The image of the container that takes the context, whatever the configuration says.
    pub init_image: Option<String>,
    /// How long a pod may take to start, and how long it may be while nothing of the context moves.
    pub start_limit: Duration,
    /// How long to wait for a node that takes the pod, before anybody promised one.
    pub node_limit: Duration,
    /// How long a pod may live: the cluster itself ends one that is older.
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
    /// Kaniko's image, when the configuration names `configured`.
    pub(super) fn image<'a>(&'a self, configured: Option<&'a str>) -> &'a str {
        self.image.as_deref().or(configured).unwrap_or(IMAGE)
    }

    /// The image of the container that takes the context, when the configuration names `configured`.
    pub(super) fn init_image<'a>(&'a self, configured: Option<&'a str>) -> &'a str {
        self.init_image.as_deref().or(configured).unwrap_or(INIT_IMAGE)
    }
}
