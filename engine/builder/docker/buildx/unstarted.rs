//! Failures of buildx before it has built anything, after which it is run again.

use std::future::Future;

use crate::event::{ImageEvents, Level};

/// How often a buildx command is run at most.
const ATTEMPTS: usize = 3;

/// Whether the output of a failed buildx command shows that it ended before its builder did anything.
///
/// Buildx gives the connection to the pod of a builder 20 seconds, which a busy node exceeds. It then reports that it
/// could not list the workers (buildx, `build/build.go`), or crashes while it starts the builder.
#[derive(Debug, Default)]
pub(super) struct Unstarted {
    is_seen: bool,
}

impl Unstarted {
    /// Reads a line of the output.
    pub(super) fn line(&mut self, line: &str) {
        let is_unconnected =
            line.starts_with("ERROR: ") && line.contains("failed to list workers: Unavailable: ");
        // The output of a build step is numbered, so this is the message of the Go runtime about buildx itself.
        let is_crash = line.starts_with("panic: ") || line.starts_with("fatal error: ");
        self.is_seen |= is_unconnected || is_crash;
    }
}

/// Runs a buildx command with `attempt`, which returns the exit code, the reader of its output and the result; again if it
/// failed before its builder did anything. Returns the last exit code and result.
///
/// # Errors
/// Those of `attempt`.
pub(super) async fn until_connected<T, E, F>(
    events: &ImageEvents,
    attempt: impl Fn() -> F,
) -> Result<(i32, T), E>
where
    F: Future<Output = Result<(i32, Unstarted, T), E>>,
{
    let mut count = 1;
    loop {
        let (code, unstarted, result) = attempt().await?;
        if code == 0 || !unstarted.is_seen || count == ATTEMPTS {
            return Ok((code, result));
        }
        events.notice(Level::Info, "running buildx again: it ended before it was connected to the builder");
        count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::event::Events;

    /// How often a command runs that always fails with this line.
    async fn runs(line: &str) -> usize {
        let count = Cell::new(0);
        let attempt = async || {
            count.set(count.get() + 1);
            let mut unstarted = Unstarted::default();
            unstarted.line("#0 building with \"ours\" instance using kubernetes driver");
            unstarted.line(line);
            Ok::<_, ()>((1, unstarted, ()))
        };
        let ended = until_connected(&Events::new(|_| ()).of_image("api"), attempt).await;
        assert_eq!(ended, Ok((1, ())));
        count.get()
    }

    #[tokio::test]
    async fn only_failures_before_the_build_are_repeated() {
        let check = async |line: &str, expected: bool| {
            assert_eq!(runs(line).await, if expected { ATTEMPTS } else { 1 }, "{line}");
        };
        check(
            "ERROR: listing workers for Build: failed to list workers: Unavailable: connection error: desc = \"error \
             reading server preface: io: read/write on closed pipe\"",
            true,
        ).await;
        check("ERROR: failed to list workers: Unavailable: connection error", true).await;
        check("panic: runtime error: invalid memory address or nil pointer dereference", true).await;
        check("#7 0.213 panic: made by the program that a step runs", false).await;
        check("#7 ERROR: process \"/bin/sh -c make\" did not complete successfully: exit code: 2", false)
            .await;
        check("ERROR: failed to solve: failed to list workers", false).await;
    }
}
