//! The `windlass` program.

use std::process::ExitCode;

use clap::Parser;
use windlass::cli::Cli;
use windlass::command;

fn main() -> ExitCode {
    command::answer_shell();
    command::run(&Cli::parse()).into()
}
