//! Why a pod does not run.

use k8s_openapi::api::core::v1::PodStatus;

/// Why a waiting container cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartFailure {
    /// Its image cannot be pulled.
    Image,
    /// It cannot be created, or its command does not start or exits immediately.
    Container,
}

/// The obstacle of a container that waits with `reason` (Kubernetes, container states); `None` if it may still start.
pub(crate) fn obstacle(reason: &str) -> Option<StartFailure> {
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => Some(StartFailure::Image),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "StartError"
        | "CrashLoopBackOff" => Some(StartFailure::Container),
        _ => None,
    }
}

/// Why the pod is unschedulable.
pub(crate) fn unschedulable(status: &PodStatus) -> Option<String> {
    let conditions = status.conditions.iter().flatten();
    let found = conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .find(|condition| condition.reason.as_deref() == Some("Unschedulable"))?;
    Some(found.message.clone().unwrap_or_default())
}
