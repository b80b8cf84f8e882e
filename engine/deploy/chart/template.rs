//! `helm template`.

use super::arguments::option;
use super::failure::chart_error;
use super::prepare::{Prepared, prepare};
use super::run::Invocation;
use super::{ChartError, ChartRequest, HelmRun, build_dependencies};

/// Options of [`template()`].
#[derive(Debug, Clone, Default)]
pub struct RenderOptions {
    /// Whether hooks are included.
    pub hooks: bool,
    /// Whether `.Release.IsUpgrade` is set instead of `.Release.IsInstall`.
    pub is_upgrade: bool,
    /// The Kubernetes version that templates see; that of helm if absent.
    pub kube_version: Option<String>,
    /// The API versions that templates see, in addition to those of helm: `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// Renders the chart of `request` without a cluster: its custom resource definitions and objects, as YAML documents
/// that each begin with `---` and the comment `# Source: TEMPLATE`. Equals `helm template`.
///
/// # Errors
/// [`ChartError`].
pub async fn template(
    request: &ChartRequest,
    options: &RenderOptions,
    run: HelmRun<'_>,
) -> Result<String, ChartError> {
    build_dependencies(request, run).await?;
    let prepared = prepare(request, run).await?;
    let mut arguments = template_arguments(request, &prepared);
    arguments.push("--include-crds".to_owned());
    if !options.hooks || request.disable_hooks {
        arguments.push("--no-hooks".to_owned());
    }
    if options.is_upgrade {
        arguments.push("--is-upgrade".to_owned());
    }
    arguments.extend(option("--kube-version", options.kube_version.as_deref()));
    arguments.extend(options.api_versions.iter().flat_map(|version| option("--api-versions", Some(version))));
    arguments.extend(request.template_args.iter().cloned());
    let output = run.capture(Invocation::new(request, arguments).pure()).await?;
    if output.code != 0 {
        return Err(chart_error("render", request, &prepared, &output, run).await);
    }
    output.into_stdout("render", &request.release)
}

/// The arguments that every rendering of `request` has.
pub(super) fn template_arguments(request: &ChartRequest, prepared: &Prepared) -> Vec<String> {
    let words = ["template", &request.release].map(str::to_owned).to_vec();
    let namespace = ["--namespace", &request.namespace].map(str::to_owned).to_vec();
    [words, prepared.chart.clone(), namespace, prepared.values.clone()].concat()
}
