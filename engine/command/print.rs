//! `windlass print`.

use indexmap::IndexMap;
use serde_json::json;

use super::exit_status::{ExitStatus, Failure};
use super::load::{load_explained, report};
use super::stdout::{print as print_text, print_json};
use crate::command::cli::GlobalOptions;
use crate::config::Explain;

/// The options of `windlass print`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the configuration as a build uses it: with profiles applied, variables
replaced and passwords masked as ***. The output is a valid devspace.yaml.

With --origin, a comment shows the origin of every value:
  image: ghcr.io/acme/api  # devspace.yaml:4
  tags:
  - \"1.4\"  # devspace.yaml:21, profile prod patch 1, TAG from --var
With --json as well, the output is {\"config\": ..., \"origins\": ...}; `origins` maps the
JSON pointer of each value to: file (for an imported value, the imported file), line,
column; profile and its part (replace, merge, strategicMerge, patch N); and variables,
each with name and source (flag, predefined, value, environment, env_file, cache,
command, default, answer, undefined).

Examples:
  windlass print -p prod                  show the effect of the profile `prod`
  windlass print --origin | grep -w TAG   show where TAG is used
  windlass print --json | jq .images      print output for programs")]
pub struct PrintArgs {
    /// Show the origin of every value
    #[arg(long)]
    origin: bool,

    /// Print JSON instead of YAML
    #[arg(long)]
    json: bool,
}

/// Prints the effective configuration.
///
/// # Errors
/// If the configuration is invalid, or the user cancels a prompt.
pub fn print(global: &GlobalOptions, args: &PrintArgs) -> Result<ExitStatus, Failure> {
    let (explanation, warnings) = load_explained(global, Explain::Everything)?;
    report(&warnings, global);
    match (args.json, args.origin) {
        (false, with_origins) => print_text(&explanation.to_yaml(with_origins)),
        (true, false) => print_json(&explanation.to_json()),
        (true, true) => {
            let origins: IndexMap<String, _> = explanation.origins().into_iter().collect();
            print_json(&json!({"config": explanation.to_json(), "origins": origins}))
        }
    }
}
