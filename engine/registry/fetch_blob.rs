//! One blob on its way from a registry into the store.

use std::io::Write as _;
use std::sync::{Arc, PoisonError};

use oci_spec::image::Descriptor;

use super::client::Subject;
use super::transfer::Share;
use super::{Problem, RegistryClient, RegistryError};
use crate::image::{Digest, Repository};
use crate::oci::{BlobStore, BlobWriter, digest_of};

/// How many bytes count as progress, after which a connection may be lost as often again.
const PROGRESS: u64 = 1 << 20;

impl RegistryClient {
    /// Brings the blob of `descriptor`, which stands in the manifest `within`, from `repository` into `store`, unless
    /// it is there. Whoever wants the same blob meanwhile waits for it. A connection that is lost is made again, and
    /// the rest of the blob asked for; nothing gets into the store that is not what the digest says.
    pub(super) async fn fetch_blob(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        store: &BlobStore,
        (descriptor, within): (&Descriptor, &Digest),
        share: &Share,
    ) -> Result<(), RegistryError> {
        let kept = |error| subject.error(Problem::Store(error));
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
        let mut tries = self.retry.tries(Problem::may_pass);
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
            return Err(subject.error(Problem::DigestMismatch { expected, actual }));
        }
        writer.finish().map_err(kept)?;
        store.note_repository(&digest, repository).map_err(kept)
    }

    /// Reads what is missing in `writer`.
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
            let reason = format!("its manifest says that {digest} has {size} bytes, and it has {actual}");
            subject.error(Problem::Malformed { reason })
        };
        let offset = writer.written();
        // There are no bytes after the last: a registry would refuse to send them.
        if offset > 0 && offset == size {
            return Ok(());
        }
        let mut blob = self.open_blob(subject, repository, digest, offset).await?;
        if offset > 0 && !blob.begins_at(offset) {
            *writer = store.writer().map_err(|error| subject.error(Problem::Store(error)))?;
            share.set(0);
        }
        while let Some(piece) = blob.next().await.map_err(|problem| subject.error(problem))? {
            if writer.written() + piece.len() as u64 > size {
                return Err(lie("more"));
            }
            writer.write_all(&piece).map_err(|error| subject.error(Problem::Store(store.refused(&error))))?;
            share.set(writer.written());
        }
        // A connection that breaks is an error before: what ends well is all there is.
        if writer.written() < size { Err(lie(&writer.written().to_string())) } else { Ok(()) }
    }
}
