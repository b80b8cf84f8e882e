//! The objects of a deployment for a cluster, and whether the cluster has them.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::chart_state::ChartState;
use super::kubectl::kubectl;
use super::pushed::check_pushed;
use super::{Deployment, chart_state};
use crate::deploy::chart::ChartRequest;
use crate::deploy::manifest::{ManifestDocument, ManifestOrigin, load_text, sort_for_apply};
use crate::deploy::objects::{ManifestComparison, ManifestSet};
use crate::error::StageError;
use crate::event::{DeploymentDecision, Event};

/// The reason of a deployment that `--force-deploy` requests.
pub(super) const FORCED: &str = "--force-deploy";

/// The objects of a deployment for a cluster. Cheap to clone; clones share the comparison with the cluster.
#[derive(Clone)]
pub struct Rollout(Arc<Inner>);

struct Inner {
    deployment: Deployment,
    content: Content,
    verdict: OnceLock<Result<DeployVerdict, StageError>>,
}

/// The content of a deployment.
enum Content {
    /// Objects with their locations.
    Manifests(Vec<ManifestDocument>),
    /// A chart with replaced values, and its objects, once it was rendered.
    Chart { request: Box<ChartRequest>, rendered: OnceLock<Result<Vec<Value>, StageError>> },
}

/// Whether the deployment in the cluster is up to date.
#[derive(Clone)]
pub struct DeployVerdict {
    /// Whether it must be deployed.
    pub needs_deploy: bool,
    /// Why, as a phrase.
    pub reason: String,
    /// The state in the cluster.
    pub found: Found,
}

/// The state of a deployment in the cluster.
#[derive(Clone)]
pub enum Found {
    /// Of manifests.
    Manifests(Arc<ManifestComparison>),
    /// Of a chart.
    Chart(Arc<ChartState>),
}

impl Rollout {
    pub(super) fn of_manifests(deployment: &Deployment, documents: Vec<ManifestDocument>) -> Self {
        Self::new(deployment, Content::Manifests(documents))
    }

    pub(super) fn of_chart(deployment: &Deployment, request: ChartRequest) -> Self {
        Self::new(deployment, Content::Chart { request: Box::new(request), rendered: OnceLock::new() })
    }

    fn new(deployment: &Deployment, content: Content) -> Self {
        Self(Arc::new(Inner { deployment: deployment.clone(), content, verdict: OnceLock::new() }))
    }

    /// The deployment.
    pub fn deployment(&self) -> &Deployment {
        &self.0.deployment
    }

    /// The objects, in the order in which they are applied. A chart is rendered for that, without its hooks.
    ///
    /// # Errors
    /// `deploy::...` if helm is missing or fails.
    pub fn objects(&self) -> Result<Vec<Value>, StageError> {
        match &self.0.content {
            Content::Manifests(documents) => {
                Ok(documents.iter().map(|document| document.value.clone()).collect())
            }
            Content::Chart { request, rendered } => {
                rendered.get_or_init(|| render(&self.0.deployment, request)).clone()
            }
        }
    }

    /// Whether the cluster has it; finds that out once.
    ///
    /// # Errors
    /// `deploy::...` if the cluster does not accept it, `cluster::...`.
    pub fn verdict(&self) -> Result<&DeployVerdict, StageError> {
        self.0.verdict.get_or_init(|| self.find_verdict()).as_ref().map_err(Clone::clone)
    }

    fn find_verdict(&self) -> Result<DeployVerdict, StageError> {
        let deployment = &self.0.deployment;
        let session = &deployment.run().session;
        let options = &deployment.run().options.deploy;
        // Without a cluster, the error is about the cluster, not about a request to it.
        if session.cluster()?.is_some() {
            check_pushed(deployment)?;
        }
        match &self.0.content {
            Content::Manifests(documents) => {
                let manifests = ManifestSet {
                    deployment: deployment.name().to_owned(),
                    namespace: deployment.namespace()?,
                    documents: documents.clone(),
                    recreate: options.recreate.clone(),
                    kubectl: kubectl(deployment)?,
                    planned: HashSet::new(),
                };
                let comparison = session.wait(session.host.deployer.compare(manifests))??;
                let is_forced = options.force && comparison.is_up_to_date();
                Ok(DeployVerdict {
                    needs_deploy: options.force || !comparison.is_up_to_date(),
                    reason: if is_forced { FORCED.to_owned() } else { comparison.reason() },
                    found: Found::Manifests(Arc::new(comparison)),
                })
            }
            Content::Chart { request, .. } => chart_state::verdict(deployment, request),
        }
    }

    /// Why a plan did without the cluster; `None` if it was queried.
    ///
    /// # Errors
    /// As for [`Rollout::verdict`].
    pub fn unqueried(&self) -> Result<Option<&StageError>, StageError> {
        Ok(self.verdict()?.found.unqueried())
    }

    /// Reports the decision of the script to deploy or to keep, and returns it.
    ///
    /// # Errors
    /// As for [`Rollout::verdict`].
    pub fn decide(&self, deploys: bool) -> Result<bool, StageError> {
        let verdict = self.verdict()?;
        let reason = match (deploys, verdict.needs_deploy) {
            (true, true) | (false, false) => verdict.reason.clone(),
            (true, false) => "the script decides so".to_owned(),
            (false, true) => format!("the script decides so, although: {}", verdict.reason),
        };
        let deployment = &self.0.deployment;
        let decision = if deploys { DeploymentDecision::Deploy } else { DeploymentDecision::Keep };
        deployment.loaded().decision = Some((decision, reason.clone()));
        deployment.run().session.events.emit(Event::DeploymentDecided {
            deployment: deployment.name().to_owned(),
            decision,
            reason,
        });
        Ok(deploys)
    }
}

impl Found {
    /// Why a plan did without the cluster; `None` if it was queried.
    pub fn unqueried(&self) -> Option<&StageError> {
        match self {
            Self::Manifests(comparison) => comparison.unqueried.as_ref(),
            Self::Chart(state) => state.unqueried.as_ref(),
        }
    }
}

fn render(deployment: &Deployment, request: &ChartRequest) -> Result<Vec<Value>, StageError> {
    let session = &deployment.run().session;
    let cancel = session.cancellation();
    let text = session.wait_for_end(session.host.deployer.render_chart(request, &cancel))?;
    let mut documents = load_text(&text, ManifestOrigin::Script)?;
    sort_for_apply(&mut documents);
    Ok(documents.into_iter().map(|document| document.value).collect())
}
