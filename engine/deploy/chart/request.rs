//! The request to render or deploy a chart.

use std::path::PathBuf;

use serde_json::Value;

use super::ChartSource;

/// A chart with its values and options, to be rendered or deployed.
#[derive(Debug, Clone)]
pub struct ChartRequest {
    /// The release's name.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// The project directory, in which helm runs; relative paths start here.
    pub directory: PathBuf,
    /// The chart.
    pub chart: ChartSource,
    /// Values files in order, as paths or URLs. Later ones have precedence.
    pub values_files: Vec<String>,
    /// Inline values: a map, or null. They have precedence over files.
    pub values: Value,
    /// The values that tag replacement changed: a map, or null. They have precedence over all others.
    pub replaced: Value,
    /// Whether the hooks of the chart are skipped.
    pub disable_hooks: bool,
    /// The path of `helm` in the configuration.
    pub program: Option<String>,
    /// Additional arguments of `helm template`.
    pub template_args: Vec<String>,
    /// Whether missing dependencies of the chart are an error instead of being built.
    pub disable_dependency_update: bool,
}

impl ChartRequest {
    /// The release `release` of `chart`, without values or options.
    pub fn new(
        release: impl Into<String>,
        namespace: impl Into<String>,
        directory: impl Into<PathBuf>,
        chart: ChartSource,
    ) -> Self {
        Self {
            release: release.into(),
            namespace: namespace.into(),
            directory: directory.into(),
            chart,
            values_files: Vec::new(),
            values: Value::Null,
            replaced: Value::Null,
            disable_hooks: false,
            program: None,
            template_args: Vec::new(),
            disable_dependency_update: false,
        }
    }

    /// The absolute path of the chart on this machine; `None` for a chart of a repository or registry.
    pub fn local_chart(&self) -> Option<PathBuf> {
        match &self.chart {
            ChartSource::Path(path) | ChartSource::Git(path) => Some(self.directory.join(path)),
            ChartSource::Repository { .. } | ChartSource::Oci { .. } => None,
        }
    }
}
