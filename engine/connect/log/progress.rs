//! The progress of a container, for its log.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

use crate::connect::candidate::status_of;

/// How far a container is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The ID of the container that has a log: the one that runs, otherwise the last one. `None` before its start.
    pub(super) id: Option<String>,
    /// How that container ended, if it did.
    pub(super) ended: Option<Ending>,
    /// How the container before that ended, after a restart.
    pub(super) previous: Option<Ending>,
    /// Whether no container will follow: the pod has ended or was deleted.
    pub(super) is_last: bool,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) id: String,
    pub(super) code: i32,
    pub(super) reason: String,
}

impl Progress {
    /// How far the container `name` of `pod` is.
    pub(super) fn new(pod: &Pod, name: &str) -> Self {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let is_last = matches!(phase, Some("Succeeded" | "Failed"));
        let Some(status) = status_of(pod, name) else { return Self { is_last, ..Self::default() } };
        let state = status.state.as_ref();
        let is_deleted = pod.metadata.deletion_timestamp.is_some();
        let ending = |state: &ContainerStateTerminated| ending(state, is_deleted);
        let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref()).map(ending);
        if state.is_some_and(|state| state.running.is_some()) {
            return Self { id: status.container_id.clone(), ended: None, previous: last, is_last };
        }
        if let Some(ended) = state.and_then(|state| state.terminated.as_ref()).map(ending) {
            return Self { id: Some(ended.id.clone()), ended: Some(ended), previous: last, is_last };
        }
        // It waits for its restart: the log is that of the last one.
        Self { id: last.as_ref().map(|last| last.id.clone()), ended: last, previous: None, is_last }
    }
}

fn ending(state: &ContainerStateTerminated, is_deleted: bool) -> Ending {
    // It is not the container's fault then.
    let reason = if is_deleted { Some("its pod is being deleted".to_owned()) } else { state.reason.clone() };
    Ending {
        id: state.container_id.clone().unwrap_or_default(),
        code: state.exit_code,
        reason: reason.unwrap_or_default(),
    }
}
