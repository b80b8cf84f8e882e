//! `windlass list dependencies`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{DependencyConfig, DependencySource, Origin};

/// The additional help text.
pub(super) const HELP: &str = "\
Lists the direct dependencies of the project, without cloning them.

Fields of --json:
  name       for --dependency, and the prefix of its image names
  source     its directory, or its repository with the branch, tag or revision
  sub_path   the project directory in the repository, or null
  profiles   the profiles it is loaded with
  origin     file and line of the key in devspace.yaml";

/// One dependency.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    source: String,
    sub_path: Option<&'a str>,
    profiles: &'a [String],
    origin: &'a Origin,
}

impl Row for Listed<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "source", "profiles"];

    fn cells(&self) -> Vec<String> {
        let sub_path = self.sub_path.map(|path| format!(" ({path})")).unwrap_or_default();
        vec![self.name.to_owned(), format!("{}{sub_path}", self.source), self.profiles.join(", ")]
    }
}

/// Lists the dependencies in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = load::load_outline(global)?;
    load::report(&loaded.warnings, global);
    let rows: Vec<_> = loaded.project.dependencies.values().map(row).collect();
    show(&rows, json, "the project has no dependencies")
}

fn row(dependency: &DependencyConfig) -> Listed<'_> {
    let (source, sub_path) = match &dependency.source {
        DependencySource::Path(path) => (path.display().to_string(), None),
        DependencySource::Git { source, sub_path } => (source.to_string(), sub_path.as_deref()),
    };
    let (name, profiles) = (dependency.name.as_str(), dependency.profiles.as_slice());
    Listed { name, source, sub_path, profiles, origin: &dependency.origin }
}
