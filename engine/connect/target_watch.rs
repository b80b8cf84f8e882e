//! The current container, also when pods are replaced.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::clock_jump::ClockJump;
use super::diagnosis::{Diagnosis, not_running};
use super::target::{equals, is_rolling_out, namespace, no_pod, old_build, several};
use super::{
    Choose, ContainerPhase, MatchingContainer, Notices, SelectedContainer, TargetError, TargetLimits,
    TargetSelector, candidates,
};
use crate::cluster::{ClusterAccess, ClusterError, PodsChange};
use crate::error::in_one_line;
use crate::event::Level;

/// The interval between checks of the pods without a target, and the one with a target.
const TICK: Duration = Duration::from_millis(500);
const QUIET_TICK: Duration = Duration::from_secs(5);

/// How long a newer container may take to start before the old one counts.
const ROLLOUT_LIMIT: Duration = Duration::from_secs(30);

/// The pause before a watch that the cluster refused starts again, and one whose credentials it rejected.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
const REJECTED_PAUSE: Duration = Duration::from_secs(5);

/// The result of a watch.
#[derive(Debug, Clone, Default)]
pub struct TargetState {
    /// The container that is current; `None` while none runs.
    pub target: Option<SelectedContainer>,
    /// Whether it stays: no newer container is about to replace it.
    pub is_settled: bool,
}

/// Always has the current container: the newest one that is ready, and the old one until the next is ready.
/// Cheap to clone; the watch ends with its last clone.
#[derive(Clone)]
pub struct TargetWatch {
    state: Arc<watch::Sender<TargetState>>,
    selector: Arc<watch::Sender<TargetSelector>>,
    _stop: Arc<DropGuard>,
}

impl TargetWatch {
    /// Watches the containers that `selector` selects until `cancel`; of several that run, `choose` decides, otherwise
    /// it is the best. Changes and obstacles are reported. Must be called inside a runtime.
    pub fn start(
        access: &ClusterAccess,
        selector: TargetSelector,
        choose: Option<Choose>,
        notices: &Notices,
        cancel: &CancellationToken,
    ) -> Self {
        let cancel = cancel.child_token();
        let state = Arc::new(watch::Sender::new(TargetState::default()));
        let (selectors, selector) = watch::channel(selector);
        let (access, notices) = (access.clone(), notices.clone());
        let mut task = Task { access, notices, selector, choose, state: Arc::clone(&state) };
        let ended = cancel.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = task.run() => {}
            }
        });
        Self { state, selector: Arc::new(selectors), _stop: Arc::new(cancel.drop_guard()) }
    }

    /// The container that is current, as soon as there is one, at the latest after `limit`.
    pub async fn wait(&self, limit: Duration) -> Option<SelectedContainer> {
        let mut state = self.state.subscribe();
        let found = tokio::time::timeout(limit, state.wait_for(|state| state.target.is_some())).await;
        found.ok()?.ok()?.target.clone()
    }

    /// The container that is current, as soon as there is one that stays.
    pub async fn settled(&self) -> Option<SelectedContainer> {
        let mut state = self.state.subscribe();
        let found = state.wait_for(|state| state.is_settled && state.target.is_some()).await;
        found.ok()?.target.clone()
    }

    /// The current state, and each change of it.
    pub fn subscribe(&self) -> watch::Receiver<TargetState> {
        self.state.subscribe()
    }

    /// Waits until a container of another pod than that with the UID `pod` is current, and stays.
    pub async fn replaced(&self, pod: &str) {
        let mut state = self.state.subscribe();
        let is_other = |state: &TargetState| {
            state.is_settled && state.target.as_ref().is_some_and(|target| target.pod_uid != pod)
        };
        // The sender is dropped together with `self`.
        let _ = state.wait_for(is_other).await;
    }

    /// From now on, `selector` selects the container: an image has been built.
    pub fn select(&self, selector: TargetSelector) {
        self.selector.send_if_modified(|current| {
            let is_other = *current != selector;
            *current = selector;
            if is_other {
                self.state.send_modify(|state| state.is_settled = false);
            }
            is_other
        });
    }
}

