//! The user's options for deployments.

use std::time::Duration;

/// The user's options for deployments.
#[derive(Debug, Clone)]
pub struct DeployOptions {
    /// Deploy charts that are up to date too.
    pub force: bool,
    /// Whether the run waits until what it deployed is ready.
    pub waits: bool,
    /// The timeout for readiness, and for another run that deploys the same.
    pub timeout: Duration,
    /// The objects that may be deleted and created again if they cannot be changed: `Job/migrate`.
    pub recreate: Vec<String>,
    /// Whether a purge deletes volume claims, namespaces and definitions too.
    pub purges_all: bool,
}

impl DeployOptions {
    /// The default timeout.
    pub const TIMEOUT: Duration = Duration::from_secs(600);
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self { force: false, waits: true, timeout: Self::TIMEOUT, recreate: Vec::new(), purges_all: false }
    }
}
