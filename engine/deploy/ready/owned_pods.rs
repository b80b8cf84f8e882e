//! Which pods belong to the current revision of an object.

use serde_json::Value;

use super::ClusterView;
use super::assess::is_observed;
use super::fields::{annotation, group, is_terminating, label, text};

/// How deep owners are followed: a custom resource, a Deployment, a ReplicaSet, a Pod.
const DEPTH: usize = 4;

/// The pods of an object.
#[derive(Debug, Default)]
pub(super) struct OwnedPods<'a> {
    /// Those of the current revision.
    pub current: Vec<&'a Value>,
    /// Those of previous revisions.
    pub outdated: Vec<&'a Value>,
    /// The objects that create the current ones.
    pub creators: Vec<&'a Value>,
    /// Whether pods are being deleted, which frees resources.
    pub has_terminating: bool,
}

/// The pods of `object`. Those of a previous revision may be broken without harm: the new revision replaces them.
pub(super) fn owned_pods<'a>(object: &'a Value, view: &ClusterView<'a>) -> OwnedPods<'a> {
    let mut pods = OwnedPods::default();
    collect(object, view, DEPTH, &mut pods);
    pods
}

/// Numbers the revisions of a Deployment, at itself and at its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The ReplicaSet of the current revision of `deployment`.
pub(super) fn current_replica_set<'a>(deployment: &Value, view: &ClusterView<'a>) -> Option<&'a Value> {
    let revision = annotation(deployment, REVISION)?;
    view.owned(deployment).into_iter().find(|set| annotation(set, REVISION) == Some(revision))
}

fn collect<'a>(object: &'a Value, view: &ClusterView<'a>, depth: usize, pods: &mut OwnedPods<'a>) {
    if depth == 0 {
        return;
    }
    match (group(object), text(object, "/kind")) {
        ("", "Pod") => pods.current.push(object),
        // Its jobs run later, outside of the rollout.
        ("batch", "CronJob") => {}
        ("apps" | "extensions", "Deployment") => {
            let revision = annotation(object, REVISION);
            for set in view.owned(object) {
                let is_current =
                    is_observed(object) && (revision.is_none() || annotation(set, REVISION) == revision);
                if is_current {
                    pods.creators.push(set);
                }
                sort(view.owned(set), |_| is_current, pods);
            }
        }
        ("apps" | "extensions", "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("", "ReplicationController") => {
            pods.creators.push(object);
            let is_observed = is_observed(object);
            sort(view.owned(object), |pod| is_observed && is_current(object, pod), pods);
        }
        ("batch", "Job") => {
            pods.creators.push(object);
            for pod in view.owned(object).into_iter().filter(|pod| !is_terminating(pod)) {
                pods.current.push(pod);
            }
        }
        _ => {
            for owned in view.owned(object) {
                collect(owned, view, depth - 1, pods);
            }
        }
    }
}

fn sort<'a>(owned: Vec<&'a Value>, is_current: impl Fn(&Value) -> bool, pods: &mut OwnedPods<'a>) {
    for pod in owned.into_iter().filter(|owned| text(owned, "/kind") == "Pod") {
        if is_terminating(pod) {
            pods.has_terminating = true;
        } else if matches!(text(pod, "/status/phase"), "Failed" | "Succeeded") {
            // It was evicted, and another one replaces it.
        } else if is_current(pod) {
            pods.current.push(pod);
        } else {
            pods.outdated.push(pod);
        }
    }
}

/// Whether `pod` has the current revision of the StatefulSet or DaemonSet that owns it.
fn is_current(owner: &Value, pod: &Value) -> bool {
    let (wanted, found) = match text(owner, "/kind") {
        "StatefulSet" => (
            Some(text(owner, "/status/updateRevision")).filter(|revision| !revision.is_empty()),
            label(pod, "controller-revision-hash"),
        ),
        "DaemonSet" => (
            annotation(owner, "deprecated.daemonset.template.generation"),
            label(pod, "pod-template-generation"),
        ),
        _ => (None, None),
    };
    wanted.is_none() || found.is_none() || wanted == found
}
