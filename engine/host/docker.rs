//! The Docker daemon, as stages see it.

use std::collections::HashMap;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::config::DockerConfig;
use crate::event::ImageEvents;
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;
use crate::script::StageError;

/// The machine a Docker daemon runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Its kernel's version.
    pub kernel: String,
}

/// What stages ask of a Docker daemon. Nothing is contacted before the first call.
#[async_trait]
pub trait Docker: Send + Sync {
    /// Whether a daemon answers.
    ///
    /// # Errors
    /// `docker::unreachable`, naming the endpoint and how to get a daemon.
    async fn reachable(&self) -> Result<(), StageError>;

    /// The machine its containers run on.
    async fn machine(&self) -> Result<Machine, StageError>;

    /// The platform that images are built for where nobody asks for one, unless `builder` is what builds them: that of the
    /// daemon or, where none answers, of windlass itself.
    async fn own_platform(&self, _builder: &str) -> Option<String> {
        None
    }

    /// The proxies of the Docker configuration, as build arguments. Nobody is contacted.
    fn proxies(&self) -> IndexMap<String, String> {
        IndexMap::new()
    }

    /// The image IDs of those of `references` that the daemon has, in one request.
    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError>;

    /// What an image the daemon has passes on to those built from it; `None` when it has not.
    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError>;

    /// How `build` would build `request`.
    async fn method(&self, options: &DockerConfig, request: &BuildRequest)
    -> Result<BuildMethod, StageError>;

    /// Builds an image.
    ///
    /// # Errors
    /// [`BuildError`](crate::builder::BuildError).
    async fn build(
        &self,
        request: BuildRequest,
        options: &DockerConfig,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError>;

    /// Gives the image `id` the name `reference`.
    async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), StageError>;

    /// Pushes `reference`; returns the digest it has in its registry, when the daemon tells.
    async fn push(
        &self,
        reference: &ImageReference,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, StageError>;
}
