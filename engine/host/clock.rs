//! The clock interface of stages.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits. Test clocks may return immediately.
    async fn sleep(&self, time: Duration);
}
