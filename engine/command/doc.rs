//! `windlass doc`.

mod page;
mod search;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::completions;
use super::exit_status::{ExitStatus, Failure};
use super::stdout::{print, print_json};
use crate::script::reference::{self, Documented};
use crate::testing;
use page::Page;
use search::Found;

/// The options of `windlass doc`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  windlass doc                   everything, one line each
  windlass doc tags              each thing called `tags`, with examples
  windlass doc image             what a script may ask of an image
  windlass doc built.push        one thing in full
  windlass doc test              what tests can call
  windlass doc --json            for programs")]
pub struct DocArgs {
    /// A function, stage, property or kind of value [default: a list of everything]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completions::documented))]
    pub name: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Everything that has an entry.
pub fn entries() -> Vec<Documented> {
    [reference::all(), testing::stage::documented()].concat()
}

/// Prints the reference, or the part of it about one name.
///
/// # Errors
/// `doc::unknown` when nothing has that name.
pub fn doc(args: &DocArgs) -> Result<ExitStatus, Failure> {
    let entries = entries();
    let found = match &args.name {
        Some(name) => search::find(&entries, name).map_err(Failure::wrong_use)?,
        None => Found { exact: Vec::new(), members: entries.iter().collect() },
    };
    if args.json {
        let entries: Vec<_> =
            found.exact.iter().chain(&found.members).map(|entry| page::json(entry)).collect();
        return print_json(&entries);
    }
    let page = Page::for_terminal();
    print(&match &args.name {
        Some(name) => page.about(name, &found),
        None => page.overview(&entries),
    })
}
