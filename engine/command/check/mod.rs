//! `windlass check`: problems in the configuration and the scripts, in every profile.

mod finding;
mod project_check;
mod unused_base;

use clap::Args;
use miette::Diagnostic;

use super::annotate::annotate_all;
use super::exit_status::{ExitStatus, Failure, print_diagnostic};
use super::load;
use super::stdout::print_json;
use crate::command::cli::GlobalOptions;
use finding::View;

/// The options of `windlass check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads devspace.yaml and the scripts once without profiles and once with each profile,
and calls the pipeline for every image on an offline host: without daemon, registry,
network and build contexts, and without running commands. It reports what would stop a
build or have no effect: unknown functions and profiles, wrong numbers and types of
arguments, overrides that override nothing, patches that match nothing, tags that two
images use, entries of windlass.lock that no image uses. Test files (`*_test.rhai`) are
read but not run. Dependencies are checked with the profiles that the project selects for
them; those from git only if already fetched.

The exit code is 2 if there are problems. --json prints a list for editors: file, line,
column, end_line, end_column (from 1), code, message, help, profiles, dependency.

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
/// If the project is not found or its configuration is invalid regardless of the profile.
pub fn check(global: &GlobalOptions, args: &CheckArgs) -> Result<ExitStatus, Failure> {
    let check = project_check::check_project(global)?;
    if args.json {
        print_json(&check.findings.iter().map(View::of).collect::<Vec<_>>())?;
    } else {
        check.findings.iter().for_each(|finding| print_diagnostic(finding));
        annotate_all(check.findings.iter().map(|finding| finding as &dyn Diagnostic), global)?;
    }
    for message in check.notices.iter().chain(&check.new_overrides) {
        load::warn(message, global);
    }
    for source in &check.left_out {
        let message = format!("not checking {source}: run `windlass update dependencies` to fetch it");
        load::warn(&message, global);
    }
    if !global.silent {
        eprintln!("{}", check.summary());
    }
    Ok(if check.findings.is_empty() { ExitStatus::Done } else { ExitStatus::WrongUse })
}
