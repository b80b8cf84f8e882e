//! How far a run is with the cluster.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Delivery, PullSecretHooks};

/// How far a run is with the cluster.
#[derive(Default)]
pub struct ClusterProgress {
    /// How its nodes get images, once that is detected.
    pub(super) delivery: OnceLock<Delivery>,
    /// The pull secrets of this run, by their display form, and whether each was tried.
    pub(super) pull_secrets: Mutex<HashMap<String, Arc<Mutex<bool>>>>,
    /// The state of the hooks around pull secrets.
    pub(crate) pull_secret_hooks: Mutex<PullSecretHooks>,
}
