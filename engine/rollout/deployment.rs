//! A deployment of the project, for stages and scripts.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::config::{DeploymentConfig, DeploymentKind, Project};
use crate::deploy::manifest::ManifestDocument;
use crate::deploy::replace::ReplaceReport;
use crate::error::StageError;
use crate::event::{DeploymentDecision, DeploymentOutcome, DeploymentResult};
use crate::lock::lock;
use crate::run::Run;
use crate::suggestion::nearest;

/// The namespace without a kubeconfig, as in kubectl.
const DEFAULT_NAMESPACE: &str = "default";

/// A deployment of the project. Cheap to clone: clones share the loaded manifests and the replacements.
#[derive(Clone)]
pub struct Deployment {
    run: Arc<Run>,
    config: Arc<DeploymentConfig>,
    loaded: Arc<Mutex<Loaded>>,
}

/// The results of the steps of a deployment.
#[derive(Default)]
pub(super) struct Loaded {
    /// The objects of the manifests, with their locations.
    pub(super) documents: Vec<ManifestDocument>,
    /// The replaced references.
    pub(super) report: ReplaceReport,
    /// The decision about it, and the reason.
    pub(super) decision: Option<(DeploymentDecision, String)>,
}

/// A deployment that does not exist.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("unknown deployment `{name}`")]
#[diagnostic(code(deploy::unknown))]
pub struct UnknownDeployment {
    name: String,
    #[help]
    help: Option<String>,
}

impl Deployment {
    /// The deployment `config` of the project of `run`.
    pub fn new(run: &Arc<Run>, config: &DeploymentConfig) -> Self {
        Self { run: Arc::clone(run), config: Arc::new(config.clone()), loaded: Arc::default() }
    }

    /// The run that it belongs to.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// Its configuration.
    pub fn config(&self) -> &DeploymentConfig {
        &self.config
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether it is a chart.
    pub fn is_helm(&self) -> bool {
        matches!(self.config.kind, DeploymentKind::Helm(_))
    }

    /// Its namespace: the configured one, otherwise that of the run, otherwise that of the kubeconfig's context.
    ///
    /// # Errors
    /// `cluster::...` if the kubeconfig is needed and invalid.
    pub fn namespace(&self) -> Result<String, StageError> {
        if let Some(namespace) = self.config.namespace.as_ref().or(self.run.project.namespace.as_ref()) {
            return Ok(namespace.clone());
        }
        let context = self.run.session.host.cluster.context()?;
        Ok(context.map_or_else(|| DEFAULT_NAMESPACE.to_owned(), |context| context.namespace))
    }

    /// The references that were replaced in it.
    pub fn report(&self) -> ReplaceReport {
        self.loaded().report.clone()
    }

    /// The decision about it, and the reason, once it is made.
    pub fn decision(&self) -> Option<(DeploymentDecision, String)> {
        self.loaded().decision.clone()
    }

    /// How the work on it ended, after `took`; nothing was applied or deleted.
    pub fn result(&self, outcome: DeploymentOutcome, reason: String, took: Duration) -> DeploymentResult {
        DeploymentResult {
            deployment: self.name().to_owned(),
            namespace: self.namespace().unwrap_or_default(),
            outcome,
            reason,
            revision: None,
            applied: None,
            deleted: 0,
            seconds: took.as_secs_f64(),
        }
    }

    pub(super) fn loaded(&self) -> MutexGuard<'_, Loaded> {
        lock(&self.loaded)
    }
}

/// The selected deployments of `project`, in file order: those with these `names`, or all; never a disabled one that is
/// not named.
///
/// # Errors
/// [`UnknownDeployment`].
pub fn selected<'a>(
    project: &'a Project,
    names: &[String],
) -> Result<Vec<&'a DeploymentConfig>, UnknownDeployment> {
    let all = project.deployments.values();
    for name in names {
        if !all.clone().any(|deployment| deployment.name == *name) {
            let known: Vec<_> = all.map(|deployment| deployment.name.as_str()).collect();
            let help = match known.is_empty() {
                true => Some("devspace.yaml has no `deployments`".to_owned()),
                false => Some(match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("choose one of `{}`", known.join("`, `")),
                }),
            };
            return Err(UnknownDeployment { name: name.clone(), help });
        }
    }
    let is_selected = |deployment: &&DeploymentConfig| match names.is_empty() {
        true => !deployment.is_disabled,
        false => names.contains(&deployment.name),
    };
    Ok(all.filter(is_selected).collect())
}
