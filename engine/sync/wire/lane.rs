//! A channel that several calls share.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::channel::{Answer, Channel, Request};
use crate::sync::RemoteError;

/// A channel to a loop. Requests wait for their turn. A request that has begun is finished, even if no call waits for
/// its response any longer.
#[derive(Clone)]
pub(super) struct Lane(Arc<Mutex<Channel>>);

impl Lane {
    pub(super) fn new(channel: Channel) -> Self {
        Self(Arc::new(Mutex::new(channel)))
    }

    /// The response to `request`.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, RemoteError> {
        let mut channel = Arc::clone(&self.0).lock_owned().await;
        let asked = tokio::spawn(async move { channel.ask(&request).await }).await;
        asked.unwrap_or_else(|error| Err(RemoteError::Lost { reason: error.to_string() }))
    }

    /// Ends the loop.
    pub(super) async fn end(&self) {
        let mut channel = Arc::clone(&self.0).lock_owned().await;
        let _ = tokio::spawn(async move { channel.end().await }).await;
    }
}
