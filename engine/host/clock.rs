//! The time, as stages see it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits. A clock of a test need not really wait.
    async fn sleep(&self, time: Duration);
}
