//! Registries that are queried but not changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::effect::{Effect, EffectKind, Effects, PlannedImage};
use crate::error::StageError;
use crate::host::{ImageCopy, Registry};
use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::lock::lock;
use crate::registry::{ManifestFacts, ShareDocument};

/// The digest of a planned image.
const PLANNED: &str = "planned";

/// The requested image does not exist yet.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("`{reference}` is only planned")]
#[diagnostic(code(plan::not_built))]
struct OnlyPlanned {
    reference: String,
}

/// Forwards queries, records the rest.
pub(super) struct PlanningRegistry {
    pub(super) inner: Arc<dyn Registry>,
    pub(super) effects: Arc<Effects>,
    /// The images that will have more references.
    pub(super) names: Mutex<HashMap<ImageReference, ImageReference>>,
}

#[async_trait]
impl Registry for PlanningRegistry {
    fn trust(&self, domain: &str) {
        self.inner.trust(domain);
    }

    /// Only a build needs this check.
    async fn check_push(&self, _: &Repository) -> Result<(), StageError> {
        Ok(())
    }

    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        self.inner.digest(reference).await
    }

    async fn find_digest(&self, reference: &ImageReference) -> Result<Option<String>, String> {
        self.inner.find_digest(reference).await
    }

    /// Not an effect: it changes nothing that a build uses.
    async fn share(&self, _: &ImageReference, _: &Tag) -> Result<bool, String> {
        Ok(true)
    }

    async fn share_document(
        &self,
        image: &ImageReference,
        share: Option<&str>,
    ) -> Result<Option<ShareDocument>, String> {
        self.inner.share_document(image, share).await
    }

    /// Not an effect, like [`Registry::share`].
    async fn attach_share_document(
        &self,
        _: &ImageReference,
        _: &ShareDocument,
        _: bool,
    ) -> Result<(), String> {
        Ok(())
    }

    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError> {
        let tagged = lock(&self.names).get(reference).cloned();
        let only_planned = || OnlyPlanned { reference: reference.to_string() };
        match self.effects.planned(&reference.to_string()) {
            Some(PlannedImage::Inherited(config)) => Ok(config.ok_or_else(only_planned)?),
            Some(PlannedImage::Like(latest)) => {
                self.inner.base_config(&latest.parse().map_err(|_| only_planned())?).await
            }
            None => self.inner.base_config(tagged.as_ref().unwrap_or(reference)).await,
        }
    }

    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError> {
        let to = from.repository.with_tag(tag.clone());
        let reference = to.to_string();
        lock(&self.names).insert(to, from.clone());
        let what = format!("tag {reference} in the registry");
        self.effects.push(Effect::new(None, what, EffectKind::Copy { reference }));
        // It names the image from now on, and other images are planned on it. Without a response, the build will report
        // the reason.
        Ok(self.inner.digest(from).await.ok().flatten().unwrap_or_else(|| PLANNED.to_owned()))
    }

    async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, StageError> {
        self.inner.inspect(reference).await
    }

    async fn copy(&self, copy: &ImageCopy) -> Result<String, StageError> {
        let kind = EffectKind::Copy { reference: copy.to.to_string() };
        self.effects.push(Effect::new(None, copy, kind));
        Ok(PLANNED.to_owned())
    }
}
