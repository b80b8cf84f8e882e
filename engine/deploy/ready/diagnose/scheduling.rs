//! Pods that no node can run.

use serde_json::Value;

use super::Deployed;
use super::configuration::missing_claim;
use crate::deploy::ready::condition::condition;
use crate::deploy::ready::fields::text;
use crate::deploy::ready::{Permanence, Problem, ProblemKind};

/// Why `pod` is unschedulable.
pub(super) fn diagnose(deployed: &Deployed<'_>, pod: &Value) -> Option<Problem> {
    let found = condition(pod, "PodScheduled")
        .filter(|condition| condition.is_false() && condition.reason == "Unschedulable")?;
    if let Some(missing) = missing_claim(deployed, pod, found.message) {
        let kind = ProblemKind::MissingReference(missing);
        return Some(deployed.pod_problem(pod, kind, Permanence::Repeated));
    }
    let message = found.message.split(" preemption:").next().unwrap_or_default();
    let permanence =
        if may_pass(deployed, pod, message) { Permanence::Temporary } else { Permanence::Repeated };
    let message = message.trim().trim_end_matches('.').to_owned();
    Some(deployed.pod_problem(pod, ProblemKind::Unschedulable { message }, permanence))
}

/// Whether the cluster is already making room for `pod`.
fn may_pass(deployed: &Deployed<'_>, pod: &Value, message: &str) -> bool {
    // An autoscaler adds a node (cluster-autoscaler, Karpenter).
    let scales_up = deployed
        .view
        .last_event(pod, &["TriggeredScaleUp", "NotTriggerScaleUp", "Nominated"])
        .is_some_and(|event| event.reason() != "NotTriggerScaleUp");
    // Other pods are evicted for it.
    let preempts = !text(pod, "/status/nominatedNodeName").is_empty();
    // Its volume is being provisioned, or a node is starting.
    let is_starting = message.contains("unbound immediate PersistentVolumeClaims")
        || message.contains("node.kubernetes.io/not-ready");
    // Old pods still use the resources.
    scales_up || preempts || is_starting || deployed.pods.has_terminating
}
