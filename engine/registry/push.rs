//! Pushes an image from the image store to a registry.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indexmap::IndexMap;

use super::client::Subject;
use super::manifest::Manifest;
use super::manifest_digest::name_of;
use super::push_blob::Delivery;
use super::transfer::Transfer;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};
use crate::event::ImageEvents;
use crate::image::{Digest, ImageReference, Repository};
use crate::oci::{BlobStore, ImageContents};

/// The maximum number of parallel transfers.
const AT_ONCE: usize = 4;

/// The maximum number of other repositories to request pull permission for, to mount blobs from them.
const MOUNTS: usize = 4;

impl RegistryClient {
    /// Pushes `root`, the manifest of an image or an index with all its images, from `store` to the repositories of
    /// `references`, with its attachments, under all their tags. Existing blobs are not transferred, and neither are
    /// blobs that the registry can mount from another of its repositories. A tag is set after all its content is
    /// pushed, and stays unchanged after a failure.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry refuses or is unreachable, or a part of the image is not in the store.
    pub async fn push(
        &self,
        store: &BlobStore,
        root: &Digest,
        references: &[ImageReference],
        events: &ImageEvents,
    ) -> Result<(), RegistryError> {
        let mut repositories: IndexMap<&Repository, Vec<&ImageReference>> = IndexMap::new();
        for reference in references {
            repositories.entry(&reference.repository).or_default().push(reference);
        }
        for (repository, references) in repositories {
            self.push_to(store, root, repository, &references, events).await?;
        }
        Ok(())
    }

    async fn push_to(
        &self,
        store: &BlobStore,
        root: &Digest,
        repository: &Repository,
        references: &[&ImageReference],
        events: &ImageEvents,
    ) -> Result<(), RegistryError> {
        let Some(first) = references.first() else { return Ok(()) };
        let subject = Subject::new(Action::Push, first.to_string(), repository, "pull,push");
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        let ImageContents { documents, blobs } = ImageContents::of(store, root).map_err(kept)?;
        let images: Vec<_> = documents.iter().map(|document| document.digest).collect();
        // A registry that has a manifest has all its content.
        if !self.has_manifest(&subject, repository, root).await? {
            let writing = self.with_mounts(&subject, store, repository, &blobs);
            let transfer = Transfer::new(events, format!("pushing {first}"));
            let shares: Vec<_> =
                blobs.into_iter().map(|(digest, size)| (digest, size, transfer.share(size))).collect();
            let deliveries = shares.into_iter().map(|(digest, size, share)| {
                let delivery = Delivery { store, digest, size, subject: &writing, to: repository, share };
                async move { self.push_blob(&delivery).await }
            });
            stream::iter(deliveries).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
        let mut manifests = documents.into_iter().map(|document| Manifest {
            content: document.content,
            media_type: Some(document.media_type),
            digest: document.digest.to_string(),
        });
        let last = manifests.next_back();
        for manifest in manifests {
            self.put_manifest(&subject, repository, &manifest.digest, &manifest).await?;
        }
        for image in &images {
            self.push_attachments(&subject, store, image, repository, events).await?;
        }
        for (reference, manifest) in references.iter().zip(std::iter::repeat(&last)) {
            let Some(manifest) = manifest else { continue };
            let subject = Subject::new(Action::Push, reference.to_string(), repository, "pull,push");
            self.put_manifest(&subject, repository, name_of(reference), manifest).await?;
        }
        Ok(())
    }

    async fn has_manifest(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let reference =
            ImageReference { repository: repository.clone(), tag: None, digest: Some(digest.to_string()) };
        let found = self.manifest_digest(&reference).await;
        let found = found.map_err(|error| RegistryError {
            action: subject.action,
            reference: subject.reference.clone(),
            ..error
        })?;
        Ok(found.is_some())
    }

    /// `subject` with the permission to pull from the repositories to mount blobs from.
    fn with_mounts<'a>(
        &self,
        subject: &Subject<'a>,
        store: &BlobStore,
        to: &Repository,
        blobs: &[(Digest, u64)],
    ) -> Subject<'a> {
        let known = blobs.iter().flat_map(|(digest, _)| store.repositories_of(digest));
        let mounts: BTreeSet<_> =
            known.filter(|known| known.domain() == to.domain() && known != to).collect();
        let scopes = mounts.iter().take(MOUNTS).map(|mount| format!(" repository:{}:pull", mount.path()));
        let scope = std::iter::once(subject.scope.clone()).chain(scopes).collect();
        Subject { reference: subject.reference.clone(), scope, ..*subject }
    }
}
