//! A deployment that was deployed or kept.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::holder::report_holder;
use super::rollout::Found;
use super::{ChartState, Deployment, Rollout};
use crate::cluster::ObjectKey;
use crate::deploy::chart::ChartRequest;
use crate::deploy::objects::{AppliedManifests, ApplyOptions, LockOptions};
use crate::error::StageError;
use crate::event::{Event, Level, ObjectChange};
use crate::lock::lock;
use crate::process::Pipe;
use crate::run::Run;
use crate::state::{ReleasePlace, ReleaseRecord};

/// A deployment that was deployed or kept.
#[derive(Clone)]
pub struct Deployed(Arc<Inner>);

struct Inner {
    deployment: Deployment,
    /// The state of its objects in the cluster; `None` for a chart, whose objects are read when they are needed.
    objects: Option<Vec<Value>>,
    is_changed: bool,
    revision: Option<u64>,
    applied: Option<usize>,
    deleted: usize,
    chart: Option<DeployedChart>,
    /// The state of its restarted objects after the restart.
    restarted: Mutex<Vec<Value>>,
}

/// The kinds of `apps` whose pods can be restarted.
const WORKLOADS: [&str; 3] = ["DaemonSet", "Deployment", "StatefulSet"];

/// Manifests have no earlier revision.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot roll back `{name}`: manifests have no revisions")]
#[diagnostic(
    code(deploy::no_revisions),
    help("call it only if `result.deployment.is_helm`; deploy an earlier commit to return to its manifests")
)]
struct NoRevisions {
    name: String,
}

/// A chart that was deployed or kept.
struct DeployedChart {
    state: Arc<ChartState>,
    record: ReleaseRecord,
}

impl Deployed {
    /// The deployment.
    pub fn deployment(&self) -> &Deployment {
        &self.0.deployment
    }

    /// Whether something was changed.
    pub fn is_changed(&self) -> bool {
        self.0.is_changed || !lock(&self.0.restarted).is_empty()
    }

    /// The revision of the release of a chart.
    pub fn revision(&self) -> Option<u64> {
        self.0.revision
    }

    /// The number of objects that were created or changed; `None` for a chart.
    pub fn applied(&self) -> Option<usize> {
        self.0.applied
    }

    /// The number of objects that were deleted.
    pub fn deleted(&self) -> usize {
        self.0.deleted
    }

    /// Its objects as the cluster returned them after the deploy. The objects of a chart are read from its release.
    ///
    /// # Errors
    /// `cluster::...`.
    pub fn objects(&self) -> Result<Vec<Value>, StageError> {
        let mut objects = self.deployed_objects()?;
        for restarted in lock(&self.0.restarted).iter() {
            let uid = &restarted["metadata"]["uid"];
            let same = objects.iter_mut().find(|object| object["metadata"]["uid"] == *uid && !uid.is_null());
            if let Some(same) = same {
                same.clone_from(restarted);
            }
        }
        Ok(objects)
    }

    fn deployed_objects(&self) -> Result<Vec<Value>, StageError> {
        match (&self.0.objects, &self.0.chart) {
            (Some(objects), _) => Ok(objects.clone()),
            (None, Some(chart)) if self.0.revision.is_some() => {
                let session = &self.0.deployment.run().session;
                let deployer = &session.host.deployer;
                let request = &chart.state.request;
                session.wait(async {
                    let releases = deployer.releases(request).await?;
                    deployer.release_objects(request, &releases).await
                })?
            }
            (None, _) => Ok(Vec::new()),
        }
    }

    /// Whether the run must wait for it: it was changed, or did not become ready in an earlier run.
    pub fn may_be_unready(&self) -> bool {
        let was_ready = self.0.chart.as_ref().is_some_and(|chart| chart.state.was_ready);
        self.is_changed() || !was_ready
    }

    /// Restarts the pods of its Deployments, StatefulSets and DaemonSets, and reports each.
    ///
    /// # Errors
    /// `cluster::...`.
    pub fn restart(&self) -> Result<(), StageError> {
        let session = &self.0.deployment.run().session;
        for object in self.objects()? {
            let key = ObjectKey::new(&object)?;
            if key.group() == "apps" && WORKLOADS.contains(&key.kind.as_str()) {
                let restarted = session.wait(session.host.deployer.restart(&key))??;
                lock(&self.0.restarted).push(restarted);
                session.notice(Level::Info, format!("{}: restarted {key}", self.0.deployment.name()));
            }
        }
        Ok(())
    }

    /// Returns the release of a chart to the revision before, if it was deployed and there is one. Returns the revision
    /// that this creates.
    ///
    /// # Errors
    /// `deploy::no_revisions` for manifests, `deploy::...` if helm fails, `run::cancelled`.
    pub fn roll_back(&self) -> Result<Option<u64>, StageError> {
        let name = self.0.deployment.name();
        if !self.0.deployment.is_helm() {
            return Err(NoRevisions { name: name.to_owned() }.into());
        }
        let (Some(chart), true) = (&self.0.chart, self.0.is_changed) else { return Ok(None) };
        let (Some(now), Some(before)) = (self.0.revision, chart.state.last_deployed) else { return Ok(None) };
        if before >= now {
            return Ok(None);
        }
        let run = self.0.deployment.run();
        let session = &run.session;
        let events = session.events.clone();
        let on_wait = report_holder(&self.0.deployment);
        let cancel = session.cancellation();
        let lock = LockOptions { limit: run.options.deploy.timeout, on_wait: &on_wait, cancel: &cancel };
        let mut on_line = |_: Pipe, line: &str| {
            events.emit(Event::Output { image: None, line: format!("{name}: {line}") });
        };
        let rolled_back = session.host.deployer.roll_back(&chart.state.request, before, &mut on_line, lock);
        let revision = session.wait_for_end(rolled_back)?;
        session
            .notice(Level::Info, format!("{name}: rolled back to revision {before}, as revision {revision}"));
        Ok(Some(revision))
    }

