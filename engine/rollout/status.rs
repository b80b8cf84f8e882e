//! How deployments are doing in the cluster.

use serde_json::Value;

use super::{Deployment, chart};
use crate::config::DeploymentKind;
use crate::deploy::wait::{Observed, WaitLimits, WaitTarget};
use crate::error::StageError;
use crate::run::Run;

/// A revision of a release, and its status.
type NewestRelease = (u64, String);

/// How a deployment is doing.
pub struct DeploymentStatus {
    /// The deployment.
    pub deployment: Deployment,
    /// Its namespace.
    pub namespace: String,
    /// The newest revision of the release of a chart, and its status: `deployed`, `failed`.
    pub release: Option<NewestRelease>,
    /// Whether it is in the cluster.
    pub is_deployed: bool,
    /// Its objects and their problems.
    pub observed: Observed,
}

impl DeploymentStatus {
    /// Whether it is deployed, and everything of it runs.
    pub fn is_healthy(&self) -> bool {
        let is_released = self.release.as_ref().is_none_or(|(_, status)| status == "deployed");
        self.is_deployed && is_released && self.observed.is_healthy()
    }

    /// The result as a word: `ready`, `not ready`, `not deployed`, or the status of the release if it failed.
    pub fn word(&self) -> &str {
        match &self.release {
            _ if !self.is_deployed => "not deployed",
            Some((_, status)) if status != "deployed" => status,
            _ if self.is_healthy() => "ready",
            _ => "not ready",
        }
    }
}

/// How `deployments` are doing; with `limits`, waits first until they run.
///
/// # Errors
/// `cluster::...`, `run::cancelled`.
pub fn status(
    run: &Run,
    deployments: &[Deployment],
    limits: Option<WaitLimits>,
) -> Result<Vec<DeploymentStatus>, StageError> {
    run.session.host.cluster.needed_context()?;
    let session = &run.session;
    let deployer = &session.host.deployer;
    let mut found = Vec::new();
    for deployment in deployments {
        let (objects, release) = objects_of(deployment)?;
        found.push((deployment.clone(), objects, release));
    }
    let targets: Vec<_> = found
        .iter()
        .map(|(deployment, objects, _)| WaitTarget {
            deployment: deployment.name().to_owned(),
            objects: objects.clone(),
            ..WaitTarget::default()
        })
        .collect();
    if let Some(limits) = limits {
        let cancel = session.cancellation();
        // What does not become ready is observed below.
        let mut on_progress = |_: &_| ();
        session.wait_for_end(deployer.wait_until_ready(&targets, limits, &mut on_progress, &cancel))?;
    }
    let observed = session.wait(deployer.observe(&targets))??;
    let statuses = found.into_iter().zip(observed).map(|((deployment, objects, release), observed)| {
        let namespace = deployment.namespace()?;
        let is_deployed = release.is_some() || !objects.is_empty();
        Ok(DeploymentStatus { deployment, namespace, release, is_deployed, observed })
    });
    statuses.collect()
}

/// The objects of a deployment in the cluster, and the newest revision of its release.
fn objects_of(deployment: &Deployment) -> Result<(Vec<Value>, Option<NewestRelease>), StageError> {
    let session = &deployment.run().session;
    let deployer = &session.host.deployer;
    match &deployment.config().kind {
        DeploymentKind::Kubectl(_) => {
            let members = session.wait(deployer.members(deployment.name(), &deployment.namespace()?))??;
            Ok((members, None))
        }
        DeploymentKind::Helm(_) => {
            let request = chart::request(deployment)?;
            let releases = session.wait(deployer.releases(&request))??;
            let newest = releases.newest().map(|(revision, stored)| (revision, stored.status().to_owned()));
            let objects = session.wait(deployer.release_objects(&request, &releases))??;
            Ok((objects, newest))
        }
    }
}
