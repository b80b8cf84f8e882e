//! Saving an image from a daemon.

use std::fs::File;
use std::io;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{Daemon, DaemonError, client};

/// How long the daemon may go without progress.
const SILENCE: Duration = Duration::from_secs(15 * 60);

impl Daemon {
    /// Saves the image `id` into a temporary file: an archive of its manifests, configuration and layers. Equals
    /// `docker save`.
    ///
    /// # Errors
    /// Those of the file; any other contains a [`DaemonError`].
    pub async fn save(&self, id: &str) -> io::Result<File> {
        let client = self.connect().await.map_err(io::Error::other)?;
        let client = client::adjusted(client, SILENCE, |_| None);
        let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
        let mut pieces = std::pin::pin!(client.export_image(id));
        loop {
            let piece = tokio::time::timeout(SILENCE, pieces.next()).await;
            match piece.unwrap_or(Some(Err(bollard::errors::Error::RequestTimeoutError))) {
                Some(Ok(piece)) => file.write_all(&piece).await?,
                Some(Err(error)) => {
                    return Err(io::Error::other(DaemonError::refused("save the image", &error)));
                }
                None => break,
            }
        }
        file.flush().await?;
        Ok(file.into_std().await)
    }
}
