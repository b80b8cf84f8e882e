//! `windlass list`: what the project has, as a table or as JSON. One subject, one file.

mod commands;
mod dependencies;
mod images;
mod pipelines;
mod profiles;
mod table;
mod vars;

use serde::Serialize;

use super::exit_status::{ExitStatus, Failure};
use super::stdout::{print, print_json};
use crate::cli::GlobalOptions;
use table::Table;

/// The options of `windlass list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  windlass list images                  a table
  windlass list images -p dev           with the profile `dev`
  windlass list profiles                which are applied, and why
  windlass list vars                    where each value is from
  windlass list images --json | jq -r '.[].image'")]
pub struct ListArgs {
    /// What to list.
    #[command(subcommand)]
    subject: Subject,

    /// Print a JSON array, one object for each line of the table
    #[arg(long, global = true)]
    json: bool,
}

/// What can be listed.
#[derive(Debug, clap::Subcommand)]
enum Subject {
    /// The images: repository, tags, builder, Dockerfile, context
    #[command(after_help = images::HELP)]
    Images,
    /// The project's own pipelines, for `windlass run`
    #[command(after_help = pipelines::HELP)]
    Pipelines,
    /// The projects it depends on, and where they come from
    #[command(after_help = dependencies::HELP)]
    Dependencies,
    /// The commands of devspace.yaml, for `windlass run`
    #[command(after_help = commands::HELP)]
    Commands,
    /// The profiles: which are applied, and why
    #[command(after_help = profiles::HELP)]
    Profiles,
    /// The variables: value, where it is from, where it is used
    #[command(after_help = vars::HELP)]
    Vars,
}

/// Lists what `args` name.
///
/// # Errors
/// When the configuration is wrong.
pub fn list(global: &GlobalOptions, args: &ListArgs) -> Result<ExitStatus, Failure> {
    match &args.subject {
        Subject::Images => images::list(global, args.json),
        Subject::Dependencies => dependencies::list(global, args.json),
        Subject::Commands => commands::list(global, args.json),
        Subject::Pipelines => pipelines::list(global, args.json),
        Subject::Profiles => profiles::list(global, args.json),
        Subject::Vars => vars::list(global, args.json),
    }
}

/// One thing of a list: a line of the table, and as [`Serialize`] an object of the JSON array. The fields of the
/// object are an interface for programs: they may be added to, never renamed.
trait Row: Serialize {
    /// The heads of the table's columns.
    const COLUMNS: &'static [&'static str];

    /// The texts of the columns; an empty one is shown as `-`.
    fn cells(&self) -> Vec<String>;
}

/// Prints `rows` to standard output; a table without any says `nothing` on standard error instead.
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
