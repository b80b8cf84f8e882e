//! Windlass's own store of images, as stages see it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::ProjectPath;
use crate::builder::{BuildRequest, BuiltImage};
use crate::event::ImageEvents;
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference};
use crate::oci::Compression;
use crate::script::StageError;

/// A document about an image, attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// The list of the files that COPY and ADD brought into the image.
    Bill {
        /// What the image is called in it.
        name: String,
    },
    /// Any other.
    Document {
        /// Its kind: `application/vnd.in-toto+json`.
        media_type: String,
        /// Its bytes.
        content: Vec<u8>,
    },
}

/// What stages ask of the store of images and of the builder that fills it, `oci`. Nothing is read or contacted before
/// the first call.
#[async_trait]
pub trait Oci: Send + Sync {
    /// Whether the store has the whole image whose manifest is `digest`.
    async fn has(&self, digest: &Digest) -> Result<bool, StageError>;

    /// What the image called `reference` passes on, when it was built into the store.
    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError>;

    /// Assembles an image, its layers compressed by `compression`, and keeps it under its references.
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

    /// Adds `annotations` to the image whose manifest is `digest`; returns the digest of the one that has them, which is
    /// called `references` from now on.
    async fn annotate(
        &self,
        digest: &Digest,
        annotations: &BTreeMap<String, String>,
        references: &[ImageReference],
    ) -> Result<Digest, StageError>;

    /// Attaches a document to the image whose manifest is `digest`, for the next push.
    async fn attach(&self, digest: &Digest, attachment: &Attachment) -> Result<(), StageError>;

    /// Writes the image whose manifest is `digest` to `path` with the names `references`: an image layout in a folder
    /// where `is_folder`, else an archive.
    async fn save(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        path: &ProjectPath,
        is_folder: bool,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), StageError>;

    /// Gives the image whose manifest is `digest` the name `reference`.
    async fn tag(&self, digest: &Digest, reference: &ImageReference) -> Result<(), StageError>;

    /// `references` are names of images that are elsewhere from now on.
    async fn forget(&self, references: &[ImageReference]) -> Result<(), StageError>;

    /// Brings the image whose manifest is `digest` into the Docker daemon, under `references`, where there is a daemon
    /// that does not have it yet; says whether it did.
    async fn load(
        &self,
        digest: &Digest,
        references: &[ImageReference],
        cancel: &CancellationToken,
    ) -> Result<bool, StageError>;

    /// Pushes the image whose manifest is `digest` as `reference`; returns the digest it has in its registry.
    async fn push(
        &self,
        digest: &Digest,
        reference: &ImageReference,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, StageError>;
}
