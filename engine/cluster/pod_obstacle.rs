//! What the cluster says keeps a pod from running.

use k8s_openapi::api::core::v1::PodStatus;

/// Why a container that waits does not start by waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its image cannot be had.
    Image,
    /// It cannot be made, or its program does not start or ends at once.
    Container,
}

/// What stands in the way of a container that waits for `reason` (Kubernetes, container states); `None` when it may
/// start yet.
pub(crate) fn obstacle(reason: &str) -> Option<Obstacle> {
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => Some(Obstacle::Image),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "StartError"
        | "CrashLoopBackOff" => Some(Obstacle::Container),
        _ => None,
    }
}

/// Why no node takes the pod, as things are.
pub(crate) fn unschedulable(status: &PodStatus) -> Option<String> {
    let conditions = status.conditions.iter().flatten();
    let found = conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .find(|condition| condition.reason.as_deref() == Some("Unschedulable"))?;
    Some(found.message.clone().unwrap_or_default())
}
