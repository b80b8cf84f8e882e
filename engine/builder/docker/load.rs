//! Loading an image of the image store into a daemon.

use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::ImportImageOptions;
use futures_util::StreamExt as _;

use super::daemon::reason_of;
use super::{Daemon, DaemonError, client};
use crate::image::{Digest, ImageReference};
use crate::oci::{BlobStore, StoreError};

/// How long the daemon may go without progress.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// Why an image could not be loaded.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum LoadError {
    /// The daemon is unreachable, or rejected the image.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Daemon(#[from] DaemonError),

    /// A part of the image is not in the store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

impl Daemon {
    /// Loads `root`, a manifest or an index in `store`, into the daemon under `references`. Equals `docker load`.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(
        &self,
        store: &BlobStore,
        root: &Digest,
        references: &[ImageReference],
    ) -> Result<(), LoadError> {
        let facts = self.facts().await?;
        let platform = format!("{}/{}", facts.os, facts.architecture);
        let (archive, failure) = store.archive_stream(*root, references.to_vec(), platform);
        let client = client::adjusted(self.connect().await?, SILENCE, |_| None);
        let body = bollard::body_try_stream(archive);
        let mut lines = client.import_image(ImportImageOptions::default(), body, None);
        loop {
            let error = match tokio::time::timeout(SILENCE, lines.next()).await {
                Ok(Some(Ok(_))) => continue,
                Ok(None) => return failure.take().map_or(Ok(()), |error| Err(error.into())),
                Ok(Some(Err(error))) => error,
                Err(_) => Error::RequestTimeoutError,
            };
            if let Some(error) = failure.take() {
                return Err(error.into());
            }
            return Err(match error {
                Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. } => {
                    DaemonError::refused("load the image", &error)
                }
                error => DaemonError::lost(self.found()?, reason_of(&error)),
            }
            .into());
        }
    }
}
