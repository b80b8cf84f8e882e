//! In-memory registries.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{CallKind, MemoryHost, PLATFORM, Scripted};
use crate::error::StageError;
use crate::host::{ImageCopy, Registry};
use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::registry::{ManifestFacts, ShareDocument};

impl MemoryHost {
    /// Refuses a push to `reference` if configured.
    pub(super) fn check_refusal(&self, reference: &ImageReference) -> Result<(), StageError> {
        let name = reference.to_string();
        let state = self.state();
        let refused = state.refused.iter().rev().find(|(prefix, _)| name.starts_with(prefix));
        refused.map_or(Ok(()), |(_, reason)| Err(Scripted::refused_push(&name, reason).into()))
    }

    fn digest_in_registry(&self, reference: &ImageReference) -> Option<String> {
        let state = self.state();
        match &reference.digest {
            Some(digest) => {
                let of_repository = |known: &&ImageReference| known.repository == reference.repository;
                let mut known = state.pushed.iter().filter(|(known, _)| of_repository(known));
                known.find(|(_, known)| *known == digest).map(|(_, known)| known.clone())
            }
            None => state.pushed.get(reference).cloned(),
        }
    }

    /// The platforms of the image with this digest.
    fn platforms_of(&self, digest: &str) -> Vec<String> {
        let platform = self.state().platforms.get(digest).cloned();
        platform.unwrap_or_else(|| PLATFORM.to_owned()).split(',').map(ToOwned::to_owned).collect()
    }

    fn existing(&self, reference: &ImageReference) -> Result<String, StageError> {
        let missing = || Scripted::missing_image(&reference.to_string());
        Ok(self.digest_in_registry(reference).ok_or_else(missing)?)
    }
}

#[async_trait]
impl Registry for MemoryHost {
    async fn check_push(&self, _: &Repository) -> Result<(), StageError> {
        Ok(())
    }

    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        Ok(self.digest_in_registry(reference))
    }

    async fn find_digest(&self, reference: &ImageReference) -> Result<Option<String>, String> {
        Ok(self.digest_in_registry(reference))
    }

    async fn share(&self, from: &ImageReference, tag: &Tag) -> Result<bool, String> {
        let reference = from.repository.with_tag(tag.clone());
        self.check_refusal(&reference).map_err(|error| error.message())?;
        let digest = self.existing(from).map_err(|error| error.message())?;
        self.did(CallKind::Share, &reference);
        self.state().push(reference, &digest);
        Ok(true)
    }

    async fn share_document(
        &self,
        _: &ImageReference,
        _: Option<&str>,
    ) -> Result<Option<ShareDocument>, String> {
        Ok(None)
    }

    async fn attach_share_document(
        &self,
        _: &ImageReference,
        _: &ShareDocument,
        _: bool,
    ) -> Result<(), String> {
        Ok(())
    }

    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError> {
        let name = reference.to_string();
        let digest = self.digest_in_registry(reference);
        let by_digest = digest.map(|digest| reference.repository.with_digest(digest).to_string());
        let state = self.state();
        if let Some(config) = by_digest.and_then(|name| state.configs.get(&name)) {
            return Ok(config.clone());
        }
        let is_there = state.pushed.contains_key(reference) || state.configs.contains_key(&name);
        if state.own.contains(&reference.repository) && !is_there {
            return Err(Scripted::missing_image(&name).into());
        }
        Ok(state.configs.get(&name).cloned().unwrap_or_default())
    }

    async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, StageError> {
        Ok(self.digest_in_registry(reference).map(|digest| ManifestFacts {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            platforms: self.platforms_of(&digest),
            digest,
            size: 1,
            labels: BTreeMap::new(),
        }))
    }

    async fn copy(&self, copy: &ImageCopy) -> Result<String, StageError> {
        self.check_refusal(&copy.to)?;
        let digest = self.existing(&copy.from)?;
        self.did(CallKind::Copy, format!("{} to {}", copy.from, copy.to));
        self.state().push(copy.to.clone(), &digest);
        Ok(digest)
    }

    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError> {
        let reference = from.repository.with_tag(tag.clone());
        self.check_refusal(&reference)?;
        let digest = self.existing(from)?;
        self.did(CallKind::Tag, &reference);
        self.state().push(reference, &digest);
        Ok(digest)
    }
}
