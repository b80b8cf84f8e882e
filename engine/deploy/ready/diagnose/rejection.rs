//! Pods that the cluster does not create.

use jiff::Timestamp;
use serde_json::Value;

use super::Deployed;
use crate::deploy::ready::condition::{condition, true_condition};
use crate::deploy::ready::fields::{number, text, time};
use crate::deploy::ready::{Permanence, Problem, ProblemKind, Rejection};

/// Why the cluster rejects the pods of the object.
pub(super) fn diagnose(deployed: &Deployed<'_>) -> Option<Problem> {
    let message = by_condition(deployed).or_else(|| by_event(deployed))?;
    let message = short(message);
    let cause = Rejection::new(&message);
    // Old pods still count against a quota, and the service account of a new namespace is created after it.
    let permanence = if deployed.pods.has_terminating { Permanence::Temporary } else { Permanence::Repeated };
    Some(deployed.problem(ProblemKind::PodsRejected { cause, message }, permanence))
}

/// The controllers of Deployments and ReplicaSets report it until it is over.
fn by_condition<'a>(deployed: &Deployed<'a>) -> Option<&'a str> {
    let objects = deployed.pods.creators.iter().copied().chain([deployed.object]);
    let mut failures = objects.filter_map(|object| true_condition(object, "ReplicaFailure"));
    let of_pods = failures.find(|condition| condition.reason != "FailedDelete");
    // Not even the ReplicaSet is created.
    let of_set =
        || condition(deployed.object, "Progressing").filter(|found| found.reason == "ReplicaSetCreateError");
    of_pods.or_else(of_set).map(|condition| condition.message)
}

/// Other controllers only report the failed attempt: it is over when a pod was created after it.
fn by_event<'a>(deployed: &Deployed<'a>) -> Option<&'a str> {
    let pods = &deployed.pods;
    let last_pod: Option<Timestamp> = pods
        .current
        .iter()
        .chain(&pods.outdated)
        .filter_map(|pod| time(pod, "/metadata/creationTimestamp"))
        .max();
    pods.creators.iter().find_map(|creator| {
        if !lacks_pods(creator, pods.current.len()) {
            return None;
        }
        let event = deployed.view.last_event(creator, &["FailedCreate", "SuccessfulCreate"])?;
        let is_last = last_pod.is_none_or(|last_pod| event.last_time().is_none_or(|time| time >= last_pod));
        (event.reason() == "FailedCreate" && is_last).then(|| event.message())
    })
}

/// Whether `creator` should have more than `count` pods.
fn lacks_pods(creator: &Value, count: usize) -> bool {
    let wanted = match text(creator, "/kind") {
        "DaemonSet" => number(creator, "/status/desiredNumberScheduled"),
        "Job" => Some(1),
        _ => Some(number(creator, "/spec/replicas").unwrap_or(1)),
    };
    wanted.is_none_or(|wanted| i64::try_from(count).is_ok_and(|count| count < wanted))
}

/// `message` without the names of the pods: `Error creating: pods "web-7d9-" is forbidden: exceeded quota: …`.
fn short(message: &str) -> String {
    let message = message.split_once(" failed error: ").map_or(message, |(_, message)| message);
    let message = message.strip_prefix("Error creating: ").unwrap_or(message);
    let message = message
        .strip_prefix("pods \"")
        .and_then(|rest| rest.split_once(" is forbidden: "))
        .map_or(message, |(_, message)| message);
    message.trim().to_owned()
}
