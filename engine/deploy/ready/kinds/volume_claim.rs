//! PersistentVolumeClaims.

use serde_json::Value;

use crate::deploy::ready::fields::{annotation, text};
use crate::deploy::ready::{ClusterView, Readiness};

/// How far a PersistentVolumeClaim is: bound, or waiting for its first pod.
pub(in crate::deploy::ready) fn readiness(claim: &Value, view: &ClusterView<'_>) -> Readiness {
    match text(claim, "/status/phase") {
        "Bound" => Readiness::current("Bound", "bound"),
        "Lost" => Readiness::failed("Lost", "its volume was lost"),
        _ if waits_for_pod(claim, view) => {
            Readiness::current("WaitForFirstConsumer", "waiting for its first pod")
        }
        _ => Readiness::in_progress("NotBound", "waiting for a volume"),
    }
}

/// Whether the claim gets its volume only when a pod that uses it is scheduled.
pub(in crate::deploy::ready) fn waits_for_pod(claim: &Value, view: &ClusterView<'_>) -> bool {
    // The scheduler has selected a node for such a pod.
    if annotation(claim, "volume.kubernetes.io/selected-node").is_some() {
        return false;
    }
    let by_class = storage_class(claim, view)
        .is_some_and(|class| text(class, "/volumeBindingMode") == "WaitForFirstConsumer");
    by_class || view.last_event(claim, &["WaitForFirstConsumer", "WaitForPodScheduled"]).is_some()
}

/// The StorageClass of the claim: the default one unless it names one.
fn storage_class<'a>(claim: &Value, view: &ClusterView<'a>) -> Option<&'a Value> {
    let is_default =
        |class: &&Value| annotation(class, "storageclass.kubernetes.io/is-default-class") == Some("true");
    match claim.pointer("/spec/storageClassName").and_then(Value::as_str) {
        Some(name) => view.object("StorageClass", "", name),
        None => view.objects("StorageClass").find(is_default),
    }
}
