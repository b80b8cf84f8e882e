//! A Docker daemon that is queried but not changed.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects};
use crate::builder::{BuildMethod, BuildRequest, BuiltImage};
use crate::config::{BuilderKind, DockerConfig};
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::host::{Docker, Machine};
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;

/// The ID of a planned image.
const PLANNED: &str = "planned";

/// Forwards queries, records the rest.
pub(super) struct PlanningDocker {
    pub(super) inner: Arc<dyn Docker>,
    pub(super) effects: Arc<Effects>,
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
        if self.effects.plans(reference) {
            return Ok(None);
        }
        self.inner.base_config(reference).await
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
        self.effects.push(Effect::build(BuilderKind::Docker, &request));
        Ok(BuiltImage::in_daemon(PLANNED.to_owned()).planned())
    }

    async fn tag(&self, _: &str, reference: &ImageReference) -> Result<(), StageError> {
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
