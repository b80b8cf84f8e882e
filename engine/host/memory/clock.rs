//! Predictable time and random numbers for tests.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{CallKind, MemoryHost};
use crate::host::{Clock, Random};

/// The start time of all in-memory hosts: 2001-02-03T04:05:06Z, in which all numbers differ.
const START: i64 = 981_173_106;

/// The start time of all in-memory hosts.
pub(super) fn start() -> Timestamp {
    Timestamp::from_second(START).unwrap_or_default()
}

/// Waits return immediately, but advance the clock.
#[async_trait]
impl Clock for MemoryHost {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn sleep(&self, time: Duration) {
        self.did(CallKind::Sleep, time.as_secs_f64());
        let mut state = self.state();
        state.now = state.now.checked_add(time).unwrap_or(state.now);
    }
}

impl Random for MemoryHost {
    fn character(&self) -> char {
        let mut state = self.state();
        let place = state.taken % state.random.len().max(1);
        state.taken += 1;
        state.random.get(place).copied().unwrap_or('x')
    }
}
