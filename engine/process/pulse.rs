//! Records the time of a command's last output.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

/// The time when a command last printed something, including parts of lines such as progress.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<Mutex<Instant>>);

/// A pipe of a command, each read of which updates the pulse.
pub(super) struct Felt<R> {
    pub(super) pipe: R,
    pub(super) pulse: Pulse,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Resolves when the last output was `limit` ago, or never.
    pub(super) async fn silent_for(&self, limit: Option<Duration>) -> Duration {
        let Some(limit) = limit else { return std::future::pending().await };
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + limit;
            if until <= Instant::now() {
                return limit;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Felt<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.pipe).poll_read(context, buffer);
        if read.is_ready() {
            *self.pulse.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        read
    }
}
