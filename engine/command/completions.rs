//! `windlass completions`, and the candidates for completion requests of shells.

mod candidates;

use clap::{Args, CommandFactory as _};
use clap_complete::env::{CompleteEnv, Shells};

use super::exit_status::{ExitStatus, Failure};
use super::stdout::print;
use crate::command::cli::Cli;

pub use candidates::{dependencies, deployments, documented, images, planned, profiles};

/// The variable with which shells request candidates.
const VARIABLE: &str = "COMPLETE";

/// The options of `windlass completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Names of images and profiles are completed too, from the devspace.yaml of the project.

Examples:
  echo 'source <(windlass completions bash)' >> ~/.bashrc
  echo 'source <(windlass completions zsh)' >> ~/.zshrc
  windlass completions fish > ~/.config/fish/completions/windlass.fish")]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"], hide_possible_values = true)]
    pub shell: String,
}

/// Answers a completion request of a shell and exits; returns immediately without one.
pub fn answer_shell() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// The command line, with the pipelines and commands of the project as subcommands of `run`, and the pipelines as
/// subcommands of `plan`.
fn command() -> clap::Command {
    let pipelines = candidates::pipelines();
    let mut runnable: Vec<_> = pipelines.iter().cloned().chain(candidates::commands()).collect();
    runnable.sort();
    runnable.dedup();
    let named = |names: Vec<String>| names.into_iter().map(clap::Command::new).collect::<Vec<_>>();
    Cli::command()
        .mut_subcommand("run", |run| run.subcommands(named(runnable)))
        .mut_subcommand("plan", |plan| plan.disable_help_subcommand(true).subcommands(named(pipelines)))
}

/// Prints the script with which a shell requests candidates from windlass.
///
/// # Errors
/// If it cannot be written.
pub fn completions(args: &CompletionsArgs) -> Result<ExitStatus, Failure> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell) {
        // Writing to memory cannot fail.
        let _ = shell.write_registration(VARIABLE, "windlass", "windlass", "windlass", &mut script);
    }
    print(&String::from_utf8_lossy(&script))
}
