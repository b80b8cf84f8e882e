//! How deployments are doing in the cluster.

use jiff::Timestamp;
use serde_json::Value;

use super::{Deployment, chart};
use crate::cluster::MANAGER;
use crate::config::DeploymentKind;
use crate::deploy::replace::image_references;
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
    /// When it was last deployed; of manifests, when a deploy last changed one of their objects.
    pub deployed_at: Option<Timestamp>,
    /// The images of its objects, each once.
    pub images: Vec<String>,
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
        found.push((deployment.clone(), Recorded::of(deployment)?));
    }
    let targets: Vec<_> = found
        .iter()
        .map(|(deployment, recorded)| WaitTarget {
            deployment: deployment.name().to_owned(),
            objects: recorded.objects.clone(),
            ..WaitTarget::default()
        })
        .collect();
    if let Some(limits) = limits {
        let cancel = session.cancellation();
        // The objects that do not become ready are reported below.
        let mut on_progress = |_: &_| ();
        session.wait_for_end(deployer.wait_until_ready(&targets, limits, &mut on_progress, &cancel))?;
    }
    let observed = session.wait(deployer.observe(&targets))??;
    let statuses = found.into_iter().zip(observed).map(|((deployment, recorded), observed)| {
        let namespace = deployment.namespace()?;
        let Recorded { objects, release, deployed_at } = recorded;
        let is_deployed = release.is_some() || !objects.is_empty();
        let images = image_references(&objects);
        Ok(DeploymentStatus { deployment, namespace, release, deployed_at, images, is_deployed, observed })
    });
    statuses.collect()
}

/// A deployment in the record in the cluster.
struct Recorded {
    objects: Vec<Value>,
    release: Option<NewestRelease>,
    deployed_at: Option<Timestamp>,
}

impl Recorded {
    fn of(deployment: &Deployment) -> Result<Self, StageError> {
        let session = &deployment.run().session;
        let deployer = &session.host.deployer;
        match &deployment.config().kind {
            DeploymentKind::Kubectl(_) => {
                let objects =
                    session.wait(deployer.members(deployment.name(), &deployment.namespace()?))??;
                let deployed_at = objects.iter().filter_map(applied_at).max();
                Ok(Self { objects, release: None, deployed_at })
            }
            DeploymentKind::Helm(_) => {
                let request = chart::release_request(deployment)?;
                let releases = session.wait(deployer.releases(&request))??;
                let release =
                    releases.newest().map(|(revision, stored)| (revision, stored.status().to_owned()));
                let deployed_at =
                    releases.decode_newest()?.and_then(|release| release.last_deployed.parse().ok());
                let objects = session.wait(deployer.release_objects(&request, &releases))??;
                Ok(Self { objects, release, deployed_at })
            }
        }
    }
}

/// When a deploy last changed `object`.
fn applied_at(object: &Value) -> Option<Timestamp> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    let own = entries.iter().filter(|entry| entry["manager"] == MANAGER && entry["operation"] == "Apply");
    own.filter_map(|entry| entry["time"].as_str()?.parse().ok()).max()
}
