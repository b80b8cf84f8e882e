//! `windlass list deployments`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{ChartConfig, ChartSource, ComponentChart, DeploymentConfig, DeploymentKind, Origin};

/// The additional help text.
pub(super) const HELP: &str = "\
Lists the deployments of the project in file order, without contacting a cluster.

Fields of --json:
  name       for `windlass deploy`, and the default name of the Helm release
  kind       helm, kubectl or kustomize
  namespace  its own namespace, or null
  sources    the chart with its version, or the manifests
  disabled   whether it is omitted unless it is named
  origin     file and line of the key in devspace.yaml";

/// One deployment.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    sources: Vec<String>,
    disabled: bool,
    origin: &'a Origin,
}

impl Row for Listed<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "kind", "namespace", "sources"];

    fn cells(&self) -> Vec<String> {
        let disabled = if self.disabled { " (disabled)" } else { "" };
        vec![
            format!("{}{disabled}", self.name),
            self.kind.to_owned(),
            self.namespace.unwrap_or_default().to_owned(),
            self.sources.join(", "),
        ]
    }
}

/// Lists the deployments in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = load::load_outline(global)?;
    load::tell(&loaded.warnings, global);
    let rows: Vec<_> = loaded.project.deployments.values().map(row).collect();
    show(&rows, json, "the project has no deployments")
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
