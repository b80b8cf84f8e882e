//! What a reference stands for.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::image::ImageReference;

use super::client::Subject;
use super::document::{Document, Platform};
use super::image_config::CONFIG_LIMIT;
use super::manifest::is_digest;
use super::manifest_digest::name_of;
use super::{Action, Problem, RegistryClient, RegistryError};

/// What a reference stands for: an image, or an index of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFacts {
    /// Its digest.
    pub digest: String,
    /// The kind of manifest.
    pub media_type: String,
    /// The platforms there are images for: `linux/amd64`.
    pub platforms: Vec<String>,
    /// What a pull transfers, in bytes, when nothing of it is there yet; 0 for an index.
    pub size: u64,
    /// The labels of the image; none for an index.
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(flatten)]
    platform: Platform,
    config: Option<Settings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    labels: Option<BTreeMap<String, String>>,
}

impl RegistryClient {
    /// What `reference` stands for; `None` when the registry has no such image. Every digest is checked.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry cannot be asked, refuses to answer or answers nonsense.
    pub async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, RegistryError> {
        let repository = &reference.repository;
        let subject = Subject::new(Action::LookUp, reference.to_string(), repository, "pull");
        let malformed = |reason: String| subject.error(Problem::Malformed { reason });
        let manifest = match self.manifest(&subject, repository, name_of(reference)).await {
            Err(RegistryError { problem: Problem::NotFound { .. }, .. }) => return Ok(None),
            manifest => manifest?,
        };
        let document: Document = serde_json::from_slice(&manifest.content)
            .map_err(|error| malformed(format!("its manifest is not valid: {error}")))?;
        let children = document.manifests.unwrap_or_default();
        let mut facts = ManifestFacts {
            digest: manifest.digest,
            media_type: document.media_type.or(manifest.media_type).unwrap_or_default(),
            platforms: children
                .iter()
                .filter_map(|child| child.platform.as_ref())
                .filter(|platform| platform.is_known())
                .map(ToString::to_string)
                .collect(),
            size: document.layers.iter().chain(&document.config).map(|blob| blob.size).sum(),
            labels: BTreeMap::new(),
        };
        if let Some(config) = document.config.filter(|config| is_digest(&config.digest)) {
            let content = self.blob(&subject, repository, &config.digest, CONFIG_LIMIT).await?;
            // An artifact that is no image has a configuration of its own kind.
            if let Ok(Configuration { platform, config }) = serde_json::from_slice(&content) {
                facts.platforms = vec![platform.to_string()];
                facts.labels = config.and_then(|config| config.labels).unwrap_or_default();
            }
        }
        Ok(Some(facts))
    }
}
