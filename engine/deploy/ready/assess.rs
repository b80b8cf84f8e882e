//! Determines how far an object is.

use serde_json::Value;

use super::condition::true_condition;
use super::fields::{group, is_terminating, number, text};
use super::kinds::{
    custom, daemon_set, definition, deployment, job, pod, replica_set, stateful_set, volume_claim,
};
use super::{ClusterView, Readiness, ReadyState};

/// How far `object` is, by the rules of kstatus.
///
/// In this order: deletion, whether the cluster has seen the last change, the conditions `Reconciling` and `Stalled`,
/// the rules of the kind, the condition `Ready`. An object to which none of them applies is current.
///
/// Source: `sigs.k8s.io/cli-utils`, package `pkg/kstatus/status`. These rules differ. A claim that waits for its first
/// pod is current, because such a pod may never exist. A failed pod has failed, because it was deployed to run. A job
/// whose pods are all pending has not started. A DaemonSet with `OnDelete` is not updated by the cluster. The number of
/// ready pods counts only those of the current revision.
pub fn readiness(object: &Value, view: &ClusterView<'_>) -> Readiness {
    if !object.is_object() || text(object, "/kind").is_empty() {
        return Readiness::new(ReadyState::Unknown, "NotAnObject", "not a Kubernetes object");
    }
    if is_terminating(object) {
        return Readiness::new(ReadyState::Terminating, "Terminating", "being deleted");
    }
    let by_kind = by_kind(object, view);
    match generic(object) {
        // The number is shown in the meantime.
        Some(readiness) => Readiness { count: by_kind.count, ..readiness },
        None => by_kind,
    }
}

/// Whether the cluster has seen the last change of `object`.
pub(super) fn is_observed(object: &Value) -> bool {
    match (number(object, "/metadata/generation"), number(object, "/status/observedGeneration")) {
        (Some(generation), Some(observed)) => generation == observed,
        _ => true,
    }
}

fn generic(object: &Value) -> Option<Readiness> {
    if !is_observed(object) {
        return Some(Readiness::in_progress("LatestGenerationNotObserved", "waiting for its controller"));
    }
    if let Some(condition) = true_condition(object, "Reconciling") {
        return Some(Readiness::in_progress(
            or(condition.reason, "Reconciling"),
            or(condition.message, "reconciling"),
        ));
    }
    let condition = true_condition(object, "Stalled")?;
    Some(Readiness::failed(or(condition.reason, "Stalled"), or(condition.message, "stalled")))
}

fn by_kind(object: &Value, view: &ClusterView<'_>) -> Readiness {
    match (group(object), text(object, "/kind")) {
        ("apps" | "extensions", "Deployment") => deployment::readiness(object, view),
        ("apps" | "extensions", "DaemonSet") => daemon_set::readiness(object),
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => {
            replica_set::readiness(object)
        }
        ("apps", "StatefulSet") => stateful_set::readiness(object),
        ("batch", "Job") => job::readiness(object, view),
        ("", "PersistentVolumeClaim") => volume_claim::readiness(object, view),
        ("", "Pod") => pod::readiness(object, view),
        ("", "Service") => service(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::readiness(object),
        // It is current as soon as its controller has seen it. A CronJob waits for its schedule.
        ("policy", "PodDisruptionBudget") | ("batch", "CronJob") | ("", "ConfigMap" | "Secret") => {
            Readiness::current("Current", "nothing to wait for")
        }
        _ => custom::readiness(object),
    }
}

fn service(service: &Value) -> Readiness {
    let needs_address = text(service, "/spec/type") == "LoadBalancer";
    if needs_address && text(service, "/spec/clusterIP").is_empty() {
        return Readiness::in_progress("NoIPAssigned", "waiting for a cluster IP");
    }
    Readiness::current("Current", "the service is ready")
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
