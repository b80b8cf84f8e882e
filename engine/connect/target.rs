//! The container to connect to.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::diagnosis::{Diagnosis, not_running};
use super::{ContainerPhase, MatchingContainer, TargetError, TargetSelector, candidates, nearest};
use crate::cluster::{ClusterAccess, ClusterError, ContainerTarget, PodsChange};
use crate::error::{Cancelled, StageError};
use crate::event::{Events, Level};

/// How long the cluster may take to respond.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The delay before the wait is reported.
const SILENCE: Duration = Duration::from_secs(1);

/// The longest time after which the pods are looked at again, even without changes.
const TICK: Duration = Duration::from_millis(500);

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedContainer {
    /// The namespace.
    pub namespace: String,
    /// The name of its pod.
    pub pod: String,
    /// The UID of its pod: another pod may get the same name.
    pub pod_uid: String,
    /// Its name.
    pub container: String,
    /// Its ID, another one after each restart.
    pub container_id: String,
    /// Its image in the pod spec.
    pub image: String,
}

/// How long to wait for a container.
#[derive(Debug, Clone, Copy)]
pub struct TargetLimits {
    /// Until a pod matches.
    pub pod: Duration,
    /// Until its container runs.
    pub start: Duration,
}

/// 10 seconds for a pod, and 2 minutes for its start.
impl Default for TargetLimits {
    fn default() -> Self {
        Self { pod: Duration::from_secs(10), start: Duration::from_secs(120) }
    }
}

impl SelectedContainer {
    /// Waits until the container that `selector` selects runs, and returns it. Reports the choice if several match, and
    /// the pod that it waits for.
    ///
    /// # Errors
    /// [`TargetError`]; `run::cancelled`.
    pub async fn resolve(
        access: &ClusterAccess,
        selector: &TargetSelector,
        limits: TargetLimits,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, StageError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Cancelled.into()),
            found = search(access, selector, limits, events) => Ok(found?),
        }
    }

    /// The container, for commands in it.
    pub fn container_target(&self) -> ContainerTarget {
        ContainerTarget {
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
            container: Some(self.container.clone()),
        }
    }

    /// The container of `candidate`.
    pub(super) fn new(candidate: &MatchingContainer, namespace: &str) -> Self {
        let id = candidate.status().and_then(|status| status.container_id.clone());
        Self {
            namespace: namespace.to_owned(),
            pod: candidate.pod_name().to_owned(),
            pod_uid: candidate.pod.metadata.uid.clone().unwrap_or_default(),
            container: candidate.container.clone(),
            container_id: id.unwrap_or_default(),
            image: candidate.image.clone(),
        }
    }
}

/// The namespace of `selector`.
pub(super) fn namespace(access: &ClusterAccess, selector: &TargetSelector) -> Result<String, ClusterError> {
    let context = access.context()?.ok_or(ClusterError::NoCluster)?;
    Ok(selector.namespace.clone().unwrap_or_else(|| context.namespace.clone()))
}

async fn search(
    access: &ClusterAccess,
    selector: &TargetSelector,
    limits: TargetLimits,
    events: &Events,
) -> Result<SelectedContainer, TargetError> {
    let namespace = namespace(access, selector)?;
    let mut changes = access.watch_pods(&namespace, &selector.query()).await?;
    let start = Instant::now();
    let mut pods: Option<Vec<Arc<Pod>>> = None;
    let (mut diagnosis, mut told, mut trouble) = (Diagnosis::default(), false, String::new());
    loop {
        match tokio::time::timeout(TICK, changes.next()).await {
            Ok(Some(PodsChange::Pods(found))) => pods = Some(found),
            Ok(Some(PodsChange::Interrupted(reason))) => trouble = reason,
            Ok(Some(PodsChange::Failed(error))) => {
                if matches!(error, ClusterError::Unauthorized { .. }) {
                    // Another attempt, if there is one, has another token.
                    access.log_in_again().await;
                }
                return Err(error.into());
            }
            Ok(None) | Err(_) => {}
        }
        let Some(pods) = &pods else {
            if start.elapsed() >= CONNECT_LIMIT {
                return Err(access.unreachable(&trouble).into());
            }
            continue;
        };
        let found = candidates(pods, selector);
        match found.first() {
            Some(best) if best.is_running() => {
                return chosen(best, &found, selector, &namespace, events);
            }
            Some(best) if best.phase == ContainerPhase::Ended && selector.pod.is_some() => {
                return Err(TargetError::Ended { namespace, pod: best.pod_name().to_owned() });
            }
            Some(best) if best.phase == ContainerPhase::Waiting => {
                if let Some(problem) = diagnosis.observe(access, &namespace, &best.pod).await {
                    return Err(not_running(access, &problem).await);
                }
                if start.elapsed() >= limits.start {
                    return Err(match diagnosis.last() {
                        Some(problem) => not_running(access, problem).await,
                        None => too_slow(best, namespace, limits),
                    });
                }
                if !told && start.elapsed() >= SILENCE {
                    told = true;
                    events.notice(Level::Info, format!("waiting for the pod `{}` to start", best.pod_name()));
                }
            }
            _ if start.elapsed() >= limits.pod => {
                return Err(no_pod(access, selector, namespace).await);
            }
            _ => {}
        }
    }
}

