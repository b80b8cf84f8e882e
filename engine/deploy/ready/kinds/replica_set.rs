//! ReplicaSets and ReplicationControllers.

use serde_json::Value;

use crate::deploy::ready::Readiness;
use crate::deploy::ready::condition::true_condition;
use crate::deploy::ready::fields::number;

/// How far a ReplicaSet is: all pods created, available and ready.
pub(in crate::deploy::ready) fn readiness(set: &Value) -> Readiness {
    let status = |field: &str| number(set, &format!("/status/{field}")).unwrap_or(0);
    let wanted = number(set, "/spec/replicas").unwrap_or(1);
    let (labelled, available) = (status("fullyLabeledReplicas"), status("availableReplicas"));
    let (ready, replicas) = (status("readyReplicas"), status("replicas"));
    let readiness = if true_condition(set, "ReplicaFailure").is_some() {
        Readiness::in_progress("ReplicaFailure", "pods cannot be created or deleted")
    } else if wanted > labelled {
        Readiness::in_progress("LessLabelled", format!("{labelled} of {wanted} pods created"))
    } else if wanted > available {
        Readiness::in_progress("LessAvailable", format!("{available} of {wanted} pods available"))
    } else if wanted > ready {
        Readiness::in_progress("LessReady", format!("{ready} of {wanted} pods ready"))
    } else if replicas > wanted {
        Readiness::in_progress("ExtraPods", format!("{} old pods remain", replicas.saturating_sub(wanted)))
    } else {
        Readiness::current("Available", "available")
    };
    readiness.with_count(ready, wanted)
}
