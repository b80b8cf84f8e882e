//! The system's clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::host::Clock;

/// The system's clock.
pub(super) struct LiveClock;

#[async_trait]
impl Clock for LiveClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
