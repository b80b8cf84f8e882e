//! Jobs, and pods that nothing restarts.

use serde_json::Value;

use super::Deployed;
use crate::deploy::ready::condition::true_condition;
use crate::deploy::ready::container::{Container, containers};
use crate::deploy::ready::fields::{annotation, group, text};
use crate::deploy::ready::{Permanence, Problem, ProblemKind};

/// Whether `job` succeeded or is suspended.
pub(super) fn is_over(job: &Value) -> bool {
    ["Complete", "Suspended"].iter().any(|condition| true_condition(job, condition).is_some())
}

/// The failure of the Job, which may be the hook of a chart.
pub(super) fn diagnose(deployed: &Deployed<'_>) -> Option<Problem> {
    let job = deployed.object;
    if (group(job), text(job, "/kind")) != ("batch", "Job") {
        return None;
    }
    let failed = true_condition(job, "Failed").or_else(|| true_condition(job, "FailureTarget"))?;
    let message = if failed.message.is_empty() { failed.reason } else { failed.message }.to_owned();
    let hook = annotation(job, "helm.sh/hook").map(str::to_owned);
    let last = last_container(deployed);
    let exit_code = last.as_ref().and_then(|(_, container)| exit_code(container));
    let problem = deployed.problem(ProblemKind::Job { hook, message, exit_code }, Permanence::Final);
    Some(match last {
        Some((pod, container)) => with_log(problem, pod, &container),
        None => problem,
    })
}

/// The failure of a pod that was deployed itself.
pub(super) fn of_failed_pod(deployed: &Deployed<'_>, pod: &Value) -> Option<Problem> {
    if text(pod, "/status/phase") != "Failed" || !std::ptr::eq(pod, deployed.object) {
        return None;
    }
    let [reason, message] = ["/status/reason", "/status/message"].map(|field| text(pod, field));
    let message = match (reason, message) {
        ("", "") => "no reason given".to_owned(),
        ("", text) | (text, "") => text.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    Some(deployed.pod_problem(pod, ProblemKind::PodFailed { message }, Permanence::Final))
}

/// The container that failed in the newest pod.
fn last_container<'a>(deployed: &Deployed<'a>) -> Option<(&'a Value, Container<'a>)> {
    let pods = deployed.pods.current.iter().copied();
    let pod = pods.max_by_key(|pod| text(pod, "/metadata/creationTimestamp"))?;
    let containers = containers(pod);
    let failed = containers.iter().find(|container| exit_code(container).is_some());
    Some((pod, *failed.or(containers.last())?))
}

/// The exit code with which `container` failed.
fn exit_code(container: &Container<'_>) -> Option<i64> {
    [container.ended(), container.ended_before()]
        .into_iter()
        .flatten()
        .map(|ended| ended.exit_code)
        .find(|code| *code != 0)
}

fn with_log(problem: Problem, pod: &Value, container: &Container<'_>) -> Problem {
    let previous = container.ended().is_none() && container.ended_before().is_some();
    problem.of_pod(text(pod, "/metadata/name")).of_container(container.name).with_container_log(previous)
}
