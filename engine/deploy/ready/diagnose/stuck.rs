//! StatefulSets that wait for a broken pod of their previous revision.

use super::Deployed;
use crate::deploy::ready::fields::{group, text};
use crate::deploy::ready::{Permanence, PodPhase, Problem, ProblemKind};

/// The broken old pod that keeps the new revision from being rolled out.
///
/// Source: Kubernetes, StatefulSets, "Forced rollback": with the pod management `OrderedReady`, the controller waits
/// until such a pod is ready, even if its replacement would be.
pub(super) fn diagnose(deployed: &Deployed<'_>) -> Option<Problem> {
    let set = deployed.object;
    let is_ordered = text(set, "/spec/podManagementPolicy") != "Parallel";
    let is_updating = text(set, "/status/currentRevision") != text(set, "/status/updateRevision");
    if (group(set), text(set, "/kind")) != ("apps", "StatefulSet") || !is_ordered || !is_updating {
        return None;
    }
    deployed.pods.outdated.iter().find_map(|pod| {
        let phase = PodPhase::new(pod, deployed.view);
        let state = match phase {
            PodPhase::Crashing => "crashing",
            PodPhase::PullFailed => "without its image",
            PodPhase::Misconfigured => "misconfigured",
            PodPhase::Unschedulable => "unschedulable",
            PodPhase::Starting => "not ready",
            _ => return None,
        };
        let kind = ProblemKind::Stuck { state };
        Some(deployed.pod_problem(pod, kind, Permanence::Temporary))
    })
}
