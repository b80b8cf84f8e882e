//! The state of a build, derived from the status of its pod.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

use super::error::KanikoError;
use super::pod::{CONTAINER, INIT_CONTAINER};
use crate::cluster::{StartFailure, obstacle, unschedulable};

/// The state of a build, derived from the status of its pod.
#[derive(Debug)]
pub(super) enum BuildPodState {
    /// It is not running yet; with the reason if the cluster reports one.
    Waiting(Option<String>),
    /// It is unschedulable at the moment.
    Unschedulable(String),
    /// It is waiting for the build context.
    Receiving,
    /// The context could not be unpacked.
    NotReceived {
        /// The exit code of `tar`.
        exit_code: i32,
    },
    /// Kaniko is running.
    Building,
    /// Kaniko has exited.
    PipelineRun {
        /// Its exit code.
        exit_code: i32,
        /// Its termination message: the digest of the image.
        message: String,
    },
    /// Unrecoverable.
    Failed(Box<KanikoError>),
}

/// The state of the build of `image` in `pod`.
pub(super) fn pod_state(image: &str, pod: &Pod) -> BuildPodState {
    let image = image.to_owned();
    let name = || pod.metadata.name.clone().unwrap_or_default();
    let failed = |error| BuildPodState::Failed(Box::new(error));
    let Some(status) = &pod.status else { return BuildPodState::Waiting(None) };
    let own = |statuses: &Option<Vec<ContainerStatus>>, name: &str| {
        statuses.iter().flatten().find(|status| status.name == name).cloned()
    };
    let init = own(&status.init_container_statuses, INIT_CONTAINER);
    let main = own(&status.container_statuses, CONTAINER);
    // The result of a container is more informative than the end of the pod, and it may have succeeded just before.
    for (container, status) in [(CONTAINER, &main), (INIT_CONTAINER, &init)] {
        let Some(state) = status.as_ref().and_then(|status| status.state.as_ref()) else { continue };
        if let Some(ended) = &state.terminated {
            if ended.reason.as_deref() == Some("OOMKilled") {
                let container = container.to_owned();
                let limit = memory_limit(pod, &container);
                return failed(KanikoError::OutOfMemory { image, container, limit });
            }
            if matches!(ended.reason.as_deref(), Some("ContainerCannotRun" | "StartError")) {
                let (container, reason) = (container.to_owned(), ended.message.clone().unwrap_or_default());
                return failed(KanikoError::Container { image, container, reason });
            }
            let was_stopped = pod.status.as_ref().is_some_and(|status| status.reason.is_some());
            if ended.exit_code == 0 || !was_stopped {
                match (container, ended.exit_code) {
                    (INIT_CONTAINER, 0) => break,
                    (INIT_CONTAINER, exit_code) => return BuildPodState::NotReceived { exit_code },
                    (_, exit_code) => {
                        let message = ended.message.clone().unwrap_or_default();
                        return BuildPodState::PipelineRun { exit_code, message };
                    }
                }
            }
        }
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return failed(KanikoError::Deleted { image, pod: name() });
    }
    if status.phase.as_deref() == Some("Failed") {
        let reason = status.reason.clone().unwrap_or_else(|| "Failed".to_owned());
        let message = status.message.clone().unwrap_or_else(|| "no reason given".to_owned());
        let help = help(&reason).map(str::to_owned);
        return failed(KanikoError::PipelineRun { image, reason, message, help });
    }
    if is_running(main.as_ref()) {
        return BuildPodState::Building;
    }
    if is_running(init.as_ref()) {
        return BuildPodState::Receiving;
    }
    let mut waits_for = None;
    for (container, option, status) in [("context", "initImage", &init), (CONTAINER, "image", &main)] {
        let Some(status) = status else { continue };
        let Some(waiting) = status.state.as_ref().and_then(|state| state.waiting.as_ref()) else { continue };
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let told = waiting.message.clone().unwrap_or_else(|| reason.to_owned());
        match obstacle(reason) {
            Some(StartFailure::Image) => {
                let container_image = status.image.clone();
                return failed(KanikoError::ImagePull { image, container_image, reason: told, option });
            }
            Some(StartFailure::Container) => {
                let container = container.to_owned();
                return failed(KanikoError::Container { image, container, reason: told });
            }
            None => waits_for = waits_for.or(waiting.message.clone()),
        }
    }
    match unschedulable(status) {
        Some(reason) => BuildPodState::Unschedulable(reason),
        None => BuildPodState::Waiting(waits_for),
    }
}

fn is_running(status: Option<&ContainerStatus>) -> bool {
    let state: Option<&ContainerState> = status.and_then(|status| status.state.as_ref());
    state.is_some_and(|state| state.running.is_some())
}

