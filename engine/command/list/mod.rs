//! `windlass list`: the contents of a project, as a table or as JSON. One subject per file.

mod commands;
mod dependencies;
mod deployments;
mod images;
mod pipelines;
mod ports;
mod profiles;
mod sync;
mod table;
mod vars;

use serde::Serialize;

use super::exit_status::{ExitStatus, Failure};
use super::stdout::{print, print_json};
use crate::command::cli::GlobalOptions;
use table::Table;

/// The options of `windlass list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  windlass list images                  print a table
  windlass list images -p dev           apply the profile `dev`
  windlass list profiles                show which profiles are applied, and why
  windlass list vars                    show the origin of each value
  windlass list images --json | jq -r '.[].image'")]
pub struct ListArgs {
    /// The subject to list.
    #[command(subcommand)]
    subject: Subject,

    /// Print a JSON array with one object per table row
    #[arg(long, global = true)]
    json: bool,
}

/// The subjects that can be listed.
#[derive(Debug, clap::Subcommand)]
enum Subject {
    /// List images: repository, tags, builder, Dockerfile, context
    #[command(after_help = images::HELP)]
    Images,
    /// List the project's own pipelines, for `windlass run`
    #[command(after_help = pipelines::HELP)]
    Pipelines,
    /// List dependencies and their sources
    #[command(after_help = dependencies::HELP)]
    Dependencies,
    /// List deployments: kind, namespace, and state in the cluster
    #[command(after_help = deployments::HELP)]
    Deployments,
    /// List commands of devspace.yaml, for `windlass run`
    #[command(after_help = commands::HELP)]
    Commands,
    /// List forwarded ports of `dev` and their containers
    #[command(after_help = ports::HELP)]
    Ports,
    /// List synced directories of `dev` and their containers
    #[command(after_help = sync::HELP)]
    Sync,
    /// List profiles: which are applied, and why
    #[command(after_help = profiles::HELP)]
    Profiles,
    /// List variables: value, source, uses
    #[command(after_help = vars::HELP)]
    Vars,
}

/// Lists the subject that `args` select.
///
/// # Errors
/// If the configuration is invalid.
pub fn list(global: &GlobalOptions, args: &ListArgs) -> Result<ExitStatus, Failure> {
    match &args.subject {
        Subject::Images => images::list(global, args.json),
        Subject::Dependencies => dependencies::list(global, args.json),
        Subject::Deployments => deployments::list(global, args.json),
        Subject::Commands => commands::list(global, args.json),
        Subject::Pipelines => pipelines::list(global, args.json),
        Subject::Ports => ports::list(global, args.json),
        Subject::Sync => sync::list(global, args.json),
        Subject::Profiles => profiles::list(global, args.json),
        Subject::Vars => vars::list(global, args.json),
    }
}

/// One list entry: a row of the table, and as [`Serialize`] an object of the JSON array. The fields of the object are
/// an interface for programs: new ones may be added, but none renamed.
trait Row: Serialize {
    /// The column headers of the table.
    const COLUMNS: &'static [&'static str];

    /// The cells; an empty one is shown as `-`.
    fn cells(&self) -> Vec<String>;
}

/// Prints `rows` to standard output; for an empty table, prints `nothing` to standard error instead.
fn show<R: Row>(rows: &[R], json: bool, nothing: &str) -> Result<ExitStatus, Failure> {
    if json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        eprintln!("{nothing}");
        return Ok(ExitStatus::Done);
    }
    let mut table = Table::new(R::COLUMNS);
    for row in rows {
        table.push(row.cells());
    }
    let is_colored = console::Term::stdout().is_term() && console::colors_enabled();
    print(&table.render(is_colored))
}
