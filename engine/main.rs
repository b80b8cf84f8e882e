//! The `windlass` executable.

use std::process::ExitCode;

use windlass::command;

fn main() -> ExitCode {
    command::answer_shell();
    command::run_words().into()
}
