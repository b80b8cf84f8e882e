//! The containers that match a selector, in order of preference.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::TargetSelector;
use super::image_match::ImageFit;
use super::matching::matching;

/// Chooses one of several running containers, by its place in the list. The first one is the best.
pub type Choose = Arc<dyn Fn(&[MatchingContainer]) -> usize + Send + Sync>;

/// A container that matches a selector.
#[derive(Debug, Clone)]
pub struct MatchingContainer {
    /// Its pod.
    pub pod: Arc<Pod>,
    /// Its name.
    pub container: String,
    /// Its image in the pod spec.
    pub image: String,
    /// Its phase.
    pub phase: ContainerPhase,
    /// Whether it runs the last build, if that is known.
    pub is_current: bool,
}

/// The phase of a container, the most useful one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerPhase {
    /// It runs and is ready.
    Ready,
    /// It runs but is not ready.
    Running,
    /// It does not run yet, or again.
    Waiting,
    /// It has ended and does not restart.
    Ended,
}

impl MatchingContainer {
    /// The name of its pod.
    pub fn pod_name(&self) -> &str {
        self.pod.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whether commands can run in it, and its ports be open.
    pub fn is_running(&self) -> bool {
        self.phase <= ContainerPhase::Running
    }

    /// When its pod was created.
    pub(super) fn created(&self) -> Option<Timestamp> {
        self.pod.metadata.creation_timestamp.as_ref().map(|time| time.0)
    }

    /// The state that its node reports; `None` before that.
    pub(super) fn status(&self) -> Option<&ContainerStatus> {
        status_of(&self.pod, &self.container)
    }
}

/// The containers of `pods` that match `selector`, one of each pod: first those that are ready, then those that run;
/// among them the last build, then the newest, then by name. Pods that are being deleted do not count.
pub fn candidates(pods: &[Arc<Pod>], selector: &TargetSelector) -> Vec<MatchingContainer> {
    let mut found: Vec<_> =
        staying(pods).filter_map(|pod| of_pod(pod, selector).into_iter().next()).collect();
    found.sort_by_key(|candidate| {
        let name = candidate.pod.metadata.name.clone();
        (candidate.phase, Reverse(candidate.is_current), Reverse(candidate.created()), name)
    });
    found
}

/// All containers of `pods` that `selector` describes, by pod.
pub fn all_containers(pods: &[Arc<Pod>], selector: &TargetSelector) -> Vec<MatchingContainer> {
    staying(pods).flat_map(|pod| of_pod(pod, selector)).collect()
}

/// The pods that are not being deleted.
fn staying(pods: &[Arc<Pod>]) -> impl Iterator<Item = &Arc<Pod>> {
    pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none())
}

fn of_pod(pod: &Arc<Pod>, selector: &TargetSelector) -> Vec<MatchingContainer> {
    let containers = matching(pod, selector).into_iter().map(|container| MatchingContainer {
        pod: Arc::clone(pod),
        container: container.name.to_owned(),
        image: container.image.to_owned(),
        phase: phase(pod, container.name),
        is_current: container.fit == ImageFit::Current,
    });
    containers.collect()
}

/// The status that the node reports for the container `name`.
pub(super) fn status_of<'p>(pod: &'p Pod, name: &str) -> Option<&'p ContainerStatus> {
    let status = pod.status.as_ref()?;
    let all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    all.into_iter().find(|status| status.name == name)
}

fn phase(pod: &Pod, container: &str) -> ContainerPhase {
    let has_ended = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if matches!(has_ended, Some("Succeeded" | "Failed")) {
        return ContainerPhase::Ended;
    }
    let status = status_of(pod, container);
    let runs = status.and_then(|status| status.state.as_ref()).is_some_and(|state| state.running.is_some());
    match (runs, status.is_some_and(|status| status.ready)) {
        (true, true) => ContainerPhase::Ready,
        (true, false) => ContainerPhase::Running,
        (false, _) => ContainerPhase::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::connect::ImageMatch;

    /// A pod with the containers `(name, image)`, all in the state `ready` (`None`: waiting).
    fn pod(name: &str, second: u8, containers: &[(&str, &str)], ready: Option<bool>) -> Value {
        let states = containers.iter().map(|(name, _)| {
            let state = if ready.is_some() { json!({ "running": {} }) } else { json!({ "waiting": {} }) };
            json!({ "name": name, "image": "", "imageID": "", "restartCount": 0, "ready": ready == Some(true), "state": state })
        });
        json!({
            "metadata": { "name": name, "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z") },
            "spec": { "containers": containers.iter().map(|(name, image)| json!({ "name": name, "image": image })).collect::<Vec<_>>() },
            "status": { "containerStatuses": states.collect::<Vec<_>>() },
        })
    }

    #[track_caller]
    fn check(pods: &[Value], selector: &TargetSelector, expected: &[&str]) {
        let pods = pods.iter().map(|pod| Arc::new(serde_json::from_value(pod.clone()).expect("a pod")));
        let found = candidates(&pods.collect::<Vec<_>>(), selector);
        let found = found.iter().map(|candidate| format!("{}/{}", candidate.pod_name(), candidate.container));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_newest_ready_pod_comes_first_and_the_old_one_stays_until_then() {
        let one = [("c", "acme/api:1")];
        let (old, new) = (pod("old", 1, &one, Some(true)), pod("new", 9, &one, Some(false)));
        check(&[new, old.clone()], &TargetSelector::default(), &["old/c", "new/c"]);
        let ready = pod("new", 9, &one, Some(true));
        check(&[old.clone(), ready.clone()], &TargetSelector::default(), &["new/c", "old/c"]);
        let mut ending = ready;
        ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:10Z".into();
        check(&[old.clone(), ending], &TargetSelector::default(), &["old/c"]);
        let twins = [pod("b", 1, &one, Some(true)), pod("a", 1, &one, Some(true)), pod("w", 5, &one, None)];
        check(&twins, &TargetSelector::default(), &["a/c", "b/c", "w/c"]);
        let mut failed = pod("failed", 9, &one, None);
        failed["status"]["phase"] = "Failed".into();
        check(&[failed, old], &TargetSelector::default(), &["old/c", "failed/c"]);
    }

    #[test]
    fn the_container_is_that_of_the_image_or_the_default_one() {
        let two = [("proxy", "envoy:1"), ("api", "acme/api:2"), ("old", "acme/api:1")];
        let mut one = pod("p", 1, &two, Some(true));
        check(&[one.clone()], &TargetSelector::default(), &["p/proxy"]);
        let image = |tag: &str| {
            let image = ImageMatch::of_reference(&format!("acme/api:{tag}")).expect("a reference");
            TargetSelector {
                images: vec![ImageMatch { is_exact: false, ..image }],
                ..TargetSelector::default()
            }
        };
        check(&[one.clone()], &image("1"), &["p/old"]);
        check(&[one.clone()], &image("3"), &["p/api"]);
        let named = TargetSelector { container: Some("api".to_owned()), ..TargetSelector::default() };
        check(&[one.clone()], &named, &["p/api"]);
        let absent = TargetSelector { container: Some("other".to_owned()), ..TargetSelector::default() };
        check(&[one.clone()], &absent, &[]);
        one["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/default-container": "old" });
        check(&[one], &TargetSelector::default(), &["p/old"]);
        // Among ready pods, the last build comes before a newer pod.
        let pods = [
            pod("new", 9, &[("c", "acme/api:1")], Some(true)),
            pod("old", 1, &[("c", "acme/api:2")], Some(true)),
        ];
        check(&pods, &image("2"), &["old/c", "new/c"]);
    }
}
