//! Dependencies of a chart on this machine.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::run::Invocation;
use super::{ChartDependency, ChartError, ChartMetadata, ChartRequest, HelmRun};
use crate::process::last_lines;

/// The timeout for fetching dependencies.
const BUILD_LIMIT: Duration = Duration::from_secs(600);
/// The timeout for reading them.
const LIST_LIMIT: Duration = Duration::from_secs(60);

/// A dependency of a chart and its state in `charts`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DependencyState {
    /// The name of the chart.
    name: String,
    /// The state, from helm: `ok`, `unpacked`, `missing`, `wrong version`.
    status: String,
}

impl DependencyState {
    /// Whether helm can use it.
    fn is_present(&self) -> bool {
        self.status == "ok" || self.status == "unpacked"
    }
}

/// Fetches the dependencies of the chart of `request` if one is missing, or if the directory of a `file://` dependency
/// is newer than its archive. Equals `helm dependency build`.
///
/// # Errors
/// [`ChartError::DependencyMissing`] if that fails or is disabled.
pub async fn build_dependencies(request: &ChartRequest, run: HelmRun<'_>) -> Result<(), ChartError> {
    let Some((chart, metadata)) = chart_with_dependencies(request)? else { return Ok(()) };
    let states = list(request, &chart, run).await?;
    let missing: Vec<_> =
        states.into_iter().filter(|state| !state.is_present()).map(|state| state.name).collect();
    let outdated = metadata.dependencies.iter().any(|dependency| is_outdated(Path::new(&chart), dependency));
    let error = |reason, help| ChartError::DependencyMissing {
        chart: request.chart.to_string(),
        missing: missing.clone(),
        reason,
        help,
    };
    if missing.is_empty() && (!outdated || request.disable_dependency_update) {
        return Ok(());
    }
    if request.disable_dependency_update {
        return Err(error(
            Some("`disableDependencyUpdate` is set".to_owned()),
            format!("run `helm dependency build {}`", request.chart),
        ));
    }
    let words = ["dependency", "build", &chart].map(str::to_owned).to_vec();
    let output = run.capture(Invocation::new(request, words).limit(BUILD_LIMIT)).await?;
    if output.code == 0 {
        return Ok(());
    }
    let reason = super::failure::one_line(&output.message());
    let command = if reason.contains("out of sync") { "update" } else { "build" };
    let lines: Vec<_> = output.last_lines().into_iter().filter(|line| !line.starts_with("Error: ")).collect();
    let advice = format!("run `helm dependency {command} {}`", request.chart);
    let help = [last_lines(&lines), Some(advice)].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let missing = if missing.is_empty() { metadata.names() } else { missing };
    Err(ChartError::DependencyMissing {
        chart: request.chart.to_string(),
        missing,
        reason: Some(reason),
        help,
    })
}

impl ChartMetadata {
    fn names(&self) -> Vec<String> {
        self.dependencies.iter().map(|dependency| dependency.name.clone()).collect()
    }
}

/// Whether the chart of `request` is a directory of this machine with dependencies.
///
/// # Errors
/// [`ChartError`] if it is invalid.
pub fn has_dependencies(request: &ChartRequest) -> Result<bool, ChartError> {
    chart_with_dependencies(request).map(|chart| chart.is_some())
}

/// The path and description of a chart in a directory that has dependencies.
fn chart_with_dependencies(request: &ChartRequest) -> Result<Option<(String, ChartMetadata)>, ChartError> {
    let Some(path) = request.local_chart() else { return Ok(None) };
    let metadata = ChartMetadata::read(&path, request)?;
    let has_dependencies = path.is_dir() && !metadata.dependencies.is_empty();
    Ok(has_dependencies.then(|| (path.display().to_string(), metadata)))
}

async fn list(
    request: &ChartRequest,
    chart: &str,
    run: HelmRun<'_>,
) -> Result<Vec<DependencyState>, ChartError> {
    let words = ["dependency", "list", chart].map(str::to_owned).to_vec();
    let output = run.capture(Invocation::new(request, words).pure().limit(LIST_LIMIT)).await?;
    if output.code != 0 {
        return Err(super::failure::of_release("render", &request.release, &request.namespace, &output));
    }
    Ok(parse(&output.stdout))
}

/// Reads the table of `helm dependency list`: the columns are separated by tabs.
fn parse(table: &str) -> Vec<DependencyState> {
    let rows = table.lines().skip_while(|line| !line.starts_with("NAME")).skip(1);
    let rows = rows.take_while(|line| !line.trim().is_empty());
    rows.filter_map(|row| {
        let columns: Vec<_> = row.split('\t').map(str::trim).collect();
        let (name, status) = (columns.first()?, columns.last()?);
        Some(DependencyState { name: (*name).to_owned(), status: (*status).to_owned() })
    })
    .collect()
}

/// Whether the directory of a `file://` dependency has a file that is newer than its archive in `charts`.
fn is_outdated(chart: &Path, dependency: &ChartDependency) -> bool {
    let Some(source) = dependency.repository.strip_prefix("file://") else { return false };
    let prefix = format!("{}-", dependency.name);
    let archives = std::fs::read_dir(chart.join("charts")).into_iter().flatten().flatten();
    let packed = archives
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.ends_with(".tgz")
                && name
                    .strip_prefix(&prefix)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
        .filter_map(|entry| entry.metadata().ok()?.modified().ok())
        .max();
    packed.is_some_and(|packed| has_newer(&chart.join(source), packed, 0))
}

fn has_newer(directory: &Path, time: SystemTime, depth: usize) -> bool {
    let mut entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    depth < 16
        && entries.any(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => has_newer(&entry.path(), time, depth + 1),
            Ok(metadata) => metadata.modified().is_ok_and(|modified| modified > time),
            Err(_) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_parsed() {
        let table = "NAME  \tVERSION\tREPOSITORY   \tSTATUS       \nredis \t^1     \thttps://c.io \twrong version\n\
                     local \t0.1.0  \t             \tunpacked     \n\nWARNING: \"x\" is not in Chart.yaml\n";
        let states: Vec<_> = parse(table).into_iter().map(|state| (state.is_present(), state.name)).collect();
        assert_eq!(states, [(false, "redis".to_owned()), (true, "local".to_owned())]);
    }
}
