//! Waits until the objects of deployments run, and finds out why they do not.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::problem_log;
use super::ready::{
    ClusterView, Permanence, Problem, ProblemKind, RolloutError, RolloutTimeout, SeenProblems, Summary,
    diagnose, readiness,
};
use crate::cluster::{ApplyError, ClusterAccess, ObjectKey, WatchTarget, WatchedObject};
use crate::error::{Cancelled, StageError};
use crate::suggestion::nearest;

/// How long changes are collected before they are looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest time after which everything is looked at again, even without changes.
const LONGEST: Duration = Duration::from_secs(5);
/// The timeout for reading everything once.
const OBSERVE_LIMIT: Duration = Duration::from_secs(30);

/// A deployment to wait for.
#[derive(Debug, Clone, Default)]
pub struct WaitTarget {
    /// Its name.
    pub deployment: String,
    /// The state of its objects in the cluster.
    pub objects: Vec<Value>,
    /// References of images that were built but not pushed.
    pub unpushed: Vec<String>,
    /// A hint about the deployment as a whole, for its error: how to roll it back.
    pub hint: Option<String>,
}

/// How far a deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitProgress {
    /// Its name.
    pub deployment: String,
    /// Its objects that are not ready.
    pub waiting: Vec<Summary>,
}

/// Receives how far a deployment is.
pub type OnProgress<'a> = &'a mut (dyn FnMut(&WaitProgress) + Send);

/// A deployment whose objects do not run.
#[derive(Debug, Clone)]
pub struct NotReady {
    /// Its name.
    pub deployment: String,
    /// Why.
    pub error: StageError,
}

/// The observed state of a deployment.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Its objects, and how far each is.
    pub objects: Vec<Summary>,
    /// Its problems, the most important one of each object, with the logs that explain them.
    pub problems: Vec<RolloutError>,
}

impl Observed {
    /// Whether everything runs.
    pub fn is_healthy(&self) -> bool {
        self.problems.is_empty() && self.objects.iter().all(|summary| summary.readiness.is_current())
    }
}

/// When to stop waiting.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits {
    /// The timeout.
    pub timeout: Duration,
    /// Whether only the timeout ends the wait, not a permanent problem.
    pub is_patient: bool,
}

/// The known state of the cluster.
#[derive(Default)]
struct Known {
    objects: HashMap<ObjectKey, Value>,
    events: HashMap<String, Value>,
    /// The kinds and namespaces that were reported completely.
    complete: HashSet<(String, Option<String>)>,
    /// The number of kinds and namespaces that are watched.
    watched: usize,
}

/// Waits until the objects of all `targets` are ready, and passes how far they are to `on_progress` when that changes.
/// Opens no connection if they are ready already.
///
/// # Errors
/// `run::cancelled`, and `cluster::...` if objects cannot be watched. Deployments that do not become ready are the
/// result: those with the first permanent problems, or at the timeout all of them with the reasons.
pub async fn wait_until_ready(
    access: &ClusterAccess,
    targets: &[WaitTarget],
    limits: WaitLimits,
    on_progress: OnProgress<'_>,
    cancel: &CancellationToken,
) -> Result<Vec<NotReady>, StageError> {
    let open: Vec<_> = targets.iter().filter_map(unfinished).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<_> = open.iter().flat_map(keys_of).collect();
    let watched = WatchTarget::deployment(&keys);
    let changes = access.watch_objects(&watched).await?;
    let mut wait = Wait {
        access,
        targets: &open,
        limits,
        known: Known { watched: watched.len(), ..Known::default() },
        seen: SeenProblems::default(),
        shown: HashMap::new(),
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Cancelled.into()),
        ended = wait.run(changes, on_progress) => ended,
    }
}

