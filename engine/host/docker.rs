//! The Docker interface of stages.

use std::collections::HashMap;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::config::DockerConfig;
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;

/// The image IDs behind references.
pub type ImageIds = HashMap<ImageReference, String>;

/// The machine that a Docker daemon runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Its kernel version.
    pub kernel: String,
}

/// The operations of stages on a Docker daemon. Nothing is contacted before the first call.
#[async_trait]
pub trait Docker: Send + Sync {
    /// Checks that a daemon responds.
    ///
    /// # Errors
    /// `docker::unreachable`, with the endpoint and a hint for starting a daemon.
    async fn reachable(&self) -> Result<(), StageError>;

    /// The machine that its containers run on.
    async fn machine(&self) -> Result<Machine, StageError>;

    /// The default platform of builds, unless `builder` is the current builder: that of the daemon or, if none
    /// responds, of this machine.
    async fn own_platform(&self, _builder: &str) -> Option<String> {
        None
    }

    /// The proxies of the Docker configuration, as build arguments. Sends no requests.
    fn proxies(&self) -> IndexMap<String, String> {
        IndexMap::new()
    }

    /// The image IDs of those of `references` that the daemon has, in one request.
    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError>;

    /// The configuration that builds inherit from an image of the daemon; `None` if the daemon does not have it.
    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError>;

    /// The method that `build` would use for `request`.
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

    /// Tags the image `id` as `reference`.
    async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), StageError>;

    /// Pushes `reference`; returns its digest in the registry, if the daemon reports it.
    async fn push(
        &self,
        reference: &ImageReference,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, StageError>;
}
