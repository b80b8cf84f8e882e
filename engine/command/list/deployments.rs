//! `windlass list deployments`.

use jiff::Timestamp;
use serde::Serialize;

use super::{Row, show};
use crate::command::PipelineOptions;
use crate::command::age::ago;
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::command::pipeline_run::{PipelineCall, with_run};
use crate::config::{
    ChartConfig, ChartSource, ComponentChart, ConfigDiagnostic, ConfigError, DeploymentConfig,
    DeploymentKind, Loaded, Origin, Project,
};
use crate::rollout::{self, Deployment, DeploymentStatus};
use crate::script::ScriptError;

/// The additional help text.
pub(super) const HELP: &str = "\
Lists the deployments of the project in file order, with their state in the cluster. If no
cluster is configured, or it does not respond, the list shows only devspace.yaml.

Fields of --json:
  name       for `windlass deploy`, and the default name of the Helm release
  kind       helm, kubectl or kustomize
  namespace  its own namespace, or null
  sources    the chart with its version, or the manifests
  disabled   whether it is omitted unless it is named
  origin     file and line of the key in devspace.yaml
  live       state in the cluster, or null if it was not queried: namespace, status (as in
             `windlass status`), revision of the release, time of the last deploy, images, and
             the number of objects and of those that are ready";

/// One deployment.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    sources: Vec<String>,
    disabled: bool,
    origin: &'a Origin,
    /// `null` if the cluster was not queried.
    live: Option<Live>,
}

/// A deployment as it is in the cluster.
#[derive(Serialize)]
struct Live {
    namespace: String,
    status: String,
    revision: Option<u64>,
    /// In RFC 3339.
    deployed: Option<Timestamp>,
    images: Vec<String>,
    objects: usize,
    ready: usize,
}

/// A deployment with its state in the cluster.
#[derive(Serialize)]
#[serde(transparent)]
struct InCluster<'a>(Listed<'a>);

impl Row for Listed<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "kind", "namespace", "sources"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.shown_name(),
            self.kind.to_owned(),
            self.namespace.unwrap_or_default().to_owned(),
            self.sources.join(", "),
        ]
    }
}

impl Row for InCluster<'_> {
    const COLUMNS: &'static [&'static str] =
        &["name", "kind", "namespace", "status", "revision", "deployed", "ready", "images"];

    fn cells(&self) -> Vec<String> {
        let Self(listed) = self;
        let Some(live) = &listed.live else { return listed.cells() };
        let ready = format!("{}/{}", live.ready, live.objects);
        vec![
            listed.shown_name(),
            listed.kind.to_owned(),
            live.namespace.clone(),
            live.status.clone(),
            live.revision.map(|revision| revision.to_string()).unwrap_or_default(),
            live.deployed.map(|then| ago(then, Timestamp::now())).unwrap_or_default(),
            if live.objects > 0 { ready } else { String::new() },
            live.images.join(", "),
        ]
    }
}

impl Listed<'_> {
    fn shown_name(&self) -> String {
        let disabled = if self.disabled { " (disabled)" } else { "" };
        format!("{}{disabled}", self.name)
    }
}

impl Live {
    fn new(status: &DeploymentStatus) -> Self {
        let objects = &status.observed.objects;
        Self {
            namespace: status.namespace.clone(),
            status: status.word().to_owned(),
            revision: status.release.as_ref().map(|(revision, _)| *revision),
            deployed: status.deployed_at,
            images: status.images.clone(),
            objects: objects.len(),
            ready: objects.iter().filter(|summary| summary.readiness.is_current()).count(),
        }
    }
}

/// Lists the deployments in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let outline = load::load_outline(global)?;
    load::report(&outline.warnings, global);
    if outline.project.deployments.is_empty() {
        return show_file(&outline.project, json);
    }
    match load::load_without_prompt(global) {
        Ok(loaded) => list_live(global, loaded, json),
        // A variable has no value, so the namespace and name are unknown.
        Err(error) => {
            let reason = match &error {
                ConfigError::Invalid { problems, .. } => problems.first().map(ConfigDiagnostic::in_one_line),
                _ => None,
            };
            load::warn(&format!("{ONLY_FILE}: {}", reason.unwrap_or_else(|| error.to_string())), global);
            show_file(&outline.project, json)
        }
    }
}

/// The beginning of the warning about a list without the cluster.
const ONLY_FILE: &str = "only devspace.yaml is listed, because the cluster was not queried";

/// Lists the deployments of `loaded` with their state in the cluster.
fn list_live(global: &GlobalOptions, loaded: Loaded, json: bool) -> Result<ExitStatus, Failure> {
    let options = PipelineOptions { skip_dependencies: true, ..PipelineOptions::default() };
    let call = PipelineCall { skip_build: true, ..PipelineCall::build(Vec::new()) };
    with_run(global, &options, loaded, call, |run| {
        let project = &run.project;
        let deployments: Vec<_> =
            project.deployments.values().map(|config| Deployment::new(run, config)).collect();
        match rollout::status(run, &deployments, None) {
            Ok(statuses) => {
                let rows = project.deployments.values().zip(&statuses).map(|(config, status)| {
                    InCluster(Listed { live: Some(Live::new(status)), ..row(config) })
                });
                show(&rows.collect::<Vec<_>>(), json, NOTHING)
            }
            Err(error) if error.is_without_cluster() => {
                load::warn(&format!("{ONLY_FILE}: {}", error.in_one_line()), global);
                show_file(project, json)
            }
            Err(error) => Err(Failure::failed(ScriptError::of_stage_error(error))),
        }
    })
}

/// The message for a project without deployments.
const NOTHING: &str = "the project has no deployments";

/// Lists the deployments in the file of `project`.
fn show_file(project: &Project, json: bool) -> Result<ExitStatus, Failure> {
    show(&project.deployments.values().map(row).collect::<Vec<_>>(), json, NOTHING)
}

fn row(deployment: &DeploymentConfig) -> Listed<'_> {
    let (kind, sources) = match &deployment.kind {
        DeploymentKind::Helm(helm) => ("helm", vec![chart(&helm.chart)]),
        DeploymentKind::Kubectl(kubectl) => {
            let manifests = kubectl.manifests.iter().map(|manifest| manifest.text.clone());
            let inline = kubectl.inline_manifest.iter().map(|_| "inlineManifest".to_owned());
            let kind = if kubectl.kustomize { "kustomize" } else { "kubectl" };
            (kind, manifests.chain(inline).collect())
        }
    };
    Listed {
        name: &deployment.name,
        kind,
        namespace: deployment.namespace.as_deref(),
        sources,
        disabled: deployment.is_disabled,
        origin: &deployment.origin,
        live: None,
    }
}

/// `redis 17.1.0 from https://charts.example`.
fn chart(chart: &ChartConfig) -> String {
    let (name, from) = match &chart.source {
        ChartSource::Path(path) => (path.display().to_string(), None),
        ChartSource::Repository { name, repo } => (name.clone(), repo.clone()),
        ChartSource::Oci(reference) => (reference.clone(), None),
        ChartSource::Url(url) => (url.clone(), None),
        ChartSource::Git { source, sub_path } => {
            (sub_path.clone().unwrap_or_else(|| ".".to_owned()), Some(source.to_string()))
        }
        ChartSource::Component => (ComponentChart::NAME.to_owned(), None),
    };
    let version = chart.version.iter().map(|version| format!(" {version}"));
    let from = from.iter().map(|from| format!(" from {from}"));
    std::iter::once(name).chain(version).chain(from).collect()
}
