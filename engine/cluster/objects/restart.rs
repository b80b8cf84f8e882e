//! Restarts workloads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::ClusterAccess;
use super::list::typed;
use super::request::{Call, with_query};
use super::{ApplyError, ObjectKey};

/// The annotation of `kubectl rollout restart`.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The field manager of the annotation: an apply must not remove it, because that would restart the pods again.
const MANAGER: &str = "windlass-restart";

impl ClusterAccess {
    /// Restarts the pods of `key`, a Deployment, StatefulSet or DaemonSet, and returns it. Equals `kubectl rollout
    /// restart`.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn restart_object(&self, key: &ObjectKey) -> Result<Value, ApplyError> {
        let (resource, key) = self.resolve_key(key).await?;
        let annotations = json!({ RESTARTED_AT: Timestamp::now().to_string() });
        let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
        let path = resource.object_path(key.namespace.as_deref(), &key.name);
        let call = Call::merge_patch(with_query(&path, &[("fieldManager", MANAGER)]), &patch);
        let response = self.send(call).await;
        let response =
            response.map_err(|failure| self.problem(failure, &format!("restart {key}"), Some(&key)))?;
        Ok(typed(response.body, &resource))
    }
}
