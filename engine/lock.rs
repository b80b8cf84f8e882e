//! Locks of maps that several threads of a run share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic of another thread: the maps are always consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
