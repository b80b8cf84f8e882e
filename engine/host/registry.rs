//! Registries, as stages see them.

use std::fmt;

use async_trait::async_trait;

use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::registry::ManifestFacts;
use crate::script::StageError;

/// What stages ask of registries.
#[async_trait]
pub trait Registry: Send + Sync {
    /// From now on takes the registry of `domain` with any certificate or none at all. Where no registry is asked, there
    /// is nothing to do.
    fn trust(&self, _domain: &str) {}

    /// Makes sure, before a long build, that its result may be pushed.
    ///
    /// # Errors
    /// `registry::unauthorized` and others that a push would certainly meet as well.
    async fn check_push(&self, repository: &Repository) -> Result<(), StageError>;

    /// The digest of `reference`, `None` when the registry has no such image.
    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError>;

    /// What an image passes on to those built from it.
    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError>;

    /// Gives the image that is there as `from` another tag; returns its digest.
    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError>;

    /// What `reference` stands for; `None` when the registry has no such image.
    async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, StageError>;

    /// Brings an image to another repository, unchanged; returns its digest.
    async fn copy(&self, copy: &ImageCopy) -> Result<String, StageError>;
}

/// An image, or an index with all its images, on its way to another repository. Prints as
/// `copy ghcr.io/acme/api:1 to ghcr.io/acme/prod/api:1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageCopy {
    /// What is copied.
    pub from: ImageReference,
    /// The name it gets.
    pub to: ImageReference,
}

impl fmt::Display for ImageCopy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "copy {} to {}", self.from, self.to)
    }
}
