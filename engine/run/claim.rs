//! Parallel runs of one project: one builds an image, and the others wait for it and reuse it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Run, RunError};
use crate::event::Level;
use crate::lock::lock;
use crate::state::{ImageLock, LockAttempt};

/// The timeout for another process that builds the image. Afterwards, this process builds it too, which is always safe.
const LIMIT: Duration = Duration::from_secs(3600);

/// The interval between attempts to acquire the lock.
const PAUSE: Duration = Duration::from_millis(50);

/// The lock for building an image, until it is dropped; `None` without locks.
pub type Claim = Option<Arc<ImageLock>>;

impl Run {
    /// Acquires the lock for building `image`, so that only one of several parallel runs builds it. With `waits`, waits
    /// for a process that builds it; otherwise, and after 1 hour, continues in parallel. Each run acquires the lock of
    /// an image once.
    ///
    /// # Errors
    /// `run::cancelled` while it waits.
    pub fn claim(&self, image: &str, waits: bool) -> Result<Claim, RunError> {
        if let Some(claim) = lock(&self.progress.claims).get(image).and_then(Weak::upgrade) {
            return Ok(Some(claim));
        }
        let claim = self.session.wait(self.acquire(image, waits))?;
        if let Some(claim) = &claim {
            lock(&self.progress.claims).insert(image.to_owned(), Arc::downgrade(claim));
        }
        Ok(claim)
    }

    async fn acquire(&self, image: &str, waits: bool) -> Claim {
        let events = self.session.events.of_image(image);
        let end = tokio::time::Instant::now() + LIMIT;
        let mut told = None;
        loop {
            let holder = match self.memory.store.try_lock_image(image) {
                Ok(LockAttempt::Acquired(held)) => return Some(Arc::new(held)),
                Ok(LockAttempt::HeldBy(holder)) => holder,
                // Without a writable directory, builds are not recorded, so no other build is waited for.
                Err(_) => return None,
            };
            let name = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            // A hook that builds its own image would wait for itself.
            if !waits || holder.is_some_and(is_ancestor) {
                return None;
            }
            if tokio::time::Instant::now() >= end {
                let minutes = LIMIT.as_secs() / 60;
                let message =
                    format!("{name} has been building this image for {minutes} minutes: building it too");
                events.notice(Level::Warning, message);
                return None;
            }
            if told != Some(holder) && holder.is_some() {
                events.step(format!("waiting for {name}, which builds this image"));
                told = Some(holder);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether the process `pid` is an ancestor of this one. Requires `/proc`.
fn is_ancestor(pid: u32) -> bool {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field, in parentheses, may contain any characters.
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
    };
    std::iter::successors(Some(std::process::id()), |pid| parent(*pid).filter(|parent| *parent > 1))
        .skip(1)
        .any(|ancestor| ancestor == pid)
}