/// The container of `best`; reports it if there are others.
fn chosen(
    best: &MatchingContainer,
    found: &[MatchingContainer],
    selector: &TargetSelector,
    namespace: &str,
    events: &Events,
) -> Result<SelectedContainer, TargetError> {
    let running: Vec<_> = found.iter().filter(|candidate| candidate.is_running()).collect();
    if selector.is_only() && running.len() > 1 {
        let pods = running.iter().map(|candidate| candidate.pod_name().to_owned()).collect();
        return Err(TargetError::Ambiguous { namespace: namespace.to_owned(), pods });
    }
    let others = equals(best, &running);
    if !others.is_empty() {
        events.notice(Level::Info, several(best, &others, selector));
    }
    if !best.is_current {
        events.notice(Level::Warning, old_build(best, selector));
    }
    Ok(SelectedContainer::new(best, namespace))
}

/// The others of `running` that are as good a choice as `best`: not those of an older build.
pub(super) fn equals<'a>(
    best: &MatchingContainer,
    running: &[&'a MatchingContainer],
) -> Vec<&'a MatchingContainer> {
    let others = running.iter().skip(1).copied();
    others.filter(|other| other.is_current == best.is_current).collect()
}

/// Whether a container starts that is about to replace `best`.
pub(super) fn is_rolling_out(best: &MatchingContainer, found: &[MatchingContainer]) -> bool {
    found.iter().any(|other| {
        let is_newer = other.created() > best.created() || (other.is_current && !best.is_current);
        other.phase == ContainerPhase::Waiting && is_newer
    })
}

/// Several pods match: names the chosen one.
pub(super) fn several(
    best: &MatchingContainer,
    others: &[&MatchingContainer],
    selector: &TargetSelector,
) -> String {
    let names: Vec<_> = others.iter().map(|other| format!("`{}`", other.pod_name())).collect();
    let rank = if best.phase == ContainerPhase::Ready { "the newest that is ready" } else { "the newest" };
    let (pod, names) = (best.pod_name(), names.join(", "));
    format!("several pods {selector} run: using `{pod}`, {rank}, not {names}")
}

/// The container runs another build than the last one.
pub(super) fn old_build(best: &MatchingContainer, selector: &TargetSelector) -> String {
    let built: Vec<_> = selector.images.iter().map(|image| format!("`{}`", image.reference())).collect();
    format!(
        "the pod `{}` runs `{}`, but the last build is {}: deploy it, or check the tag, `imagePullPolicy` and the rollout \
         with `windlass status`",
        best.pod_name(),
        best.image,
        built.join(", ")
    )
}

fn too_slow(best: &MatchingContainer, namespace: String, limits: TargetLimits) -> TargetError {
    TargetError::TooSlow {
        namespace,
        pod: best.pod_name().to_owned(),
        container: best.container.clone(),
        seconds: limits.start.as_secs(),
    }
}

/// The error that no pod matches, with similar names that exist.
pub(super) async fn no_pod(
    access: &ClusterAccess,
    selector: &TargetSelector,
    namespace: String,
) -> TargetError {
    let help = match access.pods(&namespace, "").await {
        Ok(pods) => {
            let pods: Vec<_> = pods.into_iter().map(Arc::new).collect();
            nearest::hint(selector, &pods, &namespace)
        }
        Err(_) => String::new(),
    };
    TargetError::NoPod { wanted: selector.to_string(), namespace, help }
}
