//! `windlass list commands`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{CommandConfig, Origin};

/// The additional help text.
pub(super) const HELP: &str = "\
Fields of --json:
  name          for `windlass run NAME`
  command       shell command line or executable as written, including variables
  args          arguments of the executable, or null for a shell command line
  description   its description, or null
  section       its group, or null
  origin        file and line of the key in devspace.yaml";

/// One command.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    command: &'a str,
    args: Option<&'a [String]>,
    description: Option<&'a str>,
    section: Option<&'a str>,
    origin: &'a Origin,
}

impl Row for Listed<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "command", "description", "section"];

    fn cells(&self) -> Vec<String> {
        let words = std::iter::once(self.command.to_owned()).chain(self.args.unwrap_or_default().to_vec());
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let command = words.collect::<Vec<_>>().join(" ");
        vec![self.name.to_owned(), command, text(self.description), text(self.section)]
    }
}

/// Lists the commands in file order, without internal ones.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = load::load_outline(global)?;
    load::report(&loaded.warnings, global);
    let shown = loaded.project.commands.values().filter(|command| !command.internal);
    show(&shown.map(row).collect::<Vec<_>>(), json, "the project has no commands")
}

fn row(command: &CommandConfig) -> Listed<'_> {
    Listed {
        name: &command.name,
        command: &command.command,
        args: command.args.as_deref(),
        description: command.description.as_deref(),
        section: command.section.as_deref(),
        origin: &command.origin,
    }
}
