//! The one limit of all projects that are built together.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

thread_local! {
    /// Whether this thread works for a job that has its place already.
    static HAS_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// How many images are worked on at a time, in all projects of a command.
#[derive(Debug)]
pub struct Jobs {
    places: Arc<Semaphore>,
    is_stopped: AtomicBool,
}

/// A place among them, given back when it is dropped.
#[must_use]
pub struct Place {
    /// `None` for work inside of a job.
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.permit.is_some() {
            HAS_PLACE.set(false);
        }
    }
}

impl Jobs {
    /// Room for `limit` jobs.
    pub fn new(limit: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(limit.max(1))), is_stopped: AtomicBool::new(false) }
    }

    /// Waits for a place for what this thread does next.
    pub async fn place(&self) -> Place {
        if HAS_PLACE.get() {
            return Place { permit: None };
        }
        // Nobody closes the semaphore.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        Place { permit }
    }

    /// Keeps dependencies from starting anything new.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Whether dependencies start nothing new.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }
}

impl Place {
    /// What this thread calls from now on needs no place of its own, until this one is given back.
    pub fn enter(self) -> Self {
        if self.permit.is_some() {
            HAS_PLACE.set(true);
        }
        self
    }
}

/// Whether this thread works for a job that has its place already.
pub fn has_place() -> bool {
    HAS_PLACE.get()
}

/// Makes this thread, a new one, part of a job that has its place already.
pub fn share_place(is_shared: bool) {
    HAS_PLACE.set(is_shared);
}