struct Task {
    access: ClusterAccess,
    notices: Notices,
    selector: watch::Receiver<TargetSelector>,
    choose: Option<Choose>,
    state: Arc<watch::Sender<TargetState>>,
}

impl Task {
    /// Watches without end; starts again after each change of the selector, after a sleep of the machine, and after a
    /// refusal.
    async fn run(&mut self) {
        loop {
            let selector = self.selector.borrow_and_update().clone();
            let watched = tokio::select! {
                changed = self.selector.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
                error = watch(&self.access, &selector, self.choose.as_ref(), &self.notices, &self.state) => error,
            };
            let Err(error) = watched else { continue };
            let message = in_one_line(&error);
            self.notices.report(Level::Warning, message);
            self.state.send_replace(TargetState::default());
            let pause = match error {
                TargetError::Cluster(ClusterError::Unauthorized { .. }) => {
                    self.access.log_in_again().await;
                    REJECTED_PAUSE
                }
                _ => REFUSED_PAUSE,
            };
            tokio::select! {
                changed = self.selector.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Watches until the watch must start again, or is refused.
async fn watch(
    access: &ClusterAccess,
    selector: &TargetSelector,
    choose: Option<&Choose>,
    notices: &Notices,
    state: &watch::Sender<TargetState>,
) -> Result<(), TargetError> {
    let namespace = namespace(access, selector)?;
    let mut changes = access.watch_pods(&namespace, &selector.query()).await?;
    let mut watched = Watched {
        access,
        selector,
        choose,
        notices,
        state,
        namespace,
        pods: None,
        without: Instant::now(),
        unsettled: None,
        is_lost: false,
        diagnosis: Diagnosis::default(),
        told: HashSet::new(),
    };
    let mut sleep = ClockJump::new();
    loop {
        let is_quiet = state.borrow().is_settled && state.borrow().target.is_some();
        let tick = if is_quiet { QUIET_TICK } else { TICK };
        let change = tokio::time::timeout(tick, changes.next()).await;
        if sleep.happened() {
            notices.report(Level::Info, "the machine was asleep: connecting again");
            return Ok(());
        }
        match change {
            Ok(Some(change)) => {
                if let ControlFlow::Break(error) = watched.take(change) {
                    return Err(error);
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {}
        }
        watched.look().await;
    }
}

/// The observations of one watch.
struct Watched<'a> {
    access: &'a ClusterAccess,
    selector: &'a TargetSelector,
    choose: Option<&'a Choose>,
    notices: &'a Notices,
    state: &'a watch::Sender<TargetState>,
    namespace: String,
    pods: Option<Vec<Arc<Pod>>>,
    /// When the last target ended.
    without: Instant,
    /// Since when the target is about to be replaced.
    unsettled: Option<Instant>,
    /// Whether the connection is lost.
    is_lost: bool,
    diagnosis: Diagnosis,
    /// Messages that were reported since the last target.
    told: HashSet<String>,
}

impl Watched<'_> {
    fn take(&mut self, change: PodsChange) -> ControlFlow<TargetError> {
        match change {
            PodsChange::Pods(pods) => {
                if std::mem::take(&mut self.is_lost) {
                    self.notices.report(Level::Info, "the cluster responds again");
                }
                self.pods = Some(pods);
            }
            PodsChange::Interrupted(reason) => {
                self.is_lost = true;
                let error = self.access.unreachable(&reason);
                self.notices.report(Level::Warning, format!("{error}: trying again"));
            }
            PodsChange::Failed(error) => return ControlFlow::Break(error.into()),
        }
        ControlFlow::Continue(())
    }

    /// Finds the target, and reports changes.
    async fn look(&mut self) {
        let Some(pods) = self.pods.clone() else { return };
        let found = candidates(&pods, self.selector);
        let running: Vec<_> = found.iter().filter(|candidate| candidate.is_running()).collect();
        let before = self.state.borrow().target.clone();
        let Some(best) = self.chosen(&running).await else {
            if let Some(before) = before {
                self.report_loss(&before, &pods);
                self.state.send_replace(TargetState::default());
                self.without = Instant::now();
                self.diagnosis = Diagnosis::default();
                self.told.clear();
            }
            return self.report_obstacle(found.first()).await;
        };
        let is_settled = self.is_settled(best, &found);
        let target = SelectedContainer::new(best, &self.namespace);
        if before.as_ref() == Some(&target) {
            self.state
                .send_if_modified(|state| std::mem::replace(&mut state.is_settled, is_settled) != is_settled);
            return;
        }
        let others =
            if running[0].pod_name() == best.pod_name() { equals(best, &running) } else { Vec::new() };
        if !others.is_empty() && is_settled && self.told.insert("several".to_owned()) {
            self.notices.report(Level::Info, several(best, &others, self.selector));
        }
        if let Some(before) = before.filter(|before| before.pod_uid != target.pod_uid) {
            self.report_loss(&before, &pods);
            let message = format!("connected to the pod `{}`, which replaces `{}`", target.pod, before.pod);
            self.notices.report(Level::Info, message);
        }
        self.state.send_replace(TargetState { target: Some(target), is_settled });
    }

    /// The container to use: the best, unless `choose` returns another one.
    async fn chosen<'c>(&self, running: &[&'c MatchingContainer]) -> Option<&'c MatchingContainer> {
        let best = running.first().copied();
        let Some(choose) = self.choose.filter(|_| running.len() > 1) else { return best };
        let (choose, candidates) = (Arc::clone(choose), running.iter().copied().cloned().collect::<Vec<_>>());
        // A script may run for a long time.
        let index = tokio::task::spawn_blocking(move || choose(&candidates)).await.unwrap_or(0);
        running.get(index).copied().or(best)
    }

    /// Whether `best` stays. Reports if it runs an old build, and no newer one starts.
    fn is_settled(&mut self, best: &MatchingContainer, found: &[MatchingContainer]) -> bool {
        let is_rolling_out = is_rolling_out(best, found);
        if best.is_current && !is_rolling_out {
            self.unsettled = None;
            return true;
        }
        let since = *self.unsettled.get_or_insert_with(Instant::now);
        let limit = if is_rolling_out { ROLLOUT_LIMIT } else { TargetLimits::default().pod };
        let is_settled = since.elapsed() >= limit;
        if is_settled && !best.is_current && self.told.insert(best.image.clone()) {
            self.notices.report(Level::Warning, old_build(best, self.selector));
        }
        is_settled
    }

    /// Reports that the pod of `before` was evicted, if it was.
    fn report_loss(&self, before: &SelectedContainer, pods: &[Arc<Pod>]) {
        let pod = pods.iter().find(|pod| pod.metadata.uid.as_deref() == Some(&before.pod_uid));
        let status = pod.and_then(|pod| pod.status.as_ref());
        let Some(reason) = status.and_then(|status| status.reason.as_deref()) else { return };
        let message = status.and_then(|status| status.message.as_deref()).unwrap_or_default();
        let pod = &before.pod;
        self.notices.report(
            Level::Warning,
            format!(
                "the cluster stopped the pod `{pod}` ({reason}: {message}): only its volumes keep its files"
            ),
        );
    }

    /// Reports once why no target is found.
    async fn report_obstacle(&mut self, waiting: Option<&MatchingContainer>) {
        match waiting {
            Some(candidate) if candidate.phase == ContainerPhase::Waiting => {
                let problem = self.diagnosis.observe(self.access, &self.namespace, &candidate.pod).await;
                if let Some(problem) = problem
                    && self.told.insert(problem.message())
                {
                    let error = not_running(self.access, &problem).await;
                    self.notices.report(Level::Warning, in_one_line(&error));
                }
            }
            _ => {
                if self.without.elapsed() >= TargetLimits::default().pod
                    && self.told.insert("none".to_owned())
                {
                    let error = no_pod(self.access, self.selector, self.namespace.clone()).await;
                    self.notices.report(Level::Warning, in_one_line(&error));
                }
            }
        }
    }
}
