//! `helm upgrade --dry-run=server`.

use super::failure::chart_error;
use super::prepare::prepare;
use super::run::Invocation;
use super::upgrade::upgrade_arguments;
use super::{ChartError, ChartRequest, HelmRun, HelmVersion, Release, build_dependencies};

/// The oldest version that can query the cluster without changing it.
const OLDEST: HelmVersion = HelmVersion { major: 3, minor: 13, patch: 0 };

/// The release that an upgrade would create, with objects as rendered for this cluster. Changes nothing. `None` if helm
/// is older than 3.13: then [`template`](super::template()) is the nearest. Equals `helm upgrade --install
/// --dry-run=server`.
///
/// # Errors
/// [`ChartError`].
pub async fn preview(request: &ChartRequest, run: HelmRun<'_>) -> Result<Option<Release>, ChartError> {
    if run.helm.version < OLDEST {
        return Ok(None);
    }
    build_dependencies(request, run).await?;
    let prepared = prepare(request, run).await?;
    let mut arguments = upgrade_arguments(request, &prepared, run.helm.version);
    arguments.extend(["--dry-run=server", "--output", "json"].map(str::to_owned));
    let output = run.capture(Invocation::new(request, arguments).pure()).await?;
    if output.code != 0 {
        return Err(chart_error("preview", request, &prepared, &output, run).await);
    }
    let json = output.into_stdout("preview", &request.release)?;
    // Notes about an installation may be printed before the release.
    let start = json.find('{').unwrap_or_default();
    let release =
        Release::parse(&json.as_bytes()[start..]).map_err(|error| ChartError::ReleaseUnreadable {
            name: request.release.clone(),
            reason: format!("invalid JSON: {error}"),
        })?;
    Ok(Some(release))
}