/// The memory limit in the configuration of `container`.
fn memory_limit(pod: &Pod, container: &str) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let mut containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let container = containers.find(|found| found.name == container)?;
    Some(container.resources.as_ref()?.limits.as_ref()?.get("memory")?.0.clone())
}

/// The hint for a pod that the cluster stopped for `reason`.
fn help(reason: &str) -> Option<&'static str> {
    match reason {
        "Evicted" => Some(
            "request as much of the exhausted resource as the build needs with `kaniko.resources.requests`, so that \
             the pod is scheduled on a node that has enough",
        ),
        "DeadlineExceeded" => Some("raise `--kaniko-limit`"),
        "Preempting" | "Terminated" | "NodeShutdown" | "NodeLost" => Some("run the build again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sight(status: Value) -> BuildPodState {
        let pod = json!({
            "metadata": { "name": "p" },
            "spec": { "containers": [{ "name": "kaniko", "resources": { "limits": { "memory": "1Gi" } } }] },
            "status": status,
        });
        pod_state("api", &serde_json::from_value(pod).expect("a pod"))
    }

    /// The status of one container.
    fn container(list: &str, name: &str, state: Value) -> Value {
        json!({ list: [{
            "name": name, "image": "r.io/x:1", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }] })
    }

    fn init(state: Value) -> Value {
        container("initContainerStatuses", "context", state)
    }

    fn main(state: Value) -> Value {
        container("containerStatuses", "kaniko", state)
    }

    #[track_caller]
    fn fails(status: Value, code: &str, words: &str) {
        use miette::Diagnostic as _;
        match sight(status) {
            BuildPodState::Failed(error) => {
                assert_eq!(error.code().map(|code| code.to_string()).as_deref(), Some(code));
                assert!(error.to_string().contains(words), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_way_of_a_build() {
        assert!(matches!(sight(json!({ "phase": "Pending" })), BuildPodState::Waiting(None)));
        assert!(matches!(sight(init(json!({ "running": {} }))), BuildPodState::Receiving));
        let arrived = json!({ "terminated": { "exitCode": 0 } });
        let mut both = init(arrived);
        both["containerStatuses"] =
            main(json!({ "waiting": { "reason": "PodInitializing" } }))["containerStatuses"].clone();
        assert!(matches!(sight(both), BuildPodState::Waiting(None)));
        assert!(matches!(sight(main(json!({ "running": {} }))), BuildPodState::Building));
        match sight(main(json!({ "terminated": { "exitCode": 0, "message": "sha256:1" } }))) {
            BuildPodState::PipelineRun { exit_code: 0, message } => assert_eq!(message, "sha256:1"),
            other => panic!("{other:?}"),
        }
        let broken = json!({ "terminated": { "exitCode": 1, "reason": "Error" } });
        assert!(matches!(sight(main(broken.clone())), BuildPodState::PipelineRun { exit_code: 1, .. }));
        assert!(matches!(sight(init(broken)), BuildPodState::NotReceived { exit_code: 1 }));
    }

    #[test]
    fn permanent_problems_are_errors() {
        let waiting = |reason: &str| json!({ "waiting": { "reason": reason, "message": "the message" } });
        fails(init(waiting("ErrImagePull")), "kaniko::image_pull", "`r.io/x:1`: the message");
        fails(main(waiting("ImagePullBackOff")), "kaniko::image_pull", "the message");
        fails(main(waiting("CreateContainerConfigError")), "kaniko::container", "did not start: the message");
        let killed = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
        fails(main(killed), "kaniko::out_of_memory", "its limit is 1Gi");
        let no_program =
            json!({ "exitCode": 127, "reason": "ContainerCannotRun", "message": "tar: not found" });
        fails(
            init(json!({ "terminated": no_program })),
            "kaniko::container",
            "did not start: tar: not found",
        );
        let evicted =
            json!({ "phase": "Failed", "reason": "Evicted", "message": "the node was low on memory" });
        fails(evicted, "kaniko::evicted", "(Evicted): the node was low on memory");
        // The containers of an evicted pod are killed first.
        let mut killed = main(json!({ "terminated": { "exitCode": 137, "reason": "Error" } }));
        killed["phase"] = json!("Failed");
        killed["reason"] = json!("DeadlineExceeded");
        fails(killed, "kaniko::evicted", "DeadlineExceeded");
        let condition = json!({ "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes",
        }] });
        assert!(matches!(sight(condition), BuildPodState::Unschedulable(message) if message == "0/1 nodes"));
    }
}
