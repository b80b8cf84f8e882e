//! Deployments.

use serde_json::Value;

use crate::deploy::ready::condition::{condition, true_condition};
use crate::deploy::ready::fields::number;
use crate::deploy::ready::owned_pods::current_replica_set;
use crate::deploy::ready::{ClusterView, Readiness};

/// How far a Deployment is: all pods updated, available and ready, and no old ones left.
pub(in crate::deploy::ready) fn readiness(deployment: &Value, view: &ClusterView<'_>) -> Readiness {
    let status = |field: &str| number(deployment, &format!("/status/{field}")).unwrap_or(0);
    let wanted = number(deployment, "/spec/replicas").unwrap_or(1);
    let (replicas, updated) = (status("replicas"), status("updatedReplicas"));
    let (ready, available) = (status("readyReplicas"), status("availableReplicas"));
    // Pods of the previous revision are ready as well.
    let ready_now = current_replica_set(deployment, view)
        .map_or(updated.min(ready), |set| number(set, "/status/readyReplicas").unwrap_or(0));
    let progressing = condition(deployment, "Progressing");
    let readiness = if progressing.is_some_and(|condition| condition.reason == "ProgressDeadlineExceeded") {
        Readiness::failed("ProgressDeadlineExceeded", "no progress within its deadline")
    } else if wanted > replicas {
        Readiness::in_progress("LessReplicas", format!("{replicas} of {wanted} pods created"))
    } else if wanted > updated {
        Readiness::in_progress("LessUpdated", format!("{updated} of {wanted} pods updated"))
    } else if replicas > wanted {
        Readiness::in_progress("ExtraPods", format!("{} old pods remain", replicas.saturating_sub(wanted)))
    } else if updated > available {
        Readiness::in_progress("LessAvailable", format!("{available} of {updated} pods available"))
    } else if wanted > ready {
        Readiness::in_progress("LessReady", format!("{ready} of {wanted} pods ready"))
    } else if !is_complete(deployment) {
        Readiness::in_progress("ReplicaSetNotAvailable", "the new ReplicaSet is not available")
    } else if true_condition(deployment, "Available").is_none() {
        Readiness::in_progress("DeploymentNotAvailable", "the Deployment is not available")
    } else {
        Readiness::current("Available", "available")
    };
    readiness.with_count(ready_now, wanted)
}

/// Whether the new ReplicaSet is complete. Without a deadline, the controller does not report its progress: it then
/// sets 2147483647 (Kubernetes, deployment controller, `HasProgressDeadline`).
fn is_complete(deployment: &Value) -> bool {
    let no_deadline = i64::from(i32::MAX);
    number(deployment, "/spec/progressDeadlineSeconds").unwrap_or(no_deadline) == no_deadline
        || true_condition(deployment, "Progressing")
            .is_some_and(|condition| condition.reason == "NewReplicaSetAvailable")
}