/// Observes the objects of all `targets` once.
///
/// # Errors
/// `cluster::...` if they cannot be read.
pub async fn observe(access: &ClusterAccess, targets: &[WaitTarget]) -> Result<Vec<Observed>, StageError> {
    let keys: Vec<_> = targets.iter().flat_map(keys_of).collect();
    if keys.is_empty() {
        return Ok(vec![Observed::default(); targets.len()]);
    }
    let watched = WatchTarget::deployment(&keys);
    let mut changes = access.watch_objects(&watched).await?;
    let limits = WaitLimits { timeout: OBSERVE_LIMIT, is_patient: true };
    let known = Known { watched: watched.len(), ..Known::default() };
    let mut wait =
        Wait { access, targets, limits, known, seen: SeenProblems::default(), shown: HashMap::new() };
    let end = Instant::now() + OBSERVE_LIMIT;
    while wait.known.complete.len() < wait.known.watched && wait.collect(&mut changes, end).await? {}
    let now = Timestamp::now();
    let view = ClusterView::new(now, wait.known.objects.values(), wait.known.events.values());
    let mut observed = Vec::with_capacity(targets.len());
    for target in targets {
        let mut found = Observed::default();
        for object in &target.objects {
            let live = ObjectKey::new(object).ok().and_then(|key| wait.known.objects.get(&key));
            let object = live.unwrap_or(object);
            found.objects.push(Summary::new(object, &view));
            if let Some(problem) = diagnose(object, &view).into_iter().next() {
                let log = problem_log(wait.access, &problem).await;
                found.problems.push(RolloutError::new(&target.deployment, problem).with_log(&log));
            }
        }
        observed.push(found);
    }
    Ok(observed)
}

/// The objects of `target` that are not ready by themselves; `None` if all are.
fn unfinished(target: &WaitTarget) -> Option<WaitTarget> {
    let now = Timestamp::now();
    let view = ClusterView::new(now, &target.objects, []);
    let is_open = |object: &&Value| !readiness(object, &view).is_current();
    let objects: Vec<_> = target.objects.iter().filter(is_open).cloned().collect();
    (!objects.is_empty()).then(|| WaitTarget { objects, ..target.clone() })
}

fn keys_of(target: &WaitTarget) -> Vec<ObjectKey> {
    target.objects.iter().filter_map(|object| ObjectKey::new(object).ok()).collect()
}

struct Wait<'a> {
    access: &'a ClusterAccess,
    targets: &'a [WaitTarget],
    limits: WaitLimits,
    known: Known,
    seen: SeenProblems,
    /// The last report about each deployment.
    shown: HashMap<String, Vec<Summary>>,
}