    /// How to go back to the revision before, if it failed.
    pub fn rollback_hint(&self) -> Option<String> {
        let chart = self.0.chart.as_ref()?;
        let ChartRequest { release, namespace, .. } = &chart.state.request;
        let (now, before) = (self.0.revision?, chart.state.last_deployed?);
        (before < now).then(|| {
            format!(
                "release {release} is at revision {now}: `helm rollback {release} {before} -n {namespace}`"
            )
        })
    }

    /// Records that its objects became ready.
    pub fn became_ready(&self) {
        let Some(chart) = self.0.chart.as_ref().filter(|chart| !chart.state.was_ready || self.0.is_changed)
        else {
            return;
        };
        record(self.0.deployment.run(), chart, ReleaseRecord { is_ready: true, ..chart.record.clone() });
    }
}

impl Rollout {
    /// Keeps the deployment in the cluster as it is.
    ///
    /// # Errors
    /// As for [`Rollout::verdict`].
    pub fn keep(&self) -> Result<Deployed, StageError> {
        let (objects, chart, revision) = match &self.verdict()?.found {
            Found::Manifests(comparison) => {
                let live = comparison.objects.iter().filter_map(|object| object.live.clone());
                (Some(live.collect()), None, None)
            }
            Found::Chart(state) => {
                let revision = Some(state.record.revision).filter(|revision| *revision > 0);
                let chart = DeployedChart { state: Arc::clone(state), record: state.record.clone() };
                (None, Some(chart), revision)
            }
        };
        Ok(Deployed(Arc::new(Inner {
            deployment: self.deployment().clone(),
            objects,
            is_changed: false,
            revision,
            applied: None,
            deleted: 0,
            chart,
            restarted: Mutex::default(),
        })))
    }

    /// Deploys it to the cluster.
    ///
    /// # Errors
    /// `deploy::...`, `cluster::...`, `run::cancelled`.
    pub fn apply(&self) -> Result<Deployed, StageError> {
        let deployment = self.deployment();
        let run = deployment.run();
        let session = &run.session;
        let (events, name) = (session.events.clone(), deployment.name().to_owned());
        let on_change = |object: &str, change: ObjectChange, details: &str| {
            events.emit(Event::ObjectChanged {
                deployment: name.clone(),
                object: object.to_owned(),
                change,
                details: details.to_owned(),
            });
        };
        let on_wait = report_holder(deployment);
        let cancel = session.cancellation();
        let options = ApplyOptions {
            lock: LockOptions { limit: run.options.deploy.timeout, on_wait: &on_wait, cancel: &cancel },
            on_change: &on_change,
        };
        match &self.verdict()?.found {
            Found::Manifests(comparison) => {
                let applied = session.wait_for_end(session.host.deployer.apply(comparison, &options))?;
                Ok(of_manifests(deployment, applied))
            }
            Found::Chart(state) => {
                let mut on_line = |_: Pipe, line: &str| {
                    events.emit(Event::Output { image: None, line: format!("{name}: {line}") });
                };
                let upgrade = session.host.deployer.upgrade(&state.request, &mut on_line, &options);
                let upgraded = session.wait_for_end(upgrade)?;
                // All output of helm is shown with `displayOutput`, so also the notes.
                let notes = if state.request.display_output { "" } else { &upgraded.notes };
                for line in notes.lines() {
                    events.emit(Event::Output { image: None, line: format!("{name}: {line}") });
                }
                let record =
                    ReleaseRecord { revision: upgraded.revision.unwrap_or_default(), ..state.record.clone() };
                let chart = DeployedChart { state: Arc::clone(state), record: record.clone() };
                if upgraded.revision.is_some() {
                    self::record(run, &chart, record);
                }
                Ok(Deployed(Arc::new(Inner {
                    deployment: deployment.clone(),
                    objects: None,
                    is_changed: true,
                    revision: upgraded.revision,
                    applied: None,
                    deleted: 0,
                    chart: Some(chart),
                    restarted: Mutex::default(),
                })))
            }
        }
    }
}

fn of_manifests(deployment: &Deployment, applied: AppliedManifests) -> Deployed {
    Deployed(Arc::new(Inner {
        deployment: deployment.clone(),
        is_changed: applied.changed + applied.deleted > 0,
        objects: Some(applied.objects),
        revision: None,
        applied: Some(applied.changed),
        deleted: applied.deleted,
        chart: None,
        restarted: Mutex::default(),
    }))
}

/// Writes the record of a chart. If that fails, the next run deploys it again.
fn record(run: &Run, chart: &DeployedChart, record: ReleaseRecord) {
    let ChartState { server, request, .. } = &*chart.state;
    let place = ReleasePlace { server, namespace: &request.namespace, release: &request.release };
    if let Err(error) = run.memory.releases.write(place, &record) {
        let message = format!("cannot record the deployment of `{}`: {error}", request.release);
        run.session.notice(Level::Warning, message);
    }
}
