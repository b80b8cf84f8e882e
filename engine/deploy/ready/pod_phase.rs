//! The phase of a pod.

use std::fmt;

use serde_json::Value;

use super::ClusterView;
use super::condition::{condition, true_condition};
use super::container::{Container, containers};
use super::fields::{is_terminating, text};

/// The phase of a pod, in more detail than Kubernetes reports it. The order is that of a start, problems last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodPhase {
    /// Ready.
    Ready,
    /// Completed without an error.
    Completed,
    /// Waiting for a node.
    Pending,
    /// Its containers are being created.
    Creating,
    /// An image is being pulled.
    Pulling,
    /// An init container runs.
    Initializing,
    /// Running, but not ready.
    Starting,
    /// Being deleted.
    Terminating,
    /// No node fits.
    Unschedulable,
    /// An image cannot be pulled.
    PullFailed,
    /// A Secret, a ConfigMap or another setting is missing.
    Misconfigured,
    /// A container exits, or cannot be started.
    Crashing,
    /// It ended, and is not restarted.
    Failed,
}

impl PodPhase {
    /// The phase of `pod`.
    pub fn new(pod: &Value, view: &ClusterView<'_>) -> Self {
        if is_terminating(pod) {
            return Self::Terminating;
        }
        match text(pod, "/status/phase") {
            "Succeeded" => return Self::Completed,
            "Failed" => return Self::Failed,
            _ if true_condition(pod, "Ready").is_some() => return Self::Ready,
            _ => {}
        }
        if condition(pod, "PodScheduled")
            .is_some_and(|found| found.is_false() && found.reason == "Unschedulable")
        {
            return Self::Unschedulable;
        }
        let containers = containers(pod);
        if let Some(problem) = containers.iter().find_map(|container| problem(pod, container)) {
            return problem;
        }
        let pulls = view
            .last_event(pod, &["Pulling", "Pulled", "Failed", "Created", "Started"])
            .is_some_and(|event| event.reason() == "Pulling");
        let is_waiting = containers.iter().any(|container| container.waiting().is_some());
        if is_waiting && pulls {
            Self::Pulling
        } else if containers.iter().any(|container| container.is_init && container.is_running() && is_waiting)
        {
            Self::Initializing
        } else if is_waiting || (containers.is_empty() && true_condition(pod, "PodScheduled").is_some()) {
            Self::Creating
        } else if containers.is_empty() {
            Self::Pending
        } else {
            Self::Starting
        }
    }

    /// Whether nothing more is expected of the pod.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Ready | Self::Completed)
    }
}

fn problem(pod: &Value, container: &Container<'_>) -> Option<PodPhase> {
    let Some((reason, _)) = container.waiting() else {
        return container.failed(pod).map(|_| PodPhase::Crashing);
    };
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => Some(PodPhase::PullFailed),
        "CreateContainerConfigError" => Some(PodPhase::Misconfigured),
        "CrashLoopBackOff"
        | "RunContainerError"
        | "CreateContainerError"
        | "StartError"
        | "ContainerCannotRun"
        | "PostStartHookError" => Some(PodPhase::Crashing),
        _ => None,
    }
}

impl fmt::Display for PodPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ready => "ready",
            Self::Completed => "completed",
            Self::Pending => "pending",
            Self::Creating => "creating",
            Self::Pulling => "pulling",
            Self::Initializing => "initializing",
            Self::Starting => "starting",
            Self::Terminating => "terminating",
            Self::Unschedulable => "unschedulable",
            Self::PullFailed => "not pulled",
            Self::Misconfigured => "misconfigured",
            Self::Crashing => "crashing",
            Self::Failed => "failed",
        })
    }
}
