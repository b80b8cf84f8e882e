//! Notices that the machine was asleep.

use std::time::{Duration, Instant, SystemTime};

/// How much longer than the time of the process the time of the clock must be.
const JUMP: Duration = Duration::from_secs(5);

/// Compares the clock with the time of the process, which stops while the machine is asleep.
pub(super) struct ClockJump {
    clock: SystemTime,
    process: Instant,
}

impl ClockJump {
    pub(super) fn new() -> Self {
        Self { clock: SystemTime::now(), process: Instant::now() }
    }

    /// Whether the machine was asleep since the last call: connections may be dead without a sign of it.
    pub(super) fn happened(&mut self) -> bool {
        let before = std::mem::replace(self, Self::new());
        let by_clock = self.clock.duration_since(before.clock).unwrap_or_default();
        by_clock > self.process.duration_since(before.process) + JUMP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_jump_of_the_clock_is_one() {
        let mut jump = ClockJump::new();
        assert!(!jump.happened());
        jump.clock -= 2 * JUMP;
        assert!(jump.happened());
        assert!(!jump.happened());
        jump.clock += 2 * JUMP;
        assert!(!jump.happened(), "a clock that is set back is none");
    }
}
