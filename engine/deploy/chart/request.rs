//! The request to render or deploy a chart.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::ChartLocation;

/// A chart with its values and options, to be rendered or deployed.
#[derive(Debug, Clone)]
pub struct ChartRequest {
    /// The release's name.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// The context of the kubeconfig; the current one if absent.
    pub context: Option<String>,
    /// The value of `KUBECONFIG`; that of windlass if absent.
    pub kubeconfig: Option<String>,
    /// The project directory, in which helm runs; relative paths start here.
    pub directory: PathBuf,
    /// The chart.
    pub chart: ChartLocation,
    /// Values files in order, as paths or URLs. Later ones have precedence.
    pub values_files: Vec<String>,
    /// Inline values: a map, or null. They have precedence over files.
    pub values: Value,
    /// The values that tag replacement changed: a map, or null. They have precedence over all others.
    pub replaced: Value,
    /// Whether helm waits until all objects are ready.
    pub wait: bool,
    /// The timeout of helm.
    pub timeout: Option<Duration>,
    /// Whether helm rolls back a failed release.
    pub atomic: bool,
    /// Whether helm replaces objects that it cannot update.
    pub force: bool,
    /// Whether helm deletes the new objects of a failed upgrade.
    pub cleanup_on_fail: bool,
    /// Whether the hooks of the chart are skipped.
    pub disable_hooks: bool,
    /// The namespace in which Helm 2 may have stored the release; `None` if DevSpace used Helm 3.
    pub tiller_namespace: Option<String>,
    /// The storage of releases (`HELM_DRIVER`).
    pub driver: Option<String>,
    /// The path of `helm` in the configuration.
    pub program: Option<String>,
    /// Additional arguments of `helm upgrade`.
    pub upgrade_args: Vec<String>,
    /// Additional arguments of `helm template`.
    pub template_args: Vec<String>,
    /// Whether missing dependencies of the chart are an error instead of being built.
    pub disable_dependency_update: bool,
    /// Whether all output of helm is passed on, not only its warnings.
    pub display_output: bool,
}

impl ChartRequest {
    /// The release `release` of `chart`, without values or options.
    pub fn new(
        release: impl Into<String>,
        namespace: impl Into<String>,
        directory: impl Into<PathBuf>,
        chart: ChartLocation,
    ) -> Self {
        Self {
            release: release.into(),
            namespace: namespace.into(),
            context: None,
            kubeconfig: None,
            directory: directory.into(),
            chart,
            values_files: Vec::new(),
            values: Value::Null,
            replaced: Value::Null,
            wait: false,
            timeout: None,
            atomic: false,
            force: false,
            cleanup_on_fail: false,
            disable_hooks: false,
            tiller_namespace: None,
            driver: None,
            program: None,
            upgrade_args: Vec::new(),
            template_args: Vec::new(),
            disable_dependency_update: false,
            display_output: false,
        }
    }

    /// The absolute path of the chart on this machine; `None` for a chart of a repository or registry.
    pub fn local_chart(&self) -> Option<PathBuf> {
        match &self.chart {
            ChartLocation::Path(path) | ChartLocation::Git(path) => Some(self.directory.join(path)),
            ChartLocation::Repository { .. } | ChartLocation::Oci { .. } => None,
        }
    }
}
