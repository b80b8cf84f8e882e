//! An image store that is queried but not changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, EffectKind, Effects, PlannedImage, texts};
use crate::builder::{BuildRequest, BuiltImage};
use crate::config::BuilderKind;
use crate::error::StageError;
use crate::event::ImageEvents;
use crate::host::{Attachment, Docker, Oci, ProjectPath};
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference};
use crate::lock::lock;
use crate::oci::Compression;

/// Forwards queries, records the rest.
pub(super) struct PlanningOci {
    pub(super) inner: Arc<dyn Oci>,
    pub(super) docker: Arc<dyn Docker>,
    pub(super) effects: Arc<Effects>,
    /// The images that will have more references.
    pub(super) names: Mutex<HashMap<String, Digest>>,
}

#[async_trait]
impl Oci for PlanningOci {
    async fn has(&self, digest: &Digest) -> Result<bool, StageError> {
        self.inner.has(digest).await
    }

    async fn names_of(
        &self,
        digest: &Digest,
        references: &[ImageReference],
    ) -> Result<Vec<ImageReference>, StageError> {
        self.inner.names_of(digest, references).await
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let tagged = lock(&self.names).get(reference).map(ToString::to_string);
        match self.effects.planned(reference) {
            Some(PlannedImage::Inherited(config)) => Ok(config),
            Some(PlannedImage::Like(latest)) => self.inner.base_config(&latest).await,
            None => self.inner.base_config(tagged.as_deref().unwrap_or(reference)).await,
        }
    }

    /// A plan shows the builder of each image.
    fn fallback_notice(&self, _: &StageError) -> Option<String> {
        None
    }

    async fn build(
        &self,
        request: BuildRequest,
        _: Compression,
        _: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        self.effects.build(BuilderKind::Oci, &request);
        Ok(BuiltImage::in_store(Digest::of("planned")).planned())
    }

    async fn annotate(
        &self,
        digest: &Digest,
        _: &BTreeMap<String, String>,
        _: &[ImageReference],
    ) -> Result<Digest, StageError> {
        Ok(*digest)
    }

    async fn attach(&self, _: &Digest, _: &Attachment) -> Result<(), StageError> {
        Ok(())
    }

    async fn save(
        &self,
        _: &Digest,
        _: &[ImageReference],
        path: &ProjectPath,
        _: bool,
        events: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<(), StageError> {
        self.effects.push(Effect::new(Some(events.image()), format!("write {path}"), EffectKind::Edit));
        Ok(())
    }

    async fn tag(&self, digest: &Digest, reference: &ImageReference) -> Result<(), StageError> {
        lock(&self.names).insert(reference.to_string(), *digest);
        let kind = EffectKind::Tag { reference: reference.to_string() };
        self.effects.push(Effect::new(None, format!("tag {reference}"), kind));
        Ok(())
    }

    async fn remove(&self, _: &[ImageReference]) -> Result<(), StageError> {
        Ok(())
    }

    async fn load(
        &self,
        _: &Digest,
        references: &[ImageReference],
        _: &CancellationToken,
    ) -> Result<bool, StageError> {
        if self.docker.reachable().await.is_err() {
            return Ok(false);
        }
        let references = texts(references);
        let what = format!("load {} into docker", references.join(", "));
        self.effects.push(Effect::new(None, what, EffectKind::Load { references }));
        Ok(true)
    }

    async fn push(
        &self,
        _: &Digest,
        reference: &ImageReference,
        events: &ImageEvents,
        _: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        let kind = EffectKind::Push { reference: reference.to_string() };
        self.effects.push(Effect::new(Some(events.image()), format!("push {reference}"), kind));
        Ok(None)
    }
}
