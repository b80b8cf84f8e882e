//! Tracks whether files of a project may have changed.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::lock::lock;
use crate::process::{Exec, ExecRequest, OnLine, ProcessError, Purpose};

/// Counts commands and scripts that may have written files of a project. Shared by all projects of a run.
#[derive(Debug, Clone, Default)]
pub struct Writes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    running: AtomicUsize,
    /// A command with its start and end time.
    commands: Mutex<Vec<(Writer, Instant, Option<Instant>)>>,
}

/// A command that may have written files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The command for display.
    pub command: String,
    /// Its purpose.
    pub purpose: Purpose,
}

/// How long after a command an event about its files may arrive.
const LATE: Duration = Duration::from_millis(50);

/// A command or script that may write files until this guard is dropped.
#[must_use]
#[derive(Debug)]
pub struct Writing(Writes, Option<usize>);

impl Writes {
    /// A counter that increases whenever files may have changed since the last call; always while a command or script
    /// that may write files is running.
    pub fn count(&self) -> u64 {
        match self.0.running.load(Ordering::SeqCst) {
            0 => self.0.count.load(Ordering::SeqCst),
            _ => self.0.count.fetch_add(1, Ordering::SeqCst) + 1,
        }
    }

    /// Marks the start of a command or script that may write files.
    pub fn begin(&self) -> Writing {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Writing(self.clone(), None)
    }

    /// Like [`Writes::begin`], and records that `command` ran.
    pub fn begin_command(&self, command: String, purpose: Purpose) -> Writing {
        let index = {
            let mut commands = lock(&self.0.commands);
            commands.push((Writer { command, purpose }, Instant::now(), None));
            commands.len() - 1
        };
        let mut writing = self.begin();
        writing.1 = Some(index);
        writing
    }

    /// The command that ran at that time, and may have written a file whose change was noticed then.
    pub fn writer_at(&self, time: Instant) -> Option<Writer> {
        let commands = lock(&self.0.commands);
        let ran = commands
            .iter()
            .rev()
            .find(|(_, start, end)| *start <= time && end.is_none_or(|end| time <= end + LATE));
        ran.map(|(writer, ..)| writer.clone())
    }

    /// Records that files were written.
    pub fn wrote(&self) {
        drop(self.begin());
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Inner { count, running, commands } = &*self.0.0;
        if let Some(index) = self.1 {
            lock(commands)[index].2 = Some(Instant::now());
        }
        count.fetch_add(1, Ordering::SeqCst);
        running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs commands with another host, and counts those that may write files.
pub struct CountedExec {
    /// The host that runs them.
    pub inner: Arc<dyn Exec>,
    /// The counter.
    pub writes: Writes,
}

#[async_trait]
impl Exec for CountedExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        let only_asks = request.is_pure || request.purpose == Purpose::Git;
        let _writing = (!only_asks).then(|| match request.is_background {
            true => self.writes.begin(),
            false => self.writes.begin_command(request.to_string(), request.purpose),
        });
        self.inner.run(request, on_line, cancel).await
    }

    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        self.inner.allow(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_of_a_moment_is_the_command_that_ran_then() {
        let writes = Writes::default();
        let before = Instant::now();
        let writing = writes.begin_command("sh make".to_owned(), Purpose::Hook);
        let writer = Writer { command: "sh make".to_owned(), purpose: Purpose::Hook };
        let during = Instant::now();
        assert_eq!(writes.writer_at(before), None);
        assert_eq!(writes.writer_at(during), Some(writer.clone()));
        drop(writing);
        assert_eq!(writes.writer_at(during), Some(writer.clone()));
        assert_eq!(writes.writer_at(Instant::now() + LATE * 2), None);
    }

    #[test]
    fn nothing_counts_as_unchanged_while_a_command_runs() {
        let writes = Writes::default();
        assert_eq!(writes.count(), writes.count());
        let before = writes.count();
        let writing = writes.begin();
        let during = (writes.count(), writes.count());
        assert!(before < during.0 && during.0 < during.1);
        drop(writing);
        assert!(during.1 < writes.count());
        assert_eq!(writes.count(), writes.count());
    }
}
