//! Runs of the measured program.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::measure::{self, Cost};

/// The call in the table.
pub const NAME: &str = "`windlass build`";

/// windlass in one project, with its own environment.
#[derive(Debug)]
pub struct Windlass {
    project: PathBuf,
    daemon: String,
    home: TempDir,
    environment: Vec<(String, OsString)>,
}

/// How many images were built and skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Built.
    pub built: usize,
    /// Skipped.
    pub skipped: usize,
}

impl Windlass {
    /// windlass in `project`, with the daemon at `daemon`.
    pub fn new(project: &Path, daemon: &str) -> Self {
        // Not in `/tmp`, which may be a small tmpfs: the image store of the builder `oci` grows here.
        let home =
            TempDir::with_prefix_in("windlass-bench-", "/var/tmp").expect("a directory can be created");
        Self { project: project.to_owned(), daemon: daemon.to_owned(), home, environment: Vec::new() }
    }

    /// With an environment variable.
    pub fn with_env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs `windlass build` with more arguments; returns its cost and the counts from its `--result`.
    pub fn build(&self, arguments: &[&str]) -> (Cost, Counts) {
        let result = self.home.path().join("result.json");
        let path = result.display().to_string();
        let fixed = ["build", "--progress", "plain", "--result", &path];
        let cost = self.cost(&[&fixed, arguments].concat());
        let text = fs::read_to_string(&result).expect("`--result` was written");
        let result: Value = serde_json::from_str(&text).expect("`--result` is JSON");
        (cost, Counts { built: count(&result, "built"), skipped: count(&result, "skipped") })
    }

    /// Runs `windlass build` with more arguments and environment variables; returns its cost and its events.
    pub fn build_events(&self, environment: &[(&str, String)], arguments: &[&str]) -> (Cost, Vec<Value>) {
        let mut command = self.command(&[&["build", "--progress", "json"], arguments].concat());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let (cost, output) = measure::cost_and_output(command);
        let events =
            output.lines().map(|line| serde_json::from_str(line).expect("an event is JSON")).collect();
        (cost, events)
    }

    /// Removes the image store of the builder `oci`.
    pub fn forget_store(&self) {
        let cache = self.cache();
        if cache.exists() {
            fs::remove_dir_all(cache).expect("the cache can be removed");
        }
    }

    /// Runs windlass with `arguments` and returns its cost.
    pub fn cost(&self, arguments: &[&str]) -> Cost {
        measure::cost(self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = measure::command(env!("CARGO_BIN_EXE_windlass"), arguments, &self.project);
        command.env("HOME", self.home.path()).env("DOCKER_CONFIG", self.home.path());
        command.env("XDG_CACHE_HOME", self.cache());
        command.env("DOCKER_HOST", &self.daemon).env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }
}

impl Counts {
    /// # Panics
    /// If these are not the `expected` counts: then the figures are meaningless.
    pub fn expect(self, case: &str, expected: Self) {
        assert_eq!(self, expected, "{case}: windlass did not do the work to be measured");
    }
}

/// How many objects in `value` have this `outcome`.
fn count(value: &Value, outcome: &str) -> usize {
    match value {
        Value::Array(values) => values.iter().map(|value| count(value, outcome)).sum(),
        Value::Object(fields) if fields.get("outcome").is_some_and(|found| found == outcome) => 1,
        Value::Object(fields) => fields.values().map(|value| count(value, outcome)).sum(),
        _ => 0,
    }
}
