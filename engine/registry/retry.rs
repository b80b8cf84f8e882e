//! How often, and when, a request is sent again.

use std::time::Duration;

/// The longest wait a registry may ask for.
const LONGEST: Duration = Duration::from_secs(30);

/// Tries with growing pauses between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// Tries in all, at least one.
    pub(super) tries: u32,
    /// The pause after the first failure; doubled after each further one.
    pub(super) pause: Duration,
    /// How long a server may say nothing.
    pub(super) silence: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 3, pause: Duration::from_millis(500), silence: Duration::from_secs(30) }
    }
}

impl Retry {
    /// How long to wait after `failed` failures: between half and one and a half of the doubled pause, lest
    /// several clients come back at once, and no less than the registry `asked` for.
    pub(super) fn pause_after(&self, failed: u32, asked: Option<Duration>) -> Duration {
        let pause =
            self.pause.saturating_mul(1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX));
        let pause = pause.min(LONGEST).mul_f64(0.5 + fastrand::f64());
        asked.map_or(pause, |asked| pause.max(asked)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_limits() {
        let retry = Retry { pause: Duration::from_secs(1), ..Retry::default() };
        for _ in 0..100 {
            let (first, third) = (retry.pause_after(1, None), retry.pause_after(3, None));
            assert!((500..=1500).contains(&first.as_millis()) && (2000..=6000).contains(&third.as_millis()));
            assert!(retry.pause_after(1, Some(Duration::from_secs(9))) == Duration::from_secs(9));
            assert!(retry.pause_after(u32::MAX, Some(Duration::MAX)) == LONGEST);
        }
    }
}
