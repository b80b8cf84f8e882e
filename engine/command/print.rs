//! `windlass print`.

use indexmap::IndexMap;
use serde_json::json;

use super::exit_status::{ExitStatus, Failure};
use super::load::{load_explained, tell};
use super::stdout::{print as print_text, print_json};
use crate::cli::GlobalOptions;
use crate::config::Explain;

/// The options of `windlass print`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The configuration is printed as a build uses it: profiles are applied, variables
are filled in, passwords are shown as ***. It is a valid devspace.yaml.

With --origin every value says where it came from:
  image: ghcr.io/acme/api  # devspace.yaml:4
  tags:
  - \"1.4\"  # devspace.yaml:21, profile prod patch 1, TAG from --var
and --json prints {\"config\": ..., \"origins\": ...}, where `origins` has for the JSON
pointer of each value: file (of an imported value the imported file), line, column;
profile and its part (replace, merge, strategicMerge, patch N); and variables, each
with name and source (flag, predefined, value, environment, env_file, cache,
command, default, answer, undefined).

Examples:
  windlass print -p prod                  what the profile `prod` makes of the file
  windlass print --origin | grep -w TAG   where TAG ends up
  windlass print --json | jq .images      for programs")]
pub struct PrintArgs {
    /// Tell for every value where it came from
    #[arg(long)]
    origin: bool,

    /// Print JSON in place of YAML
    #[arg(long)]
    json: bool,
}

/// Prints the effective configuration.
///
/// # Errors
/// When the configuration is wrong, or the user breaks off a question.
pub fn print(global: &GlobalOptions, args: &PrintArgs) -> Result<ExitStatus, Failure> {
    let (explanation, warnings) = load_explained(global, Explain::Everything)?;
    tell(&warnings, global);
    match (args.json, args.origin) {
        (false, with_origins) => print_text(&explanation.to_yaml(with_origins)),
        (true, false) => print_json(&explanation.to_json()),
        (true, true) => {
            let origins: IndexMap<String, _> = explanation.origins().into_iter().collect();
            print_json(&json!({"config": explanation.to_json(), "origins": origins}))
        }
    }
}
