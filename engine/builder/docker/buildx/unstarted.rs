//! Failures of buildx before it has built anything, after which it is run again.

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

    /// Whether the command, which failed in its `attempt`th attempt, is run again. Reports it if so.
    pub(super) fn is_repeated(&self, attempt: usize, events: &ImageEvents) -> bool {
        let is_repeated = self.is_seen && attempt < ATTEMPTS;
        if is_repeated {
            let message = "running buildx again: it ended before it was connected to the builder";
            events.notice(Level::Info, message);
        }
        is_repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Events;

    #[test]
    fn only_failures_before_the_build_are_repeated() {
        let check = |line: &str, expected| {
            let mut unstarted = Unstarted::default();
            unstarted.line("#0 building with \"ours\" instance using kubernetes driver");
            unstarted.line(line);
            let events = Events::new(|_| ()).of_image("api");
            let repeated = [1, 2, 3].map(|attempt| unstarted.is_repeated(attempt, &events));
            assert_eq!(repeated, [expected, expected, false], "{line}");
        };
        check(
            "ERROR: listing workers for Build: failed to list workers: Unavailable: connection error: desc = \"error \
             reading server preface: io: read/write on closed pipe\"",
            true,
        );
        check("ERROR: failed to list workers: Unavailable: connection error", true);
        check("panic: runtime error: invalid memory address or nil pointer dereference", true);
        check("#7 0.213 panic: made by the program that a step runs", false);
        check("#7 ERROR: process \"/bin/sh -c make\" did not complete successfully: exit code: 2", false);
        check("ERROR: failed to solve: failed to list workers", false);
    }
}
