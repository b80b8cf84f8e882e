//! Finds the problems of an object.

mod configuration;
mod crash;
mod image_pull;
mod job;
mod not_ready;
mod rejection;
mod scheduling;
mod stuck;
mod too_slow;
mod volume;

use serde_json::Value;

use super::assess::is_observed;
use super::container::{Container, containers};
use super::fields::{group, is_terminating, text};
use super::owned_pods::{OwnedPods, owned_pods};
use super::readiness::ReadyState;
use super::{ClusterView, ObjectName, Permanence, Problem, ProblemKind, readiness};

/// The problems of `object`, which was deployed, and of the pods of its current revision; the most important one first.
///
/// An object that is ready, or being deleted, or whose last change the cluster has not seen yet, has none.
pub fn diagnose(object: &Value, view: &ClusterView<'_>) -> Vec<Problem> {
    let readiness = readiness(object, view);
    let is_job = (group(object), text(object, "/kind")) == ("batch", "Job");
    // A running job is current, but its pods might not have started.
    let is_settled = readiness.is_current() && (!is_job || job::is_over(object));
    if is_settled
        || matches!(readiness.state, ReadyState::Terminating | ReadyState::Unknown)
        || !is_observed(object)
    {
        return Vec::new();
    }
    let pods = owned_pods(object, view);
    let deployed = Deployed { object, name: ObjectName::new(object), pods, view };
    let mut problems = Vec::new();
    for pod in &deployed.pods.current {
        deployed.diagnose_pod(pod, &mut problems);
    }
    problems.extend(rejection::diagnose(&deployed));
    problems.extend(volume::of_claim(&deployed));
    problems.extend(job::diagnose(&deployed));
    problems.extend(stuck::diagnose(&deployed));
    problems.extend(too_slow::diagnose(&deployed));
    if problems.is_empty() && readiness.state == ReadyState::Failed {
        let kind = ProblemKind::Failed { reason: readiness.reason, message: readiness.message };
        problems.push(Problem::new(deployed.name.clone(), kind, Permanence::Final));
    }
    problems.sort_by_key(|problem| problem.kind.rank());
    problems
}

/// A deployed object that is not ready.
struct Deployed<'a> {
    object: &'a Value,
    name: ObjectName,
    pods: OwnedPods<'a>,
    view: &'a ClusterView<'a>,
}

impl<'a> Deployed<'a> {
    fn diagnose_pod(&self, pod: &'a Value, problems: &mut Vec<Problem>) {
        if is_terminating(pod) {
            return;
        }
        let before = problems.len();
        for container in containers(pod) {
            let found = image_pull::diagnose(self, pod, &container)
                .or_else(|| configuration::of_container(self, pod, &container))
                .or_else(|| crash::diagnose(self, pod, &container));
            problems.extend(found);
        }
        if problems.len() == before {
            let found = scheduling::diagnose(self, pod)
                .or_else(|| configuration::of_volumes(self, pod))
                .or_else(|| job::of_failed_pod(self, pod));
            problems.extend(found);
            problems.extend(volume::of_pod(self, pod));
        }
        // A container that waits for another one is not a cause.
        if problems.len() == before {
            problems.extend(not_ready::diagnose(self, pod));
        }
    }

    /// A problem of the object as a whole.
    fn problem(&self, kind: ProblemKind, permanence: Permanence) -> Problem {
        Problem::new(self.name.clone(), kind, permanence)
    }

    /// A problem of `pod`.
    fn pod_problem(&self, pod: &Value, kind: ProblemKind, permanence: Permanence) -> Problem {
        self.problem(kind, permanence).of_pod(text(pod, "/metadata/name"))
    }

    /// A problem of `container` of `pod`.
    fn container_problem(
        &self,
        pod: &Value,
        container: &Container<'_>,
        kind: ProblemKind,
        permanence: Permanence,
    ) -> Problem {
        self.pod_problem(pod, kind, permanence).of_container(container.name)
    }
}

/// `text` with each run of white space as one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `message` without the wrapping of the container runtime: its cause is at the end.
fn cause(message: &str) -> String {
    const MARKS: [&str; 4] = [
        "unable to start container process: ",
        // Before runc 1.1.
        "starting container process caused: ",
        "error during container init: ",
        "desc = ",
    ];
    let message = one_line(message);
    let start =
        MARKS.iter().filter_map(|mark| message.rfind(mark).map(|at| at + mark.len())).max().unwrap_or(0);
    let cause = message[start..].trim().trim_end_matches(": unknown");
    cause.strip_prefix("Error response from daemon: ").unwrap_or(cause).to_owned()
}
