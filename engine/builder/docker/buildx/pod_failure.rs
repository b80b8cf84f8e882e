//! Why the pod of a builder does not start.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::cluster::{ClusterAccess, ClusterError, StartFailure, obstacle, unschedulable};
use crate::event::{ImageEvents, Level};
use crate::poll::poll;
use crate::process::last_lines;

/// The pause between two queries of the pods.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the deletion of pods may take: more than the default grace period of 30 seconds in Kubernetes.
const GONE_LIMIT: Duration = Duration::from_secs(45);

/// How many lines of a container's log are printed.
const LINES: u32 = 20;

/// Why the pod of a builder does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PodFailure {
    /// It is unschedulable at the moment.
    Unschedulable(String),
    /// The cluster rejects it.
    Refused(String),
    /// Its image cannot be pulled.
    Image(String),
    /// Its process does not start, or exits.
    Program {
        /// Why.
        reason: String,
        /// The pod.
        pod: String,
    },
}

impl PodFailure {
    /// The reason, as a phrase.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unschedulable(reason) => format!("its pod is unschedulable: {reason}"),
            Self::Refused(reason) => format!("the cluster rejects its pod: {reason}"),
            Self::Image(reason) => format!("its image cannot be pulled: {reason}"),
            Self::Program { reason, .. } => format!("BuildKit does not start in its pod: {reason}"),
        }
    }

    /// The hint for it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Unschedulable(_) => "choose the nodes that may run it with `inCluster.nodeSelector`",
            Self::Refused(_) => {
                "set `inCluster.rootless: true`, which requires fewer permissions, or choose another namespace with \
                 `inCluster.namespace`"
            }
            Self::Image(_) => {
                "choose another image with `inCluster.image`, such as a mirror if the cluster has no internet access"
            }
            Self::Program { .. } => {
                "allow privileged pods, or set `inCluster.rootless: true` if the nodes allow user namespaces"
            }
        }
    }

    /// The hint for it, with the end of the log of its container.
    pub(super) async fn help(&self, access: &ClusterAccess, namespace: &str) -> String {
        let mut help = self.advice().to_owned();
        if let Self::Program { pod, .. } = self {
            let log = access.pod_log_text(namespace, pod, None, LINES).await.unwrap_or_default();
            let lines: Vec<_> = log.lines().map(str::to_owned).collect();
            if let Some(lines) = last_lines(&lines) {
                help = format!("{help}\n{lines}");
            }
        }
        help
    }
}

