//! A source without events, for systems and file systems that have none.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::source::{Raw, Source, Wake};
use crate::lock::lock;

/// Waits, and never reports an event.
#[derive(Default)]
pub(super) struct Poller(Arc<(Mutex<bool>, Condvar)>);

impl Source for Poller {
    fn watch(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&mut self, _folder: &Path) {}

    fn wait(&mut self, limit: Duration) -> Vec<Raw> {
        let (is_woken, changed) = &*self.0;
        let guard = lock(is_woken);
        let waited = changed.wait_timeout_while(guard, limit, |is_woken| !*is_woken);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
        Vec::new()
    }

    fn wake(&self) -> Wake {
        let shared = Arc::clone(&self.0);
        Arc::new(move || {
            *lock(&shared.0) = true;
            shared.1.notify_all();
        })
    }

    fn has_events(&self) -> bool {
        false
    }
}
