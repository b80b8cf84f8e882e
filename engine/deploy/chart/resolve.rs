//! The identity of a chart: its content, or its version in a repository.

use std::time::Duration;

use super::prepare::prepare;
use super::run::Invocation;
use super::{
    ChartError, ChartIdentity, ChartLocation, ChartMetadata, ChartRequest, HelmRun, build_dependencies,
    chart_digest, failure,
};

/// The timeout for the description of a chart in a repository.
const SHOW_LIMIT: Duration = Duration::from_secs(120);

/// The identity of the chart of `request`. Helm is queried only if the version of a chart in a repository is absent or
/// a range. Equals `helm show chart`.
///
/// # Errors
/// [`ChartError`].
pub async fn chart_identity(request: &ChartRequest, run: HelmRun<'_>) -> Result<ChartIdentity, ChartError> {
    let (repository, name) = match &request.chart {
        ChartLocation::Path(_) | ChartLocation::Git(_) => {
            build_dependencies(request, run).await?;
            return local_identity(request);
        }
        ChartLocation::Repository { name, repository, .. } => (repository.clone(), name.clone()),
        ChartLocation::Oci { reference, .. } => (None, reference.clone()),
    };
    let version = match request.chart.version().filter(|version| is_exact(version)) {
        Some(version) => version.trim_start_matches('v').to_owned(),
        None => newest(request, run).await?,
    };
    Ok(ChartIdentity::Published { repository, name, version })
}

/// The identity of a chart on this machine whose dependencies are downloaded. Helm is not needed.
///
/// # Errors
/// [`ChartError`].
pub fn local_identity(request: &ChartRequest) -> Result<ChartIdentity, ChartError> {
    let path = request.local_chart().unwrap_or_default();
    ChartMetadata::read(&path, request)?;
    chart_digest(&path).map(ChartIdentity::Content)
}

/// The version that helm would choose.
async fn newest(request: &ChartRequest, run: HelmRun<'_>) -> Result<String, ChartError> {
    let prepared = prepare(request, run).await?;
    let arguments = [["show", "chart"].map(str::to_owned).to_vec(), prepared.chart.clone()].concat();
    let output = run.capture(Invocation::new(request, arguments).pure().limit(SHOW_LIMIT)).await?;
    if output.code != 0 {
        return Err(failure::chart_error("render", request, &prepared, &output, run).await);
    }
    let metadata: Result<ChartMetadata, _> = serde_yaml::from_str(&output.stdout);
    let metadata =
        metadata.map_err(|error| failure::unavailable(request, super::values_file::reason(&error)))?;
    Ok(metadata.version)
}

/// Whether `version` denotes one version: three numbers. `1.2` and `^1.2.0` are ranges.
fn is_exact(version: &str) -> bool {
    let numbers = version.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<_> = numbers.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_versions_have_three_numbers() {
        for version in ["1.2.3", "v1.2.3", "1.2.3-rc.1", "1.2.3+build"] {
            assert!(is_exact(version), "{version}");
        }
        for version in ["1.2", "^1.2.3", "1.x.0", ">= 1.2.3", "1.2.3 || 2.0.0", "*", ""] {
            assert!(!is_exact(version), "{version}");
        }
    }
}
