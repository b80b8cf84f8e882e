//! StatefulSets.

use serde_json::Value;

use crate::deploy::ready::Readiness;
use crate::deploy::ready::fields::{number, text};

/// How far a StatefulSet is: all pods ready and, from the partition on, updated. With `OnDelete`, the user updates the
/// pods: nothing is waited for.
pub(in crate::deploy::ready) fn readiness(set: &Value) -> Readiness {
    let status = |field: &str| number(set, &format!("/status/{field}")).unwrap_or(0);
    let wanted = number(set, "/spec/replicas").unwrap_or(1);
    let (replicas, ready) = (status("replicas"), status("readyReplicas"));
    let (current, updated) = (status("currentReplicas"), status("updatedReplicas"));
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return Readiness::current("OnDelete", "pods are updated when they are deleted")
            .with_count(ready, wanted);
    }
    // The API server sets 0 by default, which means none.
    let partition =
        number(set, "/spec/updateStrategy/rollingUpdate/partition").filter(|partition| *partition > 0);
    let is_updating = text(set, "/status/currentRevision") != text(set, "/status/updateRevision");
    let readiness = if wanted > replicas {
        Readiness::in_progress("LessReplicas", format!("{replicas} of {wanted} pods created"))
    } else if wanted > ready {
        Readiness::in_progress("LessReady", format!("{ready} of {wanted} pods ready"))
    } else if replicas > wanted {
        Readiness::in_progress("ExtraPods", format!("{} old pods remain", replicas.saturating_sub(wanted)))
    } else if let Some(partition) = partition {
        let to_update = wanted.saturating_sub(partition).max(0);
        if updated < to_update {
            Readiness::in_progress("PartitionRollout", format!("{updated} of {to_update} pods updated"))
        } else {
            Readiness::current("PartitionRollout", "updated from its partition on")
        }
    } else if is_updating {
        Readiness::in_progress("RevisionMismatch", format!("{updated} of {wanted} pods updated"))
    } else if wanted > current {
        Readiness::in_progress("LessCurrent", format!("{current} of {wanted} pods current"))
    } else {
        Readiness::current("Available", "all pods ready")
    };
    let ready = if is_updating && partition.is_none() { ready.min(updated) } else { ready };
    readiness.with_count(ready, wanted)
}
