//! The shared job limit of all projects that are built together.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

thread_local! {
    /// Whether this thread works for a job that already has a slot.
    static HAS_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// The job limit for images of all projects of a command.
#[derive(Debug)]
pub struct Jobs {
    places: Arc<Semaphore>,
    is_stopped: AtomicBool,
}

/// A job slot, released when it is dropped.
#[must_use]
pub struct JobPermit {
    /// `None` for work inside a job.
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for JobPermit {
    fn drop(&mut self) {
        if self.permit.is_some() {
            HAS_PLACE.set(false);
        }
    }
}

impl Jobs {
    /// A limit of `limit` jobs.
    pub fn new(limit: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(limit.max(1))), is_stopped: AtomicBool::new(false) }
    }

    /// Waits for a slot for the next work of this thread.
    pub async fn place(&self) -> JobPermit {
        if HAS_PLACE.get() {
            return JobPermit::unlimited();
        }
        // The semaphore is never closed.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        JobPermit { permit }
    }

    /// Prevents dependencies from starting new jobs.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Whether dependencies must not start new jobs.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }
}

impl JobPermit {
    /// For work without a limit.
    pub fn unlimited() -> Self {
        Self { permit: None }
    }

    /// Until this slot is released, the work of this thread needs no other slot.
    pub fn enter(self) -> Self {
        if self.permit.is_some() {
            HAS_PLACE.set(true);
        }
        self
    }
}

/// Whether this thread works for a job that already has a slot.
pub fn has_place() -> bool {
    HAS_PLACE.get()
}

/// Makes this new thread part of a job that already has a slot.
pub fn share_place(is_shared: bool) {
    HAS_PLACE.set(is_shared);
}
