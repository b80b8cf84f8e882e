//! Pushes the attachments of an image to its registry (OCI distribution spec, "pushing manifests with subject").

use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, MediaType};

use super::client::Subject;
use super::manifest::Manifest;
use super::push_blob::Delivery;
use super::share_document::{list_tag, share_of};
use super::transfer::Transfer;
use super::{RegistryClient, RegistryError, RegistryErrorKind};
use crate::event::ImageEvents;
use crate::image::{Digest, Repository};
use crate::oci::{BlobStore, ImageContents, canonical_json, digest_of};

impl RegistryClient {
    /// Pushes all attachments of `image` in `store`. If the registry does not list attachments itself, pushes the list
    /// under the tag `sha256-HEX` (distribution spec, "referrers tag schema").
    pub(super) async fn push_attachments(
        &self,
        subject: &Subject<'_>,
        store: &BlobStore,
        image: &Digest,
        repository: &Repository,
        events: &ImageEvents,
    ) -> Result<(), RegistryError> {
        let kept = |error| subject.error(RegistryErrorKind::Store(error));
        let mut unlisted = Vec::new();
        for attachment in store.attachments(image) {
            let digest = digest_of(&attachment, image).map_err(kept)?;
            let ImageContents { documents, blobs } = ImageContents::of(store, &digest).map_err(kept)?;
            let transfer = Transfer::new(events, format!("attaching to {}", subject.reference));
            for (digest, size) in blobs {
                let share = transfer.share(size);
                self.push_blob(&Delivery { store, digest, size, subject, to: repository, share }).await?;
            }
            for document in documents {
                let digest = document.digest.to_string();
                let media_type = Some(document.media_type);
                let manifest = Manifest { content: document.content, media_type, digest };
                let answer = self.put_manifest(subject, repository, &manifest.digest, &manifest).await?;
                // A registry that lists attachments sends this header.
                if answer.header("oci-subject").is_none() {
                    unlisted.push(attachment.clone());
                }
            }
        }
        match unlisted.is_empty() {
            true => Ok(()),
            false => self.list_attachments(subject, repository, image, unlisted).await,
        }
    }

    /// Adds `attachments` to the list of those of `image`, in a registry that does not list them itself. A damaged list is
    /// replaced.
    pub(super) async fn list_attachments(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        image: &Digest,
        attachments: Vec<Descriptor>,
    ) -> Result<(), RegistryError> {
        let tag = list_tag(&image.to_string());
        let before = match self.manifest(subject, repository, &tag).await {
            Err(RegistryError {
                problem:
                    RegistryErrorKind::NotFound { .. }
                    | RegistryErrorKind::Malformed { .. }
                    | RegistryErrorKind::DigestMismatch { .. },
                ..
            }) => None,
            found => serde_json::from_slice::<ImageIndex>(&found?.content).ok(),
        };
        let index = canonical_json(&listing(before, attachments));
        let media_type = Some(MediaType::ImageIndex.to_string());
        let digest = Digest::of(&index).to_string();
        let manifest = Manifest { content: index.into(), media_type, digest };
        self.put_manifest(subject, repository, &tag, &manifest).await.map(drop)
    }
}

/// The list `before` with `attachments`, each replacing the one of the same type and, for a shared build, of the same build.
fn listing(before: Option<ImageIndex>, attachments: Vec<Descriptor>) -> ImageIndex {
    let mut listed = before.map(|index| index.manifests().clone()).unwrap_or_default();
    for attachment in attachments {
        // The newest is the last one.
        listed.retain(|other| {
            other.artifact_type() != attachment.artifact_type() || share_of(other) != share_of(&attachment)
        });
        listed.push(attachment);
    }
    let index = ImageIndexBuilder::default().schema_version(2_u32).media_type(MediaType::ImageIndex);
    index.manifests(listed).build().expect("an index has a version and manifests")
}
