//! `windlass check`: what is wrong with the configuration and the scripts, in every profile.

mod finding;
mod survey;

use clap::Args;

use super::exit_status::{ExitStatus, Failure, print_diagnostic};
use super::load;
use super::stdout::print_json;
use crate::cli::GlobalOptions;
use finding::View;

/// The options of `windlass check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads devspace.yaml and the scripts once without profiles and once with each of them,
and calls the pipeline for every image in a world without daemon, registry, network and
build contexts, in which no command runs. What it finds would stop a build, or be
without effect: unknown functions and profiles, wrong numbers and types of arguments,
overrides that override nothing, patches that match nothing, tags that two images claim.
Test files (`*_test.rhai`) are read as well, not run. The projects it depends on are looked at
with the profiles it gives them; those in git as far as they were fetched.

Exit code 2 when something is wrong. --json prints a list for editors: file, line, column,
end_line, end_column (from 1), code, message, help, profiles, dependency.

Examples:
  windlass check
  windlass check --json | jq -r '.[] | \"\\(.file):\\(.line): \\(.message)\"'")]
pub struct CheckArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Checks the project in every profile.
///
/// # Errors
/// When the project is not found or its configuration is wrong whatever the profile.
pub fn check(global: &GlobalOptions, args: &CheckArgs) -> Result<ExitStatus, Failure> {
    let survey = survey::survey(global)?;
    if args.json {
        print_json(&survey.findings.iter().map(View::of).collect::<Vec<_>>())?;
    } else {
        survey.findings.iter().for_each(|finding| print_diagnostic(finding));
    }
    for source in &survey.left_out {
        let message = format!("{source} is not looked at: `windlass update dependencies` fetches it");
        load::warn(&message, global);
    }
    if !global.silent {
        eprintln!("{}", survey.summary());
    }
    Ok(if survey.findings.is_empty() { ExitStatus::Done } else { ExitStatus::WrongUse })
}
