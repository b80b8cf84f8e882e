//! The registry interface of stages.

use std::fmt;

use async_trait::async_trait;

use crate::error::StageError;
use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::registry::{ManifestFacts, ShareDocument};

/// The operations of stages on registries.
#[async_trait]
pub trait Registry: Send + Sync {
    /// From now on, accepts any certificate and plain HTTP from the registry of `domain`. Does nothing on hosts without
    /// registries.
    fn trust(&self, _domain: &str) {}

    /// Checks, before a long build, that its result may be pushed.
    ///
    /// # Errors
    /// `registry::unauthorized`, and other errors that a push would certainly cause too.
    async fn check_push(&self, repository: &Repository) -> Result<(), StageError>;

    /// The digest of `reference`; `None` if the registry has no such image.
    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError>;

    /// The digest of `reference` as [`Registry::digest`], but it gives up after a few seconds: for queries whose result only
    /// helps.
    ///
    /// # Errors
    /// The reason, as a phrase.
    async fn find_digest(&self, reference: &ImageReference) -> Result<Option<String>, String>;

    /// Adds the tag `tag`, by which other machines find a build, to the image `from` in its registry. Returns `false` if
    /// the registry keeps the image that the tag names.
    ///
    /// # Errors
    /// The reason, as a phrase.
    async fn share(&self, from: &ImageReference, tag: &Tag) -> Result<bool, String>;

    /// The document of the shared build `share` of `image`, which is named by its digest; for `None`, the newest one.
    ///
    /// # Errors
    /// The reason, as a phrase.
    async fn share_document(
        &self,
        image: &ImageReference,
        share: Option<&str>,
    ) -> Result<Option<ShareDocument>, String>;

    /// Attaches `document` to `image`, which is named by its digest. Unless it `replaces` one of the same build, that one
    /// stays.
    ///
    /// # Errors
    /// The reason, as a phrase.
    async fn attach_share_document(
        &self,
        image: &ImageReference,
        document: &ShareDocument,
        replaces: bool,
    ) -> Result<(), String>;

    /// The configuration that builds inherit from an image.
    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError>;

    /// Adds a tag to the image `from` in its registry; returns its digest.
    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError>;

    /// The facts about the manifest of `reference`; `None` if the registry has no such image.
    async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, StageError>;

    /// Copies an image to another repository, unchanged; returns its digest.
    async fn copy(&self, copy: &ImageCopy) -> Result<String, StageError>;
}

/// A copy of an image, or of an index with all its images, to another repository. Displays as `copy ghcr.io/acme/api:1
/// to ghcr.io/acme/prod/api:1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageCopy {
    /// The source.
    pub from: ImageReference,
    /// The target.
    pub to: ImageReference,
}

impl fmt::Display for ImageCopy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "copy {} to {}", self.from, self.to)
    }
}
