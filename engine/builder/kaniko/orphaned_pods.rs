//! Pods of builds that were killed.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::name::{BUILD, selector};
use super::pod_lock::PodLock;
use crate::builder::BuildRequest;
use crate::cluster::{ClusterAccess, ClusterError};
use crate::event::{ImageEvents, Level};

/// The age at which a finished pod counts as orphaned; the windlass process that created it removes it within seconds.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// Removes the pods of killed windlass processes: those created on this machine, according to the lock files in
/// `folder`, and those of the same image that finished long ago, wherever they were created. Other pods are not
/// touched. Pods that cannot be removed are reported.
pub(super) async fn remove_orphaned_pods(
    access: &ClusterAccess,
    (server, namespace): (&str, &str),
    folder: &Path,
    request: &BuildRequest,
    events: &ImageEvents,
) -> Result<(), ClusterError> {
    for (mark, pod) in PodLock::abandoned(folder) {
        if pod.server != server {
            continue;
        }
        let found = access.pod(&pod.namespace, &pod.name).await?;
        // A pod with this name but without our label is not ours.
        if let Some(found) = found.filter(|found| label(found, BUILD) == Some(&pod.name)) {
            remove(access, &pod.namespace, &found, events).await;
        }
        mark.remove();
    }
    let now = Timestamp::now();
    for pod in access.pods(namespace, &selector(request)).await? {
        if ended_at(&pod).is_some_and(|end| now.duration_since(end) > PATIENCE) {
            remove(access, namespace, &pod, events).await;
        }
    }
    Ok(())
}

async fn remove(access: &ClusterAccess, namespace: &str, pod: &Pod, events: &ImageEvents) {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let message = match access.delete_pod(namespace, &name, pod.metadata.uid.clone()).await {
        Ok(()) => {
            format!("removed the build pod {name} of a killed windlass process from {namespace}")
        }
        Err(error) => error.to_string(),
    };
    events.notice(Level::Info, message);
}

fn label<'a>(pod: &'a Pod, name: &str) -> Option<&'a String> {
    pod.metadata.labels.as_ref()?.get(name)
}

/// When the last container of a finished pod exited; if none ever ran, when the pod was created.
fn ended_at(pod: &Pod) -> Option<Timestamp> {
    let status = pod.status.as_ref()?;
    if !matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return None;
    }
    let states = status.container_statuses.iter().flatten().filter_map(|status| status.state.as_ref());
    let ends = states.filter_map(|state| state.terminated.as_ref()?.finished_at.as_ref());
    let end = ends.map(|time| time.0).max();
    end.or_else(|| pod.metadata.creation_timestamp.as_ref().map(|time| time.0))
}
