//! Deletes the objects of deployments.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::holder::report_holder;
use super::{Deployment, chart, load_manifests, preview};
use crate::cluster::{KEEP_POLICY, has_keep_policy};
use crate::config::DeploymentKind;
use crate::deploy::chart::{ChartRequest, UninstallRequest};
use crate::deploy::objects::{LockOptions, Removal};
use crate::error::StageError;
use crate::event::{DeploymentOutcome, DeploymentResult, Event, Level, ObjectChange};
use crate::plural::counted;
use crate::process::Pipe;
use crate::state::ReleasePlace;

/// Deletes the objects of `deployment`, or uninstalls its release, and reports each object.
///
/// # Errors
/// `deploy::not_deleted`, `deploy::...` if helm fails, `cluster::...`, `run::cancelled`.
pub fn remove(deployment: &Deployment) -> Result<(), StageError> {
    let started = Instant::now();
    let session = &deployment.run().session;
    session.host.cluster.needed_context()?;
    let removed = match &deployment.config().kind {
        DeploymentKind::Helm(_) => uninstall(deployment, started),
        DeploymentKind::Kubectl(_) => remove_objects(deployment, started),
    };
    if let Err(error) = &removed {
        let (outcome, reason) = match session.cancel.is_cancelled() {
            true => (DeploymentOutcome::Cancelled, "stopped".to_owned()),
            false => (DeploymentOutcome::Failed, error.message()),
        };
        session.events.emit(Event::DeploymentFinished(deployment.result(outcome, reason, started.elapsed())));
    }
    removed
}

fn remove_objects(deployment: &Deployment, started: Instant) -> Result<(), StageError> {
    let run = deployment.run();
    let session = &run.session;
    // Missing or invalid manifests do not matter if the cluster has a record.
    let loaded = load_manifests(deployment);
    let removal = Removal {
        deployment: deployment.name().to_owned(),
        namespace: deployment.namespace()?,
        documents: deployment.loaded().documents.clone(),
        all: run.options.deploy.purges_all,
        limit: run.options.deploy.timeout,
    };
    session.step(format!("deleting {}", deployment.name()));
    let (on_wait, cancel) = (report_holder(deployment), session.cancellation());
    let lock = LockOptions { limit: removal.limit, on_wait: &on_wait, cancel: &cancel };
    let removed = session.wait_for_end(session.host.deployer.remove(&removal, lock))?;
    let (deleted, kept) = (removed.deleted.len(), removed.kept.len());
    if deleted + kept == 0 {
        loaded?;
    }
    for key in removed.deleted {
        report_object(deployment, key.to_string(), ObjectChange::Deleted, String::new());
    }
    for (key, reason) in removed.kept {
        report_object(deployment, key.to_string(), ObjectChange::Kept, reason);
    }
    let reason = match (deleted, kept) {
        (0, 0) => "nothing to delete".to_owned(),
        (0, kept) => format!("nothing deleted, {} kept", counted(kept, "object")),
        (deleted, 0) => counted(deleted, "object"),
        (deleted, kept) => format!("{}, {kept} kept", counted(deleted, "object")),
    };
    report(deployment, reason, deleted, started);
    Ok(())
}

fn uninstall(deployment: &Deployment, started: Instant) -> Result<(), StageError> {
    let run = deployment.run();
    let session = &run.session;
    let request = chart::release_request(deployment)?;
    let DeploymentKind::Helm(helm) = &deployment.config().kind else { return Ok(()) };
    let uninstall = UninstallRequest {
        release: request.release.clone(),
        namespace: request.namespace.clone(),
        directory: request.directory.clone(),
        driver: request.driver.clone(),
        wait: true,
        timeout: Some(run.options.deploy.timeout),
        disable_hooks: request.disable_hooks,
        delete_args: helm.delete_args.clone(),
        ..UninstallRequest::default()
    };
    let objects = recorded_objects(deployment, &request)?;
    let (events, name) = (session.events.clone(), deployment.name().to_owned());
    let mut on_line = |_: Pipe, line: &str| {
        if !is_reported(line) {
            events.emit(Event::Output { image: None, line: format!("{name}: {line}") });
        }
    };
    let (on_wait, cancel) = (report_holder(deployment), session.cancellation());
    let lock = LockOptions { limit: run.options.deploy.timeout, on_wait: &on_wait, cancel: &cancel };
    let deployer = &session.host.deployer;
    let removed = deployer.uninstall(&uninstall, request.program.as_deref(), &mut on_line, lock);
    let existed = session.wait_for_end(removed)?;
    let server = session.host.cluster.needed_context()?.server;
    let place = ReleasePlace { server: &server, namespace: &request.namespace, release: &request.release };
    if let Err(error) = run.memory.releases.remove(place) {
        session.notice(Level::Warning, format!("cannot delete the record of `{}`: {error}", request.release));
    }
    let mut deleted = 0;
    for (name, object) in objects.into_iter().filter(|_| existed) {
        if has_keep_policy(&object) {
            report_object(deployment, name, ObjectChange::Kept, KEEP_POLICY.to_owned());
        } else {
            deleted += 1;
            report_object(deployment, name, ObjectChange::Deleted, String::new());
        }
    }
    let reason = match existed {
        true => format!("release {} was uninstalled", request.release),
        false => format!("nothing to delete: release {} not found", request.release),
    };
    report(deployment, reason, deleted, started);
    Ok(())
}

/// The objects of the newest release of `request`, by their names, as helm has recorded them; none if it cannot be
/// read.
fn recorded_objects(
    deployment: &Deployment,
    request: &ChartRequest,
) -> Result<BTreeMap<String, Value>, StageError> {
    let session = &deployment.run().session;
    let releases = session.wait(session.host.deployer.releases(request))?;
    let newest = releases.ok().and_then(|releases| releases.decode_newest().ok().flatten());
    let objects = newest.and_then(|release| preview::objects(&release.manifest, &request.namespace).ok());
    Ok(objects.unwrap_or_default())
}

/// Whether windlass reports the content of `line` of helm itself, also for each kept object: `[ConfigMap] conf`.
fn is_reported(line: &str) -> bool {
    let ends = [" uninstalled", "release: not found", "were kept due to the resource policy:"];
    ends.iter().any(|end| line.ends_with(end)) || line.starts_with('[') && line.contains("] ")
}

/// Reports that `object` of `deployment` was deleted or kept.
fn report_object(deployment: &Deployment, object: String, change: ObjectChange, details: String) {
    let name = deployment.name().to_owned();
    let event = Event::ObjectChanged { deployment: name, object, change, details };
    deployment.run().session.events.emit(event);
}

/// Reports that `deployment` is deleted.
fn report(deployment: &Deployment, reason: String, deleted: usize, started: Instant) {
    let result = deployment.result(DeploymentOutcome::Deleted, reason, started.elapsed());
    deployment.run().session.events.emit(Event::DeploymentFinished(DeploymentResult { deleted, ..result }));
}
