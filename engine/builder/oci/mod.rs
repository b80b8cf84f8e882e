//! The builder `oci`: images of Dockerfiles without `RUN`, assembled by windlass itself, without a daemon.
//!
//! Instructions are executed on a file system in memory that holds names, kinds and owners. The content of files is
//! copied from its source into layers, and each layer is cached by its inputs. The results equal those of BuildKit in
//! Docker 28 (with the containerd image store, where this makes a difference: `--link`), except for times: all new
//! files have the same time, so that equal inputs give equal digests on any machine.

mod add;
mod assembly;
mod change;
mod compression;
mod content;
mod copy;
mod document;
mod download;
mod images;
mod instruction;
mod instruction_error;
mod layer_cache;
mod layer_tar;
mod listing;
mod mode;
mod needs_daemon;
mod node;
mod owner;
mod pack;
mod ports;
mod root_fs;
mod saved;
mod signal;
mod state;
mod variables;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use self::assembly::{Settings, assemble};
use self::document::ImageDocument;
use self::images::Images;
use super::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::event::ImageEvents;
use crate::image::Digest;
use crate::image::dockerfile::BaseConfig;
use crate::oci::{BlobStore, Compression, ImageOrigin, StoredImage};

pub use images::BaseImages;
pub use needs_daemon::{UnsupportedFeature, check_daemonless, needs_daemon};
pub use saved::{take_saved, taken_before};

/// The configuration that an image passes on to images built from it; empty if its configuration is invalid.
pub fn passed_on(image: &StoredImage) -> BaseConfig {
    let document: ImageDocument = serde_json::from_slice(image.config()).unwrap_or_default();
    BaseConfig { onbuild: document.config.on_build, env: document.config.env, digest: None }
}

/// The builder `oci`. Cheap to clone.
#[derive(Clone)]
pub struct OciBuilder {
    /// The image store for its images and layers.
    pub store: BlobStore,
    /// How layers are compressed.
    pub compression: Compression,
    /// The source of base images.
    pub images: Arc<dyn BaseImages>,
    /// The time of everything in an image that is new, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    pub time: u64,
}

#[async_trait]
impl Builder for OciBuilder {
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        let request = BuildRequest { build_args: request.given_args(), ..request };
        let (this, events, cancel) = (self.clone(), events.clone(), cancel.clone());
        let runtime = tokio::runtime::Handle::current();
        let build = tokio::task::spawn_blocking(move || -> Result<BuiltImage, Box<BuildError>> {
            let images = Images { images: this.images, runtime, events: &events, cancel: &cancel };
            let settings =
                Settings { store: &this.store, compression: this.compression, images, time: this.time };
            let digest = assemble_all(&request, &settings, &events, &cancel)?;
            for reference in &request.references {
                this.store.name(reference, ImageOrigin::Built, digest).map_err(BuildError::from)?;
            }
            Ok(BuiltImage::in_store(digest))
        });
        match build.await {
            Ok(built) => built.map_err(|error| *error),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(BuildError::Cancelled),
            },
        }
    }
}

/// Assembles the image of `request`; for several platforms, separated by commas, one image each and an index. Returns
/// the digest of the image or index.
fn assemble_all(
    request: &BuildRequest,
    settings: &Settings<'_>,
    events: &ImageEvents,
    cancel: &CancellationToken,
) -> Result<Digest, Box<BuildError>> {
    let platforms: Vec<_> = request.platform.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
    if platforms.len() < 2 {
        return Ok(assemble(request, settings, events, cancel)?.digest());
    }
    let mut images = Vec::new();
    for platform in platforms {
        events.step(format!("assembling for {platform}"));
        let request = BuildRequest { platform: Some(platform.to_owned()), ..request.clone() };
        images.push(assemble(&request, settings, events, cancel)?);
    }
    let index = settings.store.assemble_index(&images, BTreeMap::new());
    Ok(index.map_err(BuildError::from)?)
}
