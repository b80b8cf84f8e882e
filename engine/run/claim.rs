//! Several runs at once over one project: one builds an image, the others wait for it and reuse what it built.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Run, RunError, lock};
use crate::event::Level;
use crate::state::{ImageLock, LockAttempt};

/// How long to wait for another process that builds the image. Who waited so long builds it as well: that is never wrong.
const LIMIT: Duration = Duration::from_secs(3600);

/// How often the lock is tried.
const PAUSE: Duration = Duration::from_millis(50);

/// The right to build an image, while it lives; `None` where there are no locks.
pub type Claim = Option<Arc<ImageLock>>;

impl Run {
    /// Claims the right to build `image`, so that of several runs at once one builds it. With `waits`, waits for
    /// a process that builds it; without, and after an hour, goes on beside it. In one run an image is claimed once.
    ///
    /// # Errors
    /// `run::cancelled` while it waits.
    pub fn claim(&self, image: &str, waits: bool) -> Result<Claim, RunError> {
        if let Some(claim) = lock(&self.claims).get(image).and_then(Weak::upgrade) {
            return Ok(Some(claim));
        }
        let claim = self.wait(self.acquire(image, waits))?;
        if let Some(claim) = &claim {
            lock(&self.claims).insert(image.to_owned(), Arc::downgrade(claim));
        }
        Ok(claim)
    }

    async fn acquire(&self, image: &str, waits: bool) -> Claim {
        let events = self.image_events(image);
        let end = tokio::time::Instant::now() + LIMIT;
        let mut told = None;
        loop {
            let holder = match self.store.try_lock_image(image) {
                Ok(LockAttempt::Acquired(held)) => return Some(Arc::new(held)),
                Ok(LockAttempt::HeldBy(holder)) => holder,
                // Without a folder to write to, builds are not remembered: there is nothing to wait for.
                Err(_) => return None,
            };
            let name = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            // A hook that builds the image it is called for would wait for itself.
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

    /// Reads again what is known of earlier builds of `image`; says whether another run changed it.
    pub fn reread_records(&self, image: &str) -> bool {
        let before = self.records(image);
        let (now, _) = self.store.records(image);
        if *before == now {
            return false;
        }
        lock(&self.records).insert(image.to_owned(), Arc::new(now));
        // What the daemon said before that run built is old.
        lock(&self.in_daemon).clear();
        true
    }
}

/// Whether the process `pid` started this one, itself or through others. Known where `/proc` is.
fn is_ancestor(pid: u32) -> bool {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field, in parentheses, may hold anything.
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
    };
    std::iter::successors(Some(std::process::id()), |pid| parent(*pid).filter(|parent| *parent > 1))
        .skip(1)
        .any(|ancestor| ancestor == pid)
}
