//! `Chart.yaml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ChartError, ChartRequest, archive};
use crate::suggestion::nearest;

/// The maximum depth and number of directories that are searched for a chart.
const DEPTH: usize = 4;
const DIRECTORIES: usize = 2000;

/// The description of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChartMetadata {
    /// The chart's name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// The charts that it needs.
    #[serde(default)]
    pub dependencies: Vec<ChartDependency>,
}

/// A dependency of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChartDependency {
    /// The name of the chart.
    pub name: String,
    /// The version or a range.
    #[serde(default)]
    pub version: String,
    /// The repository: a URL, `file://PATH`, `@ALIAS`; empty for a directory in `charts`.
    #[serde(default)]
    pub repository: String,
}

/// `requirements.yaml` of charts of helm 2.
#[derive(Deserialize)]
struct Requirements {
    #[serde(default)]
    dependencies: Vec<ChartDependency>,
}

impl ChartMetadata {
    /// Reads `Chart.yaml` of the chart at `path`, a directory or an archive, with the dependencies in
    /// `requirements.yaml`.
    ///
    /// # Errors
    /// [`ChartError::ChartNotFound`] if the path is not a chart, or [`ChartError::ChartUnreadable`].
    pub fn read(path: &Path, request: &ChartRequest) -> Result<Self, ChartError> {
        let unreadable = |file: &str, source: std::io::Error| ChartError::ChartUnreadable {
            path: path.join(file),
            source,
        };
        let parse = |file: &str, bytes: &[u8]| {
            serde_yaml::from_str::<Self>(&crate::text::decode(bytes))
                .map_err(|error| unreadable(file, std::io::Error::other(super::values_file::reason(&error))))
        };
        if path.is_file() {
            let Some(bytes) = archive::file(path, "Chart.yaml")? else {
                return Err(not_found(path, request, "is not a packaged chart"));
            };
            return parse("Chart.yaml", &bytes);
        }
        Self::check(path, request)?;
        let read =
            |file: &str| crate::input_file::read(&path.join(file)).map_err(|error| unreadable(file, error));
        let mut metadata = parse("Chart.yaml", &read("Chart.yaml")?)?;
        if path.join("requirements.yaml").exists() {
            let text = read("requirements.yaml")?;
            let requirements = serde_yaml::from_str::<Option<Requirements>>(&crate::text::decode(&text));
            let requirements = requirements.map_err(|error| {
                unreadable("requirements.yaml", std::io::Error::other(super::values_file::reason(&error)))
            })?;
            metadata.dependencies.extend(requirements.into_iter().flat_map(|all| all.dependencies));
        }
        Ok(metadata)
    }

    /// Checks that the directory `path` is a chart.
    pub(super) fn check(path: &Path, request: &ChartRequest) -> Result<(), ChartError> {
        if path.join("Chart.yaml").is_file() {
            return Ok(());
        }
        let reason = if path.is_dir() { "has no `Chart.yaml`" } else { "does not exist" };
        Err(not_found(path, request, reason))
    }
}

fn not_found(path: &Path, request: &ChartRequest, reason: &'static str) -> ChartError {
    let chart = request.chart.to_string();
    let charts = charts_below(&request.directory);
    let names = || charts.iter().map(String::as_str);
    let name = chart.trim_start_matches("./").trim_end_matches('/');
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let near = nearest(name, names()).or_else(|| names().find(|path| last(path) == last(name)));
    let help = match (near, charts.as_slice()) {
        (Some(near), _) => Some(format!("did you mean `{near}`?")),
        (None, [only]) => Some(format!("the only chart of this project is `{only}`")),
        (None, []) => None,
        (None, several) => Some(format!("the charts of this project are {}", quoted(several))),
    };
    ChartError::ChartNotFound { chart, path: path.to_owned(), reason, help }
}

fn quoted(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let rest = names.len() - shown.len();
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    format!("{}{more}", shown.join(", "))
}

/// The directories below `root` that are charts, as relative paths in order; not the charts inside of charts.
fn charts_below(root: &Path) -> Vec<String> {
    let (mut found, mut budget) = (Vec::new(), DIRECTORIES);
    let mut pending: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = pending.pop() {
        budget -= 1;
        if budget == 0 {
            break;
        }
        if directory.join("Chart.yaml").is_file() {
            let relative = directory.strip_prefix(root).unwrap_or(&directory).display().to_string();
            found.push(if relative.is_empty() { ".".to_owned() } else { relative.replace('\\', "/") });
            continue;
        }
        if depth == DEPTH {
            continue;
        }
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        let is_searched =
            |name: &str| !name.starts_with('.') && !["node_modules", "target", "vendor"].contains(&name);
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let directories = directories.filter(|entry| is_searched(&entry.file_name().to_string_lossy()));
        pending.extend(directories.map(|entry| (entry.path(), depth + 1)));
    }
    found.sort();
    found
}
