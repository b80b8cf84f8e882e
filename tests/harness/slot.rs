//! How many tests may use a daemon at the same time.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;

static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// The permission of a test to use a daemon, returned on drop. There are as many as processors, but at least two.
#[derive(Debug)]
pub struct Slot {
    counted: bool,
}

impl Slot {
    /// Takes a slot, waiting for a free one.
    ///
    /// A test that already has one gets a second immediately: if a test could wait while it has a slot, tests could
    /// deadlock.
    pub fn take() -> Self {
        if HELD.replace(true) {
            return Self { counted: false };
        }
        let slots = available_parallelism().map_or(2, |count| count.get().max(2));
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken =
            FREED.wait_while(taken, |taken| *taken >= slots).unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Self { counted: true }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.counted {
            HELD.set(false);
            *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            FREED.notify_one();
        }
    }
}
