//! Pushes one blob from the image store to a repository.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::client::Subject;
use super::copy::Route;
use super::transfer::Share;
use super::upload::{Content, Upload};
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};
use crate::image::{Digest, Repository};
use crate::oci::{BlobStore, StoreError};

/// Larger blobs are sent in chunks of this size, in bytes, so that a retry resends only the last chunk.
const CHUNK: u64 = 32 << 20;

/// How much of a file is read at a time, in bytes.
const READ: usize = 256 << 10;

/// A blob of the image store and its target.
pub(super) struct Delivery<'a> {
    pub(super) store: &'a BlobStore,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) subject: &'a Subject<'a>,
    pub(super) to: &'a Repository,
    pub(super) share: Arc<Share>,
}

impl RegistryClient {
    /// Pushes a blob to its repository, unless the repository has it: the registry mounts it from another of its
    /// repositories if possible, otherwise it is sent. A blob that is not in the store is copied from a repository that
    /// has it.
    pub(super) async fn push_blob(&self, delivery: &Delivery<'_>) -> Result<(), RegistryError> {
        let Delivery { store, digest, size, subject, to, share } = delivery;
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        let mut known = store.repositories_of(digest);
        let is_kept = store.has(digest, *size).map_err(kept)?;
        let is_there = known.contains(to) && !is_kept;
        known.retain(|repository| repository != *to);
        let name = digest.to_string();
        if is_kept {
            let mount = known.iter().find(|repository| repository.domain() == to.domain());
            self.send_blob(delivery, &name, mount).await?;
        } else if is_there && self.has_blob(subject, to, &name).await? {
            share.set(*size);
        } else {
            // Repositories of the target registry first, because a mount transfers nothing.
            known.sort_by_key(|repository| repository.domain() != to.domain());
            let from = known.first().ok_or_else(|| kept(StoreError::Missing { digest: *digest }))?;
            let writing =
                Subject { reference: subject.reference.clone(), scope: subject.scope.clone(), ..**subject };
            let reading = Subject::new(Action::Pull, format!("{from}@{name}"), from, "pull");
            self.copy_blob(&Route { from, to, reading, writing }, &name).await?;
            share.set(*size);
        }
        store.record_repository(digest, to).map_err(kept)
    }

    async fn send_blob(
        &self,
        delivery: &Delivery<'_>,
        name: &str,
        mount: Option<&Repository>,
    ) -> Result<(), RegistryError> {
        let Delivery { store, digest, size, subject, to, share } = delivery;
        let mut in_chunks = *size > CHUNK;
        let mut tries = self.retry.tries(RegistryErrorKind::may_be_lost_upload);
        let is_whole =
            || store.read_through(digest).map_err(|error| subject.error(RegistryErrorKind::Store(error)));
        loop {
            if self.has_blob(subject, to, name).await? {
                share.set(*size);
                return Ok(());
            }
            let Some(upload) = self.begin_upload(subject, to, name, mount).await? else {
                share.set(*size);
                return Ok(());
            };
            let mut arrived = 0;
            let sent = match in_chunks {
                true => self.send_chunks(delivery, upload, name, &mut arrived).await,
                false => match delivery.piece(0, *size).await {
                    Ok(content) => self.upload_whole(subject, upload, name, content).await,
                    Err(error) => Err(error),
                },
            };
            let Err(error) = sent else {
                share.set(*size);
                return Ok(());
            };
            share.set(0);
            let is_refusal = !error.is_transient();
            if is_refusal && !is_whole()? {
                return Err(subject.error(RegistryErrorKind::Store(StoreError::Missing { digest: *digest })));
            }
            if is_refusal && in_chunks {
                // Registries that accept a blob only in one request report this with different errors.
                in_chunks = false;
            } else if tries.again_after(&error).await {
                // A registry may close the connection at the first chunk instead.
                in_chunks = arrived > 0;
            } else if is_refusal || is_whole()? {
                return Err(error);
            } else {
                return Err(subject.error(RegistryErrorKind::Store(StoreError::Missing { digest: *digest })));
            }
        }
    }

    async fn send_chunks(
        &self,
        delivery: &Delivery<'_>,
        upload: Upload,
        name: &str,
        arrived: &mut u64,
    ) -> Result<(), RegistryError> {
        let Delivery { size, subject, to, share, .. } = delivery;
        let chunk = CHUNK.max(upload.shortest_chunk);
        let (mut url, mut offset, mut is_renewed) = (upload.url, 0, false);
        let mut tries = self.retry.tries(RegistryErrorKind::may_be_lost_chunk);
        while offset < *size {
            let length = chunk.min(size - offset);
            let content = delivery.piece(offset, length).await?;
            match self.upload_chunk(subject, &url, offset, (length, content.pieces)).await {
                Ok((so_far, next)) => {
                    (url, offset) = (next, so_far);
                    *arrived = offset;
                    share.set(offset);
                    tries.begin_anew();
                }
                Err(error) => {
                    let is_refusal = matches!(error.problem, RegistryErrorKind::CredentialsRefused { .. });
                    if is_refusal && !is_renewed {
                        // A token may expire during a long upload; a small request gets a new one.
                        is_renewed = true;
                        self.has_blob(subject, to, name).await?;
                    } else if !tries.again_after(&error).await {
                        return Err(error);
                    }
                    (offset, url) = self.upload_status(subject, &url).await?;
                    share.set(offset);
                }
            }
        }
        self.finish_upload(subject, url, name).await
    }
}

impl Delivery<'_> {
    /// The bytes of the blob from `offset` on.
    async fn piece(&self, offset: u64, length: u64) -> Result<Content, RegistryError> {
        let kept = |error| self.subject.error(RegistryErrorKind::Store(error));
        let blob = self.store.get(&self.digest).map_err(kept)?;
        let blob = blob.ok_or_else(|| kept(StoreError::Missing { digest: self.digest }))?;
        let mut file = tokio::fs::File::from_std(blob.file);
        let moved = file.seek(std::io::SeekFrom::Start(offset)).await;
        moved.map_err(|error| kept(self.store.refused(&error)))?;
        let share = Arc::clone(&self.share);
        let pieces = ReaderStream::with_capacity(file.take(length), READ)
            .inspect_ok(move |piece| share.add(piece.len() as u64));
        Ok(Content { length: Some(length), pieces: Box::pin(pieces.map_err(Into::into)) })
    }
}
