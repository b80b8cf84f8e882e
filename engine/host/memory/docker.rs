//! An in-memory Docker daemon.

use std::collections::HashMap;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::{CallKind, MemoryHost, PLATFORM, Scripted, digest_of};
use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::config::{BuilderKind, DockerConfig};
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::host::{Docker, Machine};
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;

/// A built image and its inputs.
#[derive(Debug, Clone)]
pub struct MadeImage {
    /// Its name.
    pub image: String,
    /// Its builder.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the unit tests ask for it"))]
    pub builder: BuilderKind,
    /// Its references.
    pub references: Vec<String>,
    /// The Dockerfile of the build.
    pub dockerfile: String,
    /// The build target.
    pub target: Option<String>,
    /// The build arguments.
    pub build_args: IndexMap<String, String>,
    /// Its digest in registries.
    pub digest: String,
    /// The requested platforms.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the unit tests ask for it"))]
    pub platform: Option<String>,
    /// The digests of its base images, as far as they were built here or are in registries.
    pub bases: Vec<String>,
}

impl MadeImage {
    /// The result of `request` with `builder`.
    pub(super) fn new(request: &BuildRequest, builder: BuilderKind) -> Self {
        Self {
            builder,
            image: request.image.clone(),
            references: request.references.iter().map(ToString::to_string).collect(),
            dockerfile: request.dockerfile.text().to_owned(),
            target: request.target.clone(),
            build_args: request.build_args.clone(),
            digest: String::new(),
            platform: request.platform.clone(),
            bases: Vec::new(),
        }
    }
}

#[async_trait]
impl Docker for MemoryHost {
    async fn reachable(&self) -> Result<(), StageError> {
        if self.state().is_daemon_there { Ok(()) } else { Err(Scripted::no_daemon().into()) }
    }

    async fn machine(&self) -> Result<Machine, StageError> {
        self.reachable().await?;
        Ok(Machine { name: "here".to_owned(), kernel: "6.1".to_owned() })
    }

    async fn own_platform(&self, _: &str) -> Option<String> {
        Some(PLATFORM.to_owned())
    }

    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError> {
        self.reachable().await?;
        let state = self.state();
        let known = references.iter().filter_map(|one| Some((one.clone(), state.images.get(one)?.clone())));
        Ok(known.collect())
    }

    async fn base_config(&self, name: &str) -> Result<Option<BaseConfig>, StageError> {
        let state = self.state();
        let is_here = state.images.iter().any(|(known, id)| id == name || known.to_string() == name);
        let config = || state.configs.get(name).cloned().unwrap_or_default();
        Ok((is_here || !state.is_own(name)).then(config))
    }

    async fn method(&self, _: &DockerConfig, _: &BuildRequest) -> Result<BuildMethod, StageError> {
        Ok(BuildMethod::default())
    }

    async fn build(
        &self,
        request: BuildRequest,
        _: &DockerConfig,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        self.reachable().await?;
        self.did(CallKind::Build, &request.image);
        // Lets other tasks start, so that tests detect those that start too early.
        tokio::task::yield_now().await;
        let mut state = self.state();
        if let Some(reason) = state.broken.get(&request.image) {
            return Err(Scripted::broken_build(&request.image, reason).into());
        }
        let id = state.make(&request, BuilderKind::Docker);
        drop(state);
        self.did(CallKind::Built, &request.image);
        Ok(BuiltImage::in_daemon(id))
    }

    async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), StageError> {
        self.did(CallKind::Tag, reference);
        let mut state = self.state();
        state.pass_on(id, reference.to_string());
        state.images.insert(reference.clone(), id.to_owned());
        Ok(())
    }

    async fn push(
        &self,
        reference: &ImageReference,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        self.check_refusal(reference)?;
        self.did(CallKind::Push, reference);
        let mut state = self.state();
        let digest = digest_of(state.images.get(reference).map_or("nothing", String::as_str));
        state.push(reference.clone(), &digest);
        Ok(Some(digest))
    }
}
