//! Runs a command for its output.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::process::{Pipe, Process, ProcessError, block_on};

/// The maximum size of the output in bytes.
const OUTPUT_LIMIT: usize = 1 << 20;

/// The maximum length of a line in bytes: longer ones arrive in parts that cannot be joined.
const LINE_LIMIT: usize = 16 << 10;

/// The reason why a command has no output.
pub(crate) enum NoOutput {
    /// The user interrupted it.
    Interrupted,
    /// A phrase with the reason; it does not contain the output or the arguments.
    Failed(String),
}

/// The output of `process`, which gets no input. After `limit`, or if the user interrupts, it is stopped with all its
/// child processes. Blocks: do not call it from async code.
pub(crate) fn output(process: Process, root: &Path, limit: Duration) -> Result<String, NoOutput> {
    output_and_errors(process, root, limit, |_| ())
}

/// Like [`output`], and passes each line of standard error to `on_error`. Only for commands that print no secrets.
pub(super) fn output_and_errors(
    process: Process,
    root: &Path,
    limit: Duration,
    mut on_error: impl FnMut(&str),
) -> Result<String, NoOutput> {
    let process = process.directory(root).limit(limit);
    let failed = |reason: &str| NoOutput::Failed(reason.to_owned());
    let cancel = CancellationToken::new();
    let mut text = String::new();
    let mut unfit = None;
    let running = process.run(&cancel, |pipe, line| {
        if pipe == Pipe::Stderr {
            return on_error(line);
        }
        if unfit.is_some() {
            return;
        }
        text.push_str(line);
        text.push('\n');
        let reasons = [
            (line.contains(char::REPLACEMENT_CHARACTER), "its output is not UTF-8 text"),
            (line.len() >= LINE_LIMIT, "a line of its output exceeds 16 KiB"),
            (text.len() > OUTPUT_LIMIT, "its output exceeds 1 MiB"),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            unfit = Some(reason);
            cancel.cancel();
        }
    });
    let ended = block_on(&cancel, running).map_err(|error| NoOutput::Failed(error.to_string()))?;
    if let Some(reason) = unfit {
        return Err(failed(reason));
    }
    match ended {
        Ok(0) => Ok(text),
        Ok(code) => Err(NoOutput::Failed(format!("exit code {code}"))),
        Err(ProcessError::Cancelled { .. }) => Err(NoOutput::Interrupted),
        Err(ProcessError::Killed { .. }) => Err(failed("killed")),
        Err(ProcessError::NotExecutable { .. }) => Err(failed("command not executable")),
        Err(ProcessError::NotFound { .. }) => Err(failed("command not found")),
        Err(ProcessError::TimedOut { limit, .. }) => {
            Err(NoOutput::Failed(format!("timed out after {} seconds", limit.as_secs_f64())))
        }
        Err(error @ ProcessError::Silent { .. }) => Err(NoOutput::Failed(error.to_string())),
        Err(ProcessError::Directory { .. }) => Err(failed("the project directory does not exist")),
        Err(error @ ProcessError::Forbidden { .. }) => Err(NoOutput::Failed(error.to_string())),
        Err(ProcessError::Input { source, .. } | ProcessError::Start { source, .. }) => {
            Err(NoOutput::Failed(source.to_string()))
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn check(line: &str, limit: Duration, expected: &str) {
        let folder = tempfile::tempdir().expect("directory");
        let process = Process::configured(line, None);
        match output(process, folder.path(), limit) {
            Err(NoOutput::Failed(reason)) => assert_eq!(reason, expected, "{line}"),
            Err(NoOutput::Interrupted) => panic!("{line} was interrupted"),
            Ok(text) => panic!("{line} printed {text}"),
        }
    }

    #[test]
    fn output_that_is_not_a_value_is_refused() {
        let minute = Duration::from_secs(60);
        check("printf '\\377'", minute, "its output is not UTF-8 text");
        check("head -c 20000 /dev/zero | tr '\\0' x", minute, "a line of its output exceeds 16 KiB");
        check("yes value", minute, "its output exceeds 1 MiB");
    }

    #[test]
    fn program_out_of_time_is_stopped_with_its_children() {
        let folder = tempfile::tempdir().expect("directory");
        let lock = folder.path().join("lock");
        // The lock is released only when the last process that inherited it exits.
        let line = format!("exec 9>'{}'; flock 9; (sleep 1000; true); true", lock.display());
        check(&line, Duration::from_millis(500), "timed out after 0.5 seconds");
        let free = std::process::Command::new("flock").args(["--wait", "20"]).arg(lock).arg("true").status();
        assert!(free.is_ok_and(|status| status.success()), "something still runs");
    }
}
