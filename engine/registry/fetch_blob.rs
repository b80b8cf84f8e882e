//! Pulls one blob from a registry into the image store.

use std::io::Write as _;
use std::sync::{Arc, PoisonError};

use oci_spec::image::Descriptor;

use super::client::Subject;
use super::transfer::Share;
use super::{RegistryClient, RegistryError, RegistryErrorKind};
use crate::image::{Digest, Repository};
use crate::oci::{BlobStore, BlobWriter, digest_of};

/// The number of bytes that count as progress, which resets the retries.
const PROGRESS: u64 = 1 << 20;

impl RegistryClient {
    /// Pulls the blob of `descriptor`, which is listed in the manifest `within`, from `repository` into `store`, unless
    /// it is cached. Concurrent calls for the same blob wait for the first. After a lost connection, the rest of the
    /// blob is requested; only content that matches the digest is stored.
    pub(super) async fn fetch_blob(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        store: &BlobStore,
        (descriptor, within): (&Descriptor, &Digest),
        share: &Share,
    ) -> Result<(), RegistryError> {
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        let digest = digest_of(descriptor, within).map_err(kept)?;
        let slot = {
            let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(fetching.entry(digest).or_default())
        };
        let _alone = slot.lock().await;
        if store.has(&digest, descriptor.size()).map_err(kept)? {
            share.set(descriptor.size());
            return Ok(());
        }
        let mut writer = store.writer().map_err(kept)?;
        let mut tries = self.retry.tries(RegistryErrorKind::may_pass);
        loop {
            let before = writer.written();
            let received = self.receive(subject, repository, descriptor, store, &mut writer, share).await;
            let Err(error) = received else { break };
            if writer.written() >= before.saturating_add(PROGRESS) {
                tries.begin_anew();
            }
            if !tries.again_after(&error).await {
                return Err(error);
            }
        }
        if writer.digest() != digest {
            let (expected, actual) = (digest.to_string(), writer.digest().to_string());
            return Err(subject.error(RegistryErrorKind::DigestMismatch { expected, actual }));
        }
        writer.finish().map_err(kept)?;
        store.record_repository(&digest, repository).map_err(kept)
    }

    /// Reads the bytes that `writer` lacks.
    async fn receive(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        descriptor: &Descriptor,
        store: &BlobStore,
        writer: &mut BlobWriter,
        share: &Share,
    ) -> Result<(), RegistryError> {
        let digest = descriptor.digest().as_ref();
        let size = descriptor.size();
        let lie = |actual: &str| {
            let reason = format!("size mismatch of {digest}: expected {size} bytes, got {actual}");
            subject.error(RegistryErrorKind::Malformed { reason })
        };
        let offset = writer.written();
        // A registry would refuse a range after the last byte.
        if offset > 0 && offset == size {
            return Ok(());
        }
        let mut blob = self.open_blob(subject, repository, digest, offset).await?;
        if offset > 0 && !blob.begins_at(offset) {
            *writer = store.writer().map_err(|error| subject.error(RegistryErrorKind::Store(error)))?;
            share.set(0);
        }
        while let Some(piece) = blob.next().await.map_err(|problem| subject.error(problem))? {
            if writer.written() + piece.len() as u64 > size {
                return Err(lie("more"));
            }
            writer
                .write_all(&piece)
                .map_err(|error| subject.error(RegistryErrorKind::Store(store.refused(&error))))?;
            share.set(writer.written());
        }
        // A lost connection is an error above, so a response that ends without one is complete.
        if writer.written() < size { Err(lie(&writer.written().to_string())) } else { Ok(()) }
    }
}
