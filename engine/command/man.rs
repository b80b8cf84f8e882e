//! `windlass man`.

use clap::{Args, CommandFactory as _};

use super::exit_status::{ExitStatus, Failure};
use super::stdout::print;
use crate::command::cli::Cli;
use crate::suggestion::nearest;

/// The options of `windlass man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  windlass man | man -l -                                   read the page
  windlass man > ~/.local/share/man/man1/windlass.1         install the page
  windlass man build > ~/.local/share/man/man1/windlass-build.1")]
pub struct ManArgs {
    /// Print the page of this command [default: windlass]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// The command is unknown.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("unknown command `{name}`")]
#[diagnostic(code(man::unknown_command))]
struct UnknownCommand {
    name: String,
    #[help]
    help: String,
}

/// Prints a manual page.
///
/// # Errors
/// If the command is unknown, or the page cannot be written.
pub fn man(args: &ManArgs) -> Result<ExitStatus, Failure> {
    let mut windlass = Cli::command();
    // Gives each command its full name and the options it inherits.
    windlass.build();
    let command = match &args.command {
        Some(name) => subcommand(&windlass, name)?,
        None => windlass,
    };
    let name = command.get_bin_name().unwrap_or("windlass").replace(' ', "-");
    let command = command.display_name(name);
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let source = concat!("windlass ", env!("CARGO_PKG_VERSION"));
    let _ = clap_mangen::Man::new(command).source(source).render(&mut page);
    print(&String::from_utf8_lossy(&page))
}

fn subcommand(windlass: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    windlass.find_subcommand(name).cloned().ok_or_else(|| {
        let names = windlass.get_subcommands().map(clap::Command::get_name);
        let help = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "run `windlass --help` to list the commands".to_owned(),
        };
        Failure::wrong_use(UnknownCommand { name: name.to_owned(), help })
    })
}
