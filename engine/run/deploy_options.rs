//! The user's options for deployments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::image::{Digest, Tag};

/// The user's options for deployments.
#[derive(Debug, Clone)]
pub struct DeployOptions {
    /// Deploy charts that are up to date too.
    pub force: bool,
    /// Whether the run waits until its deployments are ready.
    pub waits: bool,
    /// The timeout for readiness, and for another run that deploys the same.
    pub timeout: Duration,
    /// The objects that may be deleted and created again if they cannot be changed: `Job/migrate`.
    pub recreate: Vec<String>,
    /// The images to deploy instead of those of the last builds, by their names; those of dependencies as `auth.srv`.
    pub images: Option<Arc<BTreeMap<String, PinnedImage>>>,
    /// Whether a purge deletes volume claims, namespaces and definitions too.
    pub purges_all: bool,
}

/// An image that another run built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedImage {
    /// Its tag.
    pub tag: Tag,
    /// Its digest in the registry.
    pub digest: Digest,
}

impl DeployOptions {
    /// The default timeout.
    pub const TIMEOUT: Duration = Duration::from_secs(600);
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self {
            force: false,
            waits: true,
            timeout: Self::TIMEOUT,
            recreate: Vec::new(),
            images: None,
            purges_all: false,
        }
    }
}
