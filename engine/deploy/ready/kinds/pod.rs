//! Pods.

use serde_json::Value;

use crate::deploy::ready::condition::{condition, true_condition};
use crate::deploy::ready::container::containers;
use crate::deploy::ready::fields::{text, time};
use crate::deploy::ready::{ClusterView, Readiness, ReadyState};

/// How long a pod may be unscheduled before it counts as unschedulable, in seconds.
const SCHEDULE_WINDOW: i64 = 15;

/// How far a Pod is: ready, or completed.
pub(in crate::deploy::ready) fn readiness(pod: &Value, view: &ClusterView<'_>) -> Readiness {
    match text(pod, "/status/phase") {
        "Succeeded" => Readiness::current("Succeeded", "completed"),
        "Failed" => {
            let reason = text(pod, "/status/reason");
            Readiness::failed(if reason.is_empty() { "Failed" } else { reason }, "failed")
        }
        "Running" if true_condition(pod, "Ready").is_some() => Readiness::current("Ready", "ready"),
        "Running" => {
            let crashing: Vec<_> = containers(pod)
                .into_iter()
                .filter(|container| {
                    container.waiting().is_some_and(|(reason, _)| reason == "CrashLoopBackOff")
                })
                .map(|container| format!("`{}`", container.name))
                .collect();
            if crashing.is_empty() {
                Readiness::in_progress("PodRunningNotReady", "running, but not ready")
            } else {
                Readiness::failed("ContainerCrashLooping", format!("crashing: {}", crashing.join(", ")))
            }
        }
        "Pending" => pending(pod, view),
        "" => Readiness::in_progress("PodNotObserved", "not observed yet"),
        phase => Readiness::new(ReadyState::Unknown, "UnknownPhase", format!("unknown phase `{phase}`")),
    }
}

fn pending(pod: &Value, view: &ClusterView<'_>) -> Readiness {
    let is_unschedulable = condition(pod, "PodScheduled")
        .is_some_and(|condition| condition.is_false() && condition.reason == "Unschedulable");
    if !is_unschedulable {
        return Readiness::in_progress("PodPending", "pending");
    }
    let age = time(pod, "/metadata/creationTimestamp")
        .map(|created| view.now().as_second().saturating_sub(created.as_second()));
    if age.is_none_or(|age| age < SCHEDULE_WINDOW) {
        return Readiness::in_progress("PodNotScheduled", "not scheduled yet");
    }
    Readiness::failed("PodUnschedulable", "unschedulable")
}
