//! Windlass's own store of images, as stages see it.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::builder::{BuildRequest, BuiltImage};
use crate::event::ImageEvents;
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference};
use crate::script::StageError;

/// What stages ask of the store of images and of the builder that fills it, `oci`. Nothing is read or contacted before
/// the first call.
#[async_trait]
pub trait Oci: Send + Sync {
    /// Whether the store has the whole image whose manifest is `digest`.
    async fn has(&self, digest: &Digest) -> Result<bool, StageError>;

    /// What the image called `reference` passes on, when it was built into the store.
    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError>;

    /// Assembles an image and keeps it under its references.
    ///
    /// # Errors
    /// [`BuildError`](crate::builder::BuildError).
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError>;

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
