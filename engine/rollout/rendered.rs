//! What a cluster gets of a deployment.

use serde_json::Value;

use super::Deployment;

/// The objects of a deployment, as a cluster gets them.
#[derive(Clone)]
pub struct Rollout {
    /// The deployment.
    pub deployment: Deployment,
    /// The objects, in the order in which they are applied.
    pub objects: Vec<Value>,
}
