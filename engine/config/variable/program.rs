//! Runs a program for its output.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::process::{Pipe, Process, ProcessError, interrupted};

/// Output beyond this is no value of a variable, in bytes.
const OUTPUT_LIMIT: usize = 1 << 20;

/// Lines of this many bytes arrive in pieces, and where they were cut cannot be told.
const LINE_LIMIT: usize = 16 << 10;

/// Why a program gave no output.
pub(crate) enum NoOutput {
    /// The user interrupted it.
    Interrupted,
    /// A phrase that says what happened; it never holds the output or the arguments.
    Failed(String),
}

/// What `process` prints. It gets no input, and `limit` to finish: then it is
/// stopped with everything it started, and likewise when the user interrupts. Blocks; not for async code.
pub(crate) fn output(process: Process, root: &Path, limit: Duration) -> Result<String, NoOutput> {
    output_and_errors(process, root, limit, |_| ())
}

/// The same, handing each line of its standard error to `on_error`: of a program that is known to print no secret.
pub(super) fn output_and_errors(
    process: Process,
    root: &Path,
    limit: Duration,
    mut on_error: impl FnMut(&str),
) -> Result<String, NoOutput> {
    let process = process.directory(root).limit(limit);
    let failed = |reason: &str| NoOutput::Failed(reason.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| NoOutput::Failed(error.to_string()))?;
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
            (line.contains(char::REPLACEMENT_CHARACTER), "it printed what is no text"),
            (line.len() >= LINE_LIMIT, "it printed a line of more than 16 KiB"),
            (text.len() > OUTPUT_LIMIT, "it printed more than 1 MiB"),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            unfit = Some(reason);
            cancel.cancel();
        }
    });
    let ended = runtime.block_on(async {
        let mut running = std::pin::pin!(running);
        tokio::select! {
            // Listens before the program starts: an interruption at once would end windlass and leave it behind.
            biased;
            () = interrupted() => {
                cancel.cancel();
                running.await
            }
            ended = &mut running => ended,
        }
    });
    if let Some(reason) = unfit {
        return Err(failed(reason));
    }
    match ended {
        Ok(0) => Ok(text),
        Ok(code) => Err(NoOutput::Failed(format!("it ended with exit code {code}"))),
        Err(ProcessError::Cancelled { .. }) => Err(NoOutput::Interrupted),
        Err(ProcessError::Killed { .. }) => Err(failed("it was killed")),
        Err(ProcessError::NotExecutable { .. }) => Err(failed("the program is not executable")),
        Err(ProcessError::NotFound { .. }) => Err(failed("the program was not found")),
        Err(ProcessError::TimedOut { limit, .. }) => {
            Err(NoOutput::Failed(format!("it did not finish within {} seconds", limit.as_secs_f64())))
        }
        Err(error @ ProcessError::Silent { .. }) => Err(NoOutput::Failed(error.to_string())),
        Err(ProcessError::Directory { .. }) => Err(failed("the project's folder is gone")),
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
        let folder = tempfile::tempdir().expect("folder");
        let process = Process::configured(line, None);
        match output(process, folder.path(), limit) {
            Err(NoOutput::Failed(reason)) => assert_eq!(reason, expected, "{line}"),
            Err(NoOutput::Interrupted) => panic!("{line} was interrupted"),
            Ok(text) => panic!("{line} printed {text}"),
        }
    }

    #[test]
    fn output_that_is_no_value_is_refused() {
        let minute = Duration::from_secs(60);
        check("printf '\\377'", minute, "it printed what is no text");
        check("head -c 20000 /dev/zero | tr '\\0' x", minute, "it printed a line of more than 16 KiB");
        check("yes value", minute, "it printed more than 1 MiB");
    }

    #[test]
    fn program_out_of_time_is_stopped_with_what_it_started() {
        let folder = tempfile::tempdir().expect("folder");
        let lock = folder.path().join("lock");
        // The lock is free again only when the last process that inherited it has ended.
        let line = format!("exec 9>'{}'; flock 9; (sleep 1000; true); true", lock.display());
        check(&line, Duration::from_millis(500), "it did not finish within 0.5 seconds");
        let free = std::process::Command::new("flock").args(["--wait", "20"]).arg(lock).arg("true").status();
        assert!(free.is_ok_and(|status| status.success()), "something still runs");
    }
}
