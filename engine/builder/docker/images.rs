//! The images a daemon holds.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::query_parameters::{ListImagesOptions, TagImageOptions};

use futures_util::future::try_join_all;

use super::{Daemon, DaemonError};
use crate::image::ImageReference;

/// How many images are inspected rather than found among all.
const FEW: usize = 4;

/// Facts about an image in a daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaemonImage {
    /// The image ID (`sha256:...`).
    pub id: String,
    /// Its ONBUILD triggers, in order.
    pub onbuild: Vec<String>,
    /// Its environment: `NAME=value`.
    pub env: Vec<String>,
    /// Its digests in registries: `acme/api@sha256:...`.
    pub repo_digests: Vec<String>,
}

impl DaemonImage {
    /// The digest of the image in the registry of `reference`, by which the daemon got it; `None` if it is unknown there.
    pub fn digest_in_registry(&self, reference: &str) -> Option<String> {
        let reference = reference.parse::<ImageReference>().ok()?;
        let known = self.repo_digests.iter().filter_map(|name| name.parse::<ImageReference>().ok());
        let of_repository = |known: &ImageReference| known.repository == reference.repository;
        let mut digests = known.filter(of_repository).filter_map(|known| known.digest);
        match reference.digest {
            Some(digest) => digests.find(|known| *known == digest),
            None => digests.next(),
        }
    }
}

impl Daemon {
    /// The image IDs of those of `references` that the daemon holds. Docker looks at all its images to find some by their
    /// names, so a few are inspected instead.
    ///
    /// # Errors
    /// [`DaemonError`] if the daemon is unreachable or rejects the request.
    pub async fn images(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, DaemonError> {
        if references.is_empty() {
            return Ok(HashMap::new());
        }
        // For several names, Docker finds the images that have any of them, Podman 4 those that have all.
        let is_docker = self.is_docker().await?;
        if is_docker && references.len() <= FEW {
            let inspected = references.iter().map(|reference| async move {
                let image = self.inspect(&reference.to_string()).await?;
                Ok::<_, DaemonError>(image.map(|image| (reference.clone(), image.id)))
            });
            return Ok(try_join_all(inspected).await?.into_iter().flatten().collect());
        }
        let at_once = if is_docker { references.len() } else { 1 };
        let mut found = HashMap::with_capacity(references.len());
        for some in references.chunks(at_once) {
            let names = some.iter().map(ToString::to_string).collect();
            let filters = HashMap::from([("reference".to_owned(), names)]);
            let options = ListImagesOptions { filters: Some(filters), ..Default::default() };
            let images = self.connect().await?.list_images(Some(options)).await;
            for image in images.map_err(|error| DaemonError::refused("list its images", &error))? {
                // Docker writes `acme/api:1`; Podman `docker.io/acme/api:1`, or `localhost/acme/api:1` if it was loaded.
                let meant = |name: &String| {
                    let loaded = name.strip_prefix("localhost/").filter(|_| !is_docker);
                    let names = [Some(name.as_str()), loaded].into_iter().flatten();
                    names.filter_map(|name| name.parse().ok()).find(|name| some.contains(name))
                };
                let names = image.repo_tags.iter().chain(&image.repo_digests);
                for name in names.filter_map(meant) {
                    found.entry(name).or_insert_with(|| image.id.clone());
                }
            }
        }
        Ok(found)
    }

    /// The image that `reference` (a reference or an image ID) resolves to; `None` if the daemon does not hold it.
    ///
    /// # Errors
    /// [`DaemonError`] if the daemon is unreachable or rejects the request.
    pub async fn inspect(&self, reference: &str) -> Result<Option<DaemonImage>, DaemonError> {
        match self.connect().await?.inspect_image(reference).await {
            Ok(image) => Ok(Some(DaemonImage {
                id: image.id.unwrap_or_default(),
                onbuild: image.config.as_ref().and_then(|config| config.on_build.clone()).unwrap_or_default(),
                env: image.config.and_then(|config| config.env).unwrap_or_default(),
                repo_digests: image.repo_digests.unwrap_or_default(),
            })),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(DaemonError::refused(format!("inspect `{reference}`"), &error)),
        }
    }

    /// Adds a reference to the image `id`.
    ///
    /// # Errors
    /// [`DaemonError`] if the daemon is unreachable or rejects the request.
    pub async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), DaemonError> {
        let options = TagImageOptions {
            repo: Some(reference.repository.to_string()),
            tag: reference.tag.as_ref().map(|tag| tag.to_string()),
        };
        let tagged = self.connect().await?.tag_image(id, Some(options)).await;
        tagged.map_err(|error| DaemonError::refused(format!("tag `{reference}`"), &error))
    }
}
