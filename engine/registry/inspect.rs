//! Resolves a reference to facts about its manifest.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::image::ImageReference;

use super::client::Subject;
use super::document::{ManifestOrIndex, Platform};
use super::image_config::CONFIG_LIMIT;
use super::manifest::is_digest;
use super::manifest_digest::name_of;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};

/// The facts about a manifest: an image, or an index of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFacts {
    /// Its digest.
    pub digest: String,
    /// The media type of the manifest.
    pub media_type: String,
    /// The platforms of the images: `linux/amd64`.
    pub platforms: Vec<String>,
    /// The size of a pull without cached layers, in bytes; 0 for an index.
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
    /// The facts about the manifest of `reference`; `None` if the registry has no such image. Every digest is checked.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry cannot be queried, refuses, or sends an invalid response.
    pub async fn inspect(&self, reference: &ImageReference) -> Result<Option<ManifestFacts>, RegistryError> {
        let repository = &reference.repository;
        let subject = Subject::new(Action::LookUp, reference.to_string(), repository, "pull");
        let malformed = |reason: String| subject.error(RegistryErrorKind::Malformed { reason });
        let manifest = match self.manifest(&subject, repository, name_of(reference)).await {
            Err(RegistryError { problem: RegistryErrorKind::NotFound { .. }, .. }) => return Ok(None),
            manifest => manifest?,
        };
        let document: ManifestOrIndex = serde_json::from_slice(&manifest.content)
            .map_err(|error| malformed(format!("invalid manifest: {error}")))?;
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
            // An artifact other than an image has a different configuration type.
            if let Ok(Configuration { platform, config }) = serde_json::from_slice(&content) {
                facts.platforms = vec![platform.to_string()];
                facts.labels = config.and_then(|config| config.labels).unwrap_or_default();
            }
        }
        Ok(Some(facts))
    }
}
