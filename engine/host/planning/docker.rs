//! A Docker daemon that is queried but not changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects, PlannedImage};
use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::config::{BuilderKind, DockerConfig};
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::host::{Docker, Machine};
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;
use crate::lock::lock;

/// The ID of a planned image.
const PLANNED: &str = "planned";

/// Forwards queries, records the rest.
pub(super) struct PlanningDocker {
    pub(super) inner: Arc<dyn Docker>,
    pub(super) effects: Arc<Effects>,
    /// The IDs of the images that will have more references.
    pub(super) names: Mutex<HashMap<String, String>>,
}

#[async_trait]
impl Docker for PlanningDocker {
    async fn reachable(&self) -> Result<(), StageError> {
        self.inner.reachable().await
    }

    async fn machine(&self) -> Result<Machine, StageError> {
        self.inner.machine().await
    }

    async fn own_platform(&self, builder: &str) -> Option<String> {
        self.inner.own_platform(builder).await
    }

    fn proxies(&self) -> IndexMap<String, String> {
        self.inner.proxies()
    }

    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError> {
        self.inner.image_ids(references).await
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let tagged = lock(&self.names).get(reference).cloned();
        match self.effects.planned(reference) {
            Some(PlannedImage::Inherited(config)) => Ok(config),
            Some(PlannedImage::Like(latest)) => self.inner.base_config(&latest).await,
            None => self.inner.base_config(tagged.as_deref().unwrap_or(reference)).await,
        }
    }

    async fn method(
        &self,
        options: &DockerConfig,
        request: &BuildRequest,
    ) -> Result<BuildMethod, StageError> {
        self.inner.method(options, request).await
    }

    async fn build(
        &self,
        request: BuildRequest,
        _: &DockerConfig,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        // A pipeline may select Docker without checking that it responds.
        self.inner.reachable().await?;
        self.effects.build(BuilderKind::Docker, &request);
        Ok(BuiltImage::in_daemon(PLANNED.to_owned()).planned())
    }

    async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), StageError> {
        lock(&self.names).insert(reference.to_string(), id.to_owned());
        let kind = EffectKind::Tag { reference: reference.to_string() };
        self.effects.push(Effect::new(None, format!("tag {reference}"), kind));
        Ok(())
    }

    async fn push(
        &self,
        reference: &ImageReference,
        events: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        let kind = EffectKind::Push { reference: reference.to_string() };
        self.effects.push(Effect::new(Some(events.image()), format!("push {reference}"), kind));
        Ok(None)
    }
}
