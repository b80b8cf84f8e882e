//! Builders, which turn a Dockerfile and a build context into an image.

mod archive;
pub mod arguments;
mod custom;
pub mod docker;
mod error;
mod failure;
pub mod kaniko;
pub mod oci;
mod on_change;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::event::ImageEvents;
use crate::image::context::SentFiles;
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, Dockerfile, ImageReference, Selection};
use crate::state::BuiltFor;

pub use custom::{CustomRequest, build_custom, custom_words};
pub use error::BuildError;
pub use on_change::{
    OnChangeError, is_on_change_file, is_own_name, on_change_files, on_change_folders, on_change_matcher,
};

/// All inputs of a builder for one image.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The image's name.
    pub image: String,
    /// The references of the image, which are set together; never empty.
    pub references: Vec<ImageReference>,
    /// The Dockerfile to build, entrypoint and command already written into it.
    pub dockerfile: Arc<Dockerfile>,
    /// The files of the build context to send.
    pub context: Arc<Selection>,
    /// Name or number of the build target; the last build stage if absent.
    pub target: Option<String>,
    /// The network mode of RUN steps.
    pub network: Option<String>,
    /// Build arguments, resolved.
    pub build_args: IndexMap<String, String>,
    /// The names of the build arguments whose values must not be readable in a pod or an image history.
    pub secret_args: BTreeSet<String>,
    /// The proxies of the Docker configuration, as build arguments: both spellings of each, without those that
    /// `build_args` sets. The docker CLI adds them by itself.
    pub proxies: IndexMap<String, String>,
    /// Labels in addition to those of the Dockerfile.
    pub labels: IndexMap<String, String>,
    /// The platform (`linux/arm64`), if it differs from that of the builder; several are separated by commas.
    pub platform: Option<String>,
    /// The layer cache for the API of a daemon.
    pub cache: arguments::LayerCache,
    /// The directory in which command-line builders run: the project directory.
    pub directory: PathBuf,
    /// Records the files that the builder sent.
    pub sent: Arc<SentFiles>,
    /// The settings that builds will inherit from the image, if they are known before its build.
    pub inherited: Option<BaseConfig>,
}

impl BuildRequest {
    /// A request to build the last build stage of `dockerfile` with the files of `context`, without references and with
    /// the builder's defaults for the rest.
    pub fn new(
        image: impl Into<String>,
        dockerfile: Dockerfile,
        context: Selection,
        directory: impl Into<PathBuf>,
    ) -> Self {
        Self {
            image: image.into(),
            references: Vec::new(),
            dockerfile: Arc::new(dockerfile),
            context: Arc::new(context),
            target: None,
            network: None,
            build_args: IndexMap::new(),
            secret_args: BTreeSet::new(),
            proxies: IndexMap::new(),
            labels: IndexMap::new(),
            platform: None,
            cache: arguments::LayerCache::default(),
            directory: directory.into(),
            sent: Arc::default(),
            inherited: None,
        }
    }

    /// All build arguments: those of the request, and the proxies.
    pub fn given_args(&self) -> IndexMap<String, String> {
        self.proxies.clone().into_iter().chain(self.build_args.clone()).collect()
    }
}

/// Properties of a build method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildMethod {
    /// Whether it runs every build stage up to the build target, rather than only those that the target needs.
    pub runs_every_target: bool,
    /// Whether it reads every file while sending it, so that the files need not be read beforehand.
    pub reads_files: bool,
}

/// The result of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuiltImage {
    /// The image ID in the daemon (`sha256:...`), if a daemon holds the image.
    pub image_id: Option<String>,
    /// Whether the builder itself pushed it, under all its references.
    pub is_pushed: bool,
    /// Its digest in the registry (`sha256:...`), if the builder pushed it and reported the digest.
    pub digest: Option<String>,
    /// The digest of its manifest, if it is in the [image store](crate::oci::BlobStore).
    pub stored: Option<Digest>,
    /// The platform, if the builder chose and reported it.
    pub built_for: Option<BuiltFor>,
    /// The base images that were read from a daemon, with their IDs in it.
    pub daemon_bases: BTreeMap<String, String>,
    /// The digests of the base images that the builder got from registries, by reference, if it reported them.
    pub base_digests: BTreeMap<String, String>,
    /// Whether the build was only recorded, so that the image does not exist.
    pub is_planned: bool,
}

impl BuiltImage {
    /// This, but the build was only recorded.
    #[must_use]
    pub fn planned(self) -> Self {
        Self { is_planned: true, ..self }
    }

    /// An image that a daemon holds under `image_id`.
    pub fn in_daemon(image_id: String) -> Self {
        Self { image_id: Some(image_id), ..Self::default() }
    }

    /// An image that the builder pushed, with its digest in the registry, if that is known.
    pub fn in_registry(digest: Option<String>) -> Self {
        Self { is_pushed: true, digest, ..Self::default() }
    }

    /// An image in the image store, with the digest of its manifest.
    pub fn in_store(digest: Digest) -> Self {
        Self { stored: Some(digest), ..Self::default() }
    }
}

/// A way to build images.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Builds an image and gives it all its references.
    ///
    /// Dropping the future, or cancelling `cancel`, stops the build and leaves nothing running.
    ///
    /// # Errors
    /// [`BuildError`] if the image could not be built.
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError>;
}
