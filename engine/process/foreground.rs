//! Commands in the foreground of windlass's terminal.

use std::io;
use std::path::Path;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use super::{ProcessError, interrupted};

/// Runs a command with the terminal, stdin and output of windlass; returns its exit code, or 128 plus the number of the
/// signal that killed it. The command receives Ctrl-C and handles it itself.
///
/// # Errors
/// [`ProcessError`] if it cannot be started.
pub async fn run_in_foreground(
    words: &[String],
    directory: &Path,
    environment: &[(String, String)],
) -> Result<i32, ProcessError> {
    let (program, arguments) =
        words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).envs(environment.iter().cloned());
    // A termination signal during the start of the command is forwarded too.
    let mut requested = Box::pin(interrupted());
    let mut is_requested = futures_util::poll!(&mut requested).is_ready();
    let spawned = command.spawn();
    let mut child = spawned.map_err(|error| ProcessError::of_spawn(program, Some(directory), error))?;
    let status = loop {
        if is_requested {
            pass_on(&child);
            requested = Box::pin(interrupted());
        }
        is_requested = tokio::select! {
            status = child.wait() => break status,
            () = &mut requested => true,
        };
    };
    status.map(code).map_err(|source| ProcessError::Start { program: program.to_owned(), source })
}

/// Sends SIGTERM to the command, unless the terminal has already interrupted it: Ctrl-C reaches all foreground
/// processes.
fn pass_on(child: &Child) {
    #[cfg(unix)]
    if !io::IsTerminal::is_terminal(&io::stdin())
        && let Some(id) =
            child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
    {
        // It may already have ended.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    let _ = child;
}

fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(1)
}
