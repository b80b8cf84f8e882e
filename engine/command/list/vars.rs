//! `windlass list vars`.

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{Explain, VariableStatus};

/// The additional help text.
pub(super) const HELP: &str = "\
Lists the variables of devspace.yaml, and others that it uses. Commands of variables are
run to get their values, but this command does not prompt. To set a variable without a
value, use --var, the environment, .env or `windlass set var`; otherwise a build prompts
for it when it is needed.

Fields of --json:
  name         its name
  value        its value; *** for a password, null if it has none
  source       source of the value: flag, predefined, value, environment, env_file,
               cache, command, default, undefined (in v2beta1, the reference stays as
               written); null if it has none
  password     whether it is a password or contains one
  definition   file, line and column of its name, or null
  uses         the places that refer to it, each with file, line and column
  problem      reason for the missing value, or null";

impl Row for VariableStatus {
    const COLUMNS: &'static [&'static str] = &["name", "value", "source", "used at"];

    fn cells(&self) -> Vec<String> {
        let value = match (&self.value, &self.problem) {
            (Some(value), _) if value.is_empty() => "\"\"".to_owned(),
            (Some(value), _) => value.clone(),
            (None, Some(problem)) => format!("({problem})"),
            (None, None) => "(not set)".to_owned(),
        };
        let uses: Vec<_> = self.uses.iter().map(|place| format!("{}:{}", place.file, place.line)).collect();
        let source = self.source.map(|source| source.to_string()).unwrap_or_default();
        vec![self.name.clone(), value, source, uses.join(", ")]
    }
}

/// Lists the variables in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let (explanation, warnings) = load::load_explained(global, Explain::ProjectCheck)?;
    load::report(&warnings, global);
    show(&explanation.variables, json, "the project has no variables")
}