/// Queries the pods of the Deployment `name` until they can no longer start, and returns the reason. A temporary
/// reason is reported, and recorded in `last`. Without permission to query them, it never returns.
pub(super) async fn until_hopeless(
    access: &ClusterAccess,
    (namespace, name): (&str, &str),
    events: &ImageEvents,
    last: &mut Option<PodFailure>,
) -> PodFailure {
    loop {
        if let Some(hindrance) = look(access, namespace, name).await {
            if !matches!(hindrance, PodFailure::Unschedulable(_)) {
                return hindrance;
            }
            if last.as_ref() != Some(&hindrance) {
                events.notice(Level::Info, format!("the builder is waiting: {}", hindrance.reason()));
                *last = Some(hindrance);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until the deleted Deployment `name` has no more pods or, with `may_end`, only terminating ones; at most for
/// their grace period. Without permission to query them, it returns immediately.
pub(super) async fn wait_until_deleted(access: &ClusterAccess, namespace: &str, name: &str, may_end: bool) {
    let is_gone = |pods: &Result<Vec<Pod>, _>| {
        !pods.as_ref().is_ok_and(|pods| pods.iter().any(|pod| !may_end || !is_ending(pod)))
    };
    let gone = poll(PAUSE, GONE_LIMIT, || pods(access, namespace, name), is_gone);
    let _ = tokio::time::timeout(GONE_LIMIT, gone).await;
}

async fn look(access: &ClusterAccess, namespace: &str, name: &str) -> Option<PodFailure> {
    // Pods of a previous builder with this name may still be terminating.
    let pods: Vec<_> =
        pods(access, namespace, name).await.ok()?.into_iter().filter(|pod| !is_ending(pod)).collect();
    if pods.is_empty() {
        of_deployment(&access.deployment(namespace, name).await.ok()??)
    } else {
        pods.iter().find_map(of_pod)
    }
}

async fn pods(access: &ClusterAccess, namespace: &str, name: &str) -> Result<Vec<Pod>, ClusterError> {
    access.pods(namespace, &format!("app={name}")).await
}

fn is_ending(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Why the cluster creates no pods for `deployment`.
fn of_deployment(deployment: &Deployment) -> Option<PodFailure> {
    let conditions = deployment.status.as_ref()?.conditions.iter().flatten();
    let failure = conditions
        .into_iter()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    Some(PodFailure::Refused(failure.message.clone().unwrap_or_default()))
}

fn of_pod(pod: &Pod) -> Option<PodFailure> {
    let status = pod.status.as_ref()?;
    let of_containers =
        status.container_statuses.iter().flatten().find_map(|status| of_container(pod, status));
    of_containers.or_else(|| unschedulable(status).map(PodFailure::Unschedulable))
}

fn of_container(pod: &Pod, status: &ContainerStatus) -> Option<PodFailure> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let told = waiting.message.clone().unwrap_or_else(|| reason.to_owned());
    Some(match obstacle(reason)? {
        StartFailure::Image => PodFailure::Image(told),
        StartFailure::Container => {
            // The reason of its last termination is more informative than the current back-off.
            let before = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
            let told = before.map_or(told, |ended| {
                let code = format!("it exited with code {}", ended.exit_code);
                ended.message.clone().filter(|message| !message.is_empty()).unwrap_or(code)
            });
            PodFailure::Program { reason: told, pod: pod.metadata.name.clone().unwrap_or_default() }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: Value) -> Option<PodFailure> {
        of_pod(
            &serde_json::from_value(json!({ "metadata": { "name": "p" }, "status": status })).expect("a pod"),
        )
    }

    fn waiting(state: Value, last: Value) -> Value {
        json!({ "containerStatuses": [{
            "name": "buildkitd", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": state }, "lastState": last,
        }] })
    }

    #[test]
    fn causes_that_prevent_a_pod_start_are_noticed() {
        assert_eq!(pod(json!({ "phase": "Pending" })), None);
        assert_eq!(pod(waiting(json!({ "reason": "ContainerCreating" }), json!({}))), None);
        let image = json!({ "reason": "ImagePullBackOff", "message": "no such image" });
        assert_eq!(pod(waiting(image, json!({}))), Some(PodFailure::Image("no such image".to_owned())));
        let back_off = json!({ "reason": "CrashLoopBackOff", "message": "back-off" });
        let ended = json!({ "terminated": { "exitCode": 3 } });
        let program =
            |reason: &str| Some(PodFailure::Program { reason: reason.to_owned(), pod: "p".to_owned() });
        assert_eq!(pod(waiting(back_off.clone(), ended)), program("it exited with code 3"));
        assert_eq!(pod(waiting(back_off, json!({}))), program("back-off"));
        let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no disk" });
        assert_eq!(
            pod(json!({ "conditions": [condition] })),
            Some(PodFailure::Unschedulable("no disk".to_owned()))
        );
    }

    #[test]
    fn a_cluster_that_creates_no_pod_is_noticed() {
        let condition = json!({ "type": "ReplicaFailure", "status": "True", "message": "exceeded quota" });
        let deployment = json!({ "metadata": {}, "status": { "conditions": [condition] } });
        let deployment = serde_json::from_value(deployment).expect("a Deployment");
        assert_eq!(of_deployment(&deployment), Some(PodFailure::Refused("exceeded quota".to_owned())));
    }
}
