//! Tracks whether files of a project may have changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::process::{Exec, ExecRequest, OnLine, ProcessError, Purpose};

/// Counts commands and scripts that may have written files of a project. Shared by all projects of a run.
#[derive(Debug, Clone, Default)]
pub struct Writes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    running: AtomicUsize,
}

/// A command or script that may write files until this guard is dropped.
#[must_use]
#[derive(Debug)]
pub struct Writing(Writes);

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
        Writing(self.clone())
    }

    /// Records that files were written.
    pub fn wrote(&self) {
        drop(self.begin());
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Inner { count, running } = &*self.0.0;
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
        let _writing = (!only_asks).then(|| self.writes.begin());
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
    fn nothing_is_taken_for_unchanged_while_something_runs() {
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