impl Wait<'_> {
    async fn run(
        &mut self,
        mut changes: impl Stream<Item = WatchedObject> + Unpin + Send,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<NotReady>, StageError> {
        let end = Instant::now() + self.limits.timeout;
        loop {
            if !self.collect(&mut changes, end).await? {
                return Ok(self.out_of_time().await);
            }
            if self.known.complete.len() < self.known.watched {
                continue;
            }
            let now = Timestamp::now();
            let (problems, waiting) = self.look(now);
            for progress in &waiting {
                let before = self.shown.get(&progress.deployment);
                if before != Some(&progress.waiting) && !progress.waiting.is_empty() {
                    self.shown.insert(progress.deployment.clone(), progress.waiting.clone());
                    on_progress(progress);
                }
            }
            if waiting.iter().all(|progress| progress.waiting.is_empty()) {
                return Ok(Vec::new());
            }
            let all: Vec<_> = problems.iter().map(|(_, problem)| problem.clone()).collect();
            let permanent = self.seen.observe(&all, now);
            if !self.limits.is_patient && !permanent.is_empty() {
                let permanent: Vec<_> = permanent.into_iter().cloned().collect();
                return Ok(self.failures(&problems, &permanent, None).await);
            }
        }
    }

    /// Takes the next changes; `false` at the end of the wait.
    async fn collect(
        &mut self,
        changes: &mut (impl Stream<Item = WatchedObject> + Unpin + Send),
        end: Instant,
    ) -> Result<bool, StageError> {
        let until_due = |due: Timestamp| {
            let left = due.duration_since(Timestamp::now());
            Duration::try_from(left).unwrap_or_default()
        };
        let due = self.seen.next_deadline().map_or(LONGEST, until_due).clamp(PAUSE, LONGEST);
        let first = tokio::time::timeout_at(end.min(Instant::now() + due), changes.next()).await;
        if Instant::now() >= end {
            return Ok(false);
        }
        let Ok(Some(change)) = first else { return Ok(true) };
        self.known.take(change)?;
        let pause = end.min(Instant::now() + PAUSE);
        while let Ok(Some(change)) = tokio::time::timeout_at(pause, changes.next()).await {
            self.known.take(change)?;
        }
        Ok(true)
    }

    /// The problems of all objects, each with its deployment, and the objects that are not ready.
    fn look(&self, now: Timestamp) -> (Vec<(String, Problem)>, Vec<WaitProgress>) {
        let unpushed = self.targets.iter().flat_map(|target| target.unpushed.iter().cloned());
        let view = ClusterView::new(now, self.known.objects.values(), self.known.events.values())
            .with_unpushed(unpushed);
        let (mut problems, mut progress) = (Vec::new(), Vec::new());
        for target in self.targets {
            let mut waiting = Vec::new();
            for applied in &target.objects {
                let live = ObjectKey::new(applied).ok().and_then(|key| self.known.objects.get(&key));
                // An object that was deleted meanwhile is not ready.
                let object = live.unwrap_or(applied);
                let summary = Summary::new(object, &view);
                problems.extend(
                    diagnose(object, &view).into_iter().map(|found| (target.deployment.clone(), found)),
                );
                if !summary.readiness.is_current() || live.is_none() {
                    waiting.push(summary);
                }
            }
            progress.push(WaitProgress { deployment: target.deployment.clone(), waiting });
        }
        (problems, progress)
    }

    /// The errors at the end of the timeout.
    async fn out_of_time(&self) -> Vec<NotReady> {
        let (problems, progress) = self.look(Timestamp::now());
        let timeout = self.limits.timeout;
        let mut failures = Vec::new();
        for WaitProgress { deployment, waiting } in progress {
            if waiting.is_empty() {
                continue;
            }
            let own = problems.iter().filter(|(name, _)| *name == deployment);
            let explained: Vec<_> = own.map(|(_, problem)| problem.clone()).take(1).collect();
            if explained.is_empty() {
                let error = RolloutTimeout { deployment: deployment.clone(), timeout, waiting };
                failures.push(NotReady { deployment, error: error.into() });
            } else {
                failures.extend(self.failures(&problems, &explained, Some(timeout)).await);
            }
        }
        failures
    }

    /// The errors for `wanted`, one for each deployment, with the logs that explain them.
    async fn failures(
        &self,
        problems: &[(String, Problem)],
        wanted: &[Problem],
        timeout: Option<Duration>,
    ) -> Vec<NotReady> {
        let mut failures: Vec<NotReady> = Vec::new();
        for target in self.targets {
            let is_own = |problem: &&Problem| {
                problems.iter().any(|(name, other)| *name == target.deployment && other == *problem)
            };
            let Some(problem) = wanted.iter().find(is_own) else { continue };
            let log = problem_log(self.access, problem).await;
            let explained = self.with_near_name(problem.clone()).await;
            let mut error = RolloutError::new(&target.deployment, explained).with_log(&log);
            if let Some(timeout) = timeout.filter(|_| problem.permanence != Permanence::Final) {
                error = error.after(timeout);
            }
            if let Some(hint) = &target.hint {
                error = error.with_hint(hint);
            }
            failures.push(NotReady { deployment: target.deployment.clone(), error: error.into() });
        }
        failures
    }

    /// `problem` with the name of an existing object that is nearest to a missing one.
    async fn with_near_name(&self, mut problem: Problem) -> Problem {
        if let ProblemKind::MissingReference(missing) = &mut problem.kind
            && missing.key.is_none()
            && missing.near.is_none()
        {
            // Without the permission to list them, the error has no hint.
            let names = self.access.object_names("v1", missing.kind, &missing.namespace).await;
            let names = names.unwrap_or_default();
            missing.near = nearest(&missing.name, names.iter().map(String::as_str)).map(str::to_owned);
        }
        problem
    }
}

impl Known {
    fn take(&mut self, change: WatchedObject) -> Result<(), ApplyError> {
        let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let is_event = |object: &Value| object["kind"] == "Event";
        match change {
            WatchedObject::Exists(object) if is_event(&object) => {
                self.events.insert(uid(&object), object);
            }
            WatchedObject::Deleted(object) if is_event(&object) => {
                self.events.remove(&uid(&object));
            }
            WatchedObject::Exists(object) => {
                if let Ok(key) = ObjectKey::new(&object) {
                    self.objects.insert(key, object);
                }
            }
            WatchedObject::Deleted(object) => {
                if let Ok(key) = ObjectKey::new(&object) {
                    self.objects.remove(&key);
                }
            }
            WatchedObject::Complete { kind, namespace } => {
                self.complete.insert((kind, namespace));
            }
            WatchedObject::Interrupted(_) => {}
            // Without events and replica sets, the state of the objects is still known.
            WatchedObject::Failed(ApplyError::Forbidden { resource, .. })
                if resource.starts_with("events") || resource.starts_with("replicasets") =>
            {
                self.watched = self.watched.saturating_sub(1);
            }
            WatchedObject::Failed(error) => return Err(error),
        }
        Ok(())
    }
}
