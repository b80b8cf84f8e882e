//! Rollouts that exceed their own deadline.

use super::Deployed;
use crate::deploy::ready::condition::condition;
use crate::deploy::ready::fields::{group, text};
use crate::deploy::ready::{Permanence, PodPhase, Problem, ProblemKind, readiness};

/// The exceeded `progressDeadlineSeconds` of a Deployment.
pub(super) fn diagnose(deployed: &Deployed<'_>) -> Option<Problem> {
    let object = deployed.object;
    let is_deployment =
        matches!((group(object), text(object, "/kind")), ("apps" | "extensions", "Deployment"));
    let has_exceeded = condition(object, "Progressing")
        .is_some_and(|condition| condition.reason == "ProgressDeadlineExceeded");
    if !is_deployment || !has_exceeded {
        return None;
    }
    let waiting = deployed
        .pods
        .current
        .iter()
        .map(|pod| (text(pod, "/metadata/name"), PodPhase::new(pod, deployed.view)))
        .filter(|(_, phase)| !phase.is_settled())
        .map(|(name, phase)| format!("{name}: {phase}"))
        .collect();
    let kind = ProblemKind::TooSlow { count: readiness(object, deployed.view).count, waiting };
    Some(deployed.problem(kind, Permanence::Final))
}
