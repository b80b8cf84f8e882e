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
use page::DocPage;
use search::SearchResult;

/// The options of `windlass doc`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  windlass doc                   list all entries, one line each
  windlass doc tags              show each entry called `tags`, with examples
  windlass doc image             show the properties and stages of an image
  windlass doc built.push        show one entry in full
  windlass doc test              show the functions that tests can call
  windlass doc --json            print output for programs")]
pub struct DocArgs {
    /// Function, stage, property or type to show [default: list all]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completions::documented))]
    pub name: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// All entries.
pub fn entries() -> Vec<Documented> {
    [reference::all(), testing::stage::documented()].concat()
}

/// Prints the reference, or its entries for one name.
///
/// # Errors
/// `doc::unknown` if no entry has this name.
pub fn doc(args: &DocArgs) -> Result<ExitStatus, Failure> {
    let entries = entries();
    let found = match &args.name {
        Some(name) => search::find(&entries, name).map_err(Failure::wrong_use)?,
        None => SearchResult { exact: Vec::new(), members: entries.iter().collect() },
    };
    if args.json {
        let entries: Vec<_> =
            found.exact.iter().chain(&found.members).map(|entry| page::json(entry)).collect();
        return print_json(&entries);
    }
    let page = DocPage::for_terminal();
    print(&match &args.name {
        Some(name) => page.about(name, &found),
        None => page.overview(&entries),
    })
}
