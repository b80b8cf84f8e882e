//! Base images.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::download::{Downloaded, download};
use super::instruction_error::InstructionError;
use crate::builder::BuildError;
use crate::event::ImageEvents;
use crate::image::Platform;
use crate::oci::StoredImage;

/// The source of base images.
#[async_trait]
pub trait BaseImages: Send + Sync {
    /// The image `reference` for `platform`. Its manifest and configuration are in the store, its layers might not be.
    ///
    /// # Errors
    /// If the image does not exist, or every server that may have it is unreachable.
    async fn image(
        &self,
        reference: &str,
        platform: &Platform,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<StoredImage, BuildError>;

    /// Fetches the layers of `image`, which has the reference `reference`, into the store.
    ///
    /// # Errors
    /// If a layer no longer exists, or every server that may have it is unreachable.
    async fn fetch(
        &self,
        reference: &str,
        image: &StoredImage,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<(), BuildError>;
}

/// [`BaseImages`], called from a thread that may block.
#[derive(Clone)]
pub(super) struct Images<'a> {
    pub(super) images: Arc<dyn BaseImages>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) events: &'a ImageEvents,
    pub(super) cancel: &'a CancellationToken,
}

impl Images<'_> {
    pub(super) fn get(&self, reference: &str, platform: &Platform) -> Result<StoredImage, InstructionError> {
        let image = self.images.image(reference, platform, self.events, self.cancel);
        Ok(self.runtime.block_on(image)?)
    }

    pub(super) fn download(&self, address: &str) -> Result<Downloaded, InstructionError> {
        self.runtime.block_on(download(address, self.events, self.cancel))
    }

    pub(super) fn fetch(&self, reference: &str, platform: &Platform) -> Result<(), InstructionError> {
        let image = self.get(reference, platform)?;
        let fetched = self.images.fetch(reference, &image, self.events, self.cancel);
        Ok(self.runtime.block_on(fetched)?)
    }
}
