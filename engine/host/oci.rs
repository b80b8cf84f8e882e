//! The image store interface of stages.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::ProjectPath;
use crate::builder::{BuildRequest, BuiltImage};
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference};
use crate::oci::Compression;

/// A document that is attached to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// The SBOM of the files that COPY and ADD added to the image.
    Sbom {
        /// The image's name in the SBOM.
        name: String,
    },
    /// Any other document.
    Document {
        /// Its media type: `application/vnd.in-toto+json`.
        media_type: String,
        /// Its bytes.
        content: Vec<u8>,
    },
}

/// The operations of stages on the image store and on its builder, `oci`. Nothing is read or contacted before the first
/// call.
#[async_trait]
pub trait Oci: Send + Sync {
    /// Whether the store has the whole image with the manifest `digest`.
    async fn has(&self, digest: &Digest) -> Result<bool, StageError>;

    /// Those of `references` that name the image with the manifest `digest`, of the images built into the store.
    async fn names_of(
        &self,
        digest: &Digest,
        references: &[ImageReference],
    ) -> Result<Vec<ImageReference>, StageError>;

    /// The configuration that builds inherit from the image with this reference or manifest digest, if it was built into
    /// the store.
    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError>;

    /// The notice that it builds images instead of Docker, for this `reason`; `None` on a host that builds nothing.
    fn fallback_notice(&self, reason: &StageError) -> Option<String> {
        Some(format!("building without a daemon, into the image store: {reason}"))
    }

    /// Assembles an image with layers compressed by `compression`, and stores it under its references.
    ///
    /// # Errors
    /// [`BuildError`](crate::builder::BuildError).
    async fn build(
        &self,
        request: BuildRequest,
        compression: Compression,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError>;

    /// Adds `annotations` to the image with the manifest `digest`; returns the digest of the new image, which gets the
    /// `references`.
    async fn annotate(
        &self,
        digest: &Digest,
        annotations: &BTreeMap<String, String>,
        references: &[ImageReference],
    ) -> Result<Digest, StageError>;

    /// Attaches a document to the image with the manifest `digest`. The next push includes it.
    async fn attach(&self, digest: &Digest, attachment: &Attachment) -> Result<(), StageError>;

    /// Writes the image with the manifest `digest` to `path` under `references`: as an image layout if `is_folder`,
    /// otherwise as an archive.
    async fn save(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        path: &ProjectPath,
        is_folder: bool,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), StageError>;

    /// Tags the image with the manifest `digest` as `reference`.
    async fn tag(&self, digest: &Digest, reference: &ImageReference) -> Result<(), StageError>;

    /// Removes `references` from the store: their images are elsewhere now.
    async fn remove(&self, references: &[ImageReference]) -> Result<(), StageError>;

    /// Loads the image with the manifest `digest` into the Docker daemon under `references`, if there is a daemon that
    /// does not have it yet; returns whether it did.
    async fn load(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        cancel: &CancellationToken,
    ) -> Result<bool, StageError>;

    /// Pushes the image with the manifest `digest` as `reference`; returns its digest in the registry.
    async fn push(
        &self,
        digest: &Digest,
        reference: &ImageReference,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, StageError>;
}
