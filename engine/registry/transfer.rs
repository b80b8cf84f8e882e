//! The total progress of parallel blob transfers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::event::ImageEvents;

/// The minimum interval between progress events.
const INTERVAL: Duration = Duration::from_millis(100);

/// Adds up the received bytes of several blobs and reports progress.
pub(super) struct Transfer {
    events: ImageEvents,
    step: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: u64,
    total: u64,
    told: Option<Instant>,
}

/// The part of one blob in a [`Transfer`].
pub(super) struct Share {
    transfer: Arc<Transfer>,
    done: AtomicU64,
}

impl Transfer {
    /// Progress with the label `step`: `pulling alpine:3`.
    pub(super) fn new(events: &ImageEvents, step: String) -> Arc<Self> {
        Arc::new(Self { events: events.clone(), step, state: Mutex::default() })
    }

    /// Adds a blob of `size` bytes.
    pub(super) fn share(self: &Arc<Self>, size: u64) -> Arc<Share> {
        self.change(|state| state.total = state.total.saturating_add(size));
        Arc::new(Share { transfer: Arc::clone(self), done: AtomicU64::new(0) })
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let is_due = state.told.is_none_or(|told| told.elapsed() >= INTERVAL);
        if state.done > 0 && (is_due || state.done == state.total) {
            state.told = Some(Instant::now());
            self.events.progress(&self.step, state.done, Some(state.total));
        }
    }
}

impl Share {
    /// Adds `bytes` to the transferred bytes.
    pub(super) fn add(&self, bytes: u64) {
        self.set(self.done.load(Ordering::Relaxed).saturating_add(bytes));
    }

    /// Sets the number of transferred bytes; it decreases if some must be transferred again.
    pub(super) fn set(&self, bytes: u64) {
        let before = self.done.swap(bytes, Ordering::Relaxed);
        self.transfer.change(|state| state.done = state.done.saturating_sub(before).saturating_add(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Events};

    #[test]
    fn the_last_word_is_the_sum() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&told);
        let events = Events::new(move |event| {
            if let Event::StepProgress { step, done, total, .. } = event {
                log.lock().expect("log").push((step, done, total));
            }
        });
        let transfer = Transfer::new(&events.of_image("api"), "pulling alpine".to_owned());
        let (one, two) = (transfer.share(10), transfer.share(5));
        one.add(8);
        one.set(0);
        two.set(5);
        one.set(10);
        let told = told.lock().expect("log");
        assert_eq!(told.first(), Some(&("pulling alpine".to_owned(), 8, Some(15))));
        assert_eq!(told.last(), Some(&("pulling alpine".to_owned(), 15, Some(15))));
    }
}
