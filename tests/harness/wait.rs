//! Waiting for a condition, with a time limit.

use std::time::{Duration, Instant};

/// Calls `probe` until it returns a value, and returns that value.
///
/// # Panics
/// If `limit` passes first; the message names `what`.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < end, "timed out after {limit:?}, waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
