//! Real registries.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::StageError;
use crate::event::{Event, Events, Level};
use crate::host::{ImageCopy, Registry};
use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::registry::{ManifestFacts, RegistryClient, ShareDocument};

/// Real registries.
pub(super) struct LiveRegistry {
    pub(super) client: Arc<RegistryClient>,
    pub(super) events: Events,
}

#[async_trait]
impl Registry for LiveRegistry {
    fn trust(&self, domain: &str) {
        self.client.trust(domain);
    }

    async fn check_push(&self, repository: &Repository) -> Result<(), StageError> {
        match self.client.check_push(repository).await {
            Ok(()) => Ok(()),
            // The daemon may reach a registry that windlass cannot; its push will report errors.
            Err(error) if !error.is_refusal() => {
                let message = format!("cannot check the permission to push to {repository}: {error}");
                self.events.emit(Event::Notice { image: None, level: Level::Debug, message });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        Ok(self.client.manifest_digest(reference).await?)
    }

    async fn find_digest(&self, reference: &ImageReference) -> Result<Option<String>, String> {
        self.client.find_digest(reference).await.map_err(|error| error.problem.to_string())
    }

    async fn share(&self, from: &ImageReference, tag: &Tag) -> Result<bool, String> {
        self.client.share(from, tag).await.map_err(|error| error.problem.to_string())
    }

    async fn share_document(
        &self,
        image: &ImageReference,
        share: Option<&str>,
    ) -> Result<Option<ShareDocument>, String> {
        let found = self.client.share_document(image, share).await;
        found.map_err(|error| error.problem.to_string())
    }

    async fn attach_share_document(
        &self,
        image: &ImageReference,
        document: &ShareDocument,
        replaces: bool,
    ) -> Result<(), String> {
        let attached = self.client.attach_share_document(image, document, replaces).await;
        attached.map_err(|error| error.problem.to_string())
    }

    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError> {
        let facts = self.client.image_config(reference, None).await?;
        Ok(BaseConfig { onbuild: facts.onbuild, env: facts.env, digest: Some(facts.digest) })
    }

    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError> {
        let source = match (&from.digest, &from.tag) {
            (Some(digest), _) => digest.clone(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => "latest".to_owned(),
        };
        Ok(self.client.retag(&from.repository, &source, tag).await?)
    }

    async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, StageError> {
        Ok(self.client.inspect(reference).await?)
    }

    async fn copy(&self, copy: &ImageCopy) -> Result<String, StageError> {
        Ok(self.client.copy(&copy.from, &copy.to).await?)
    }
}
