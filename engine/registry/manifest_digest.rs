//! Resolves a reference to a digest.

use reqwest::Method;

use crate::image::ImageReference;

use super::client::{Call, Subject};
use super::manifest::{DIGEST_HEADER, MANIFEST_TYPES, is_digest};
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};

/// The digest of `reference` if it has one, otherwise its tag, otherwise `latest`.
pub(super) fn name_of(reference: &ImageReference) -> &str {
    let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
    reference.digest.as_deref().unwrap_or(tag)
}

impl RegistryClient {
    /// The digest of the manifest or index that `reference` resolves to; `None` if the registry has none.
    ///
    /// One HEAD request, like `docker manifest inspect` without the manifest.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry cannot be queried or refuses.
    pub async fn manifest_digest(&self, reference: &ImageReference) -> Result<Option<String>, RegistryError> {
        let repository = &reference.repository;
        let subject = Subject::new(Action::LookUp, reference.to_string(), repository, "pull");
        let name = name_of(reference);
        let path = format!("{}/manifests/{name}", repository.path());
        let call = Call { accept: Some(MANIFEST_TYPES), ..Call::new(Method::HEAD, &path) };
        match self.send(&subject, &call).await {
            Ok(answer) => match answer.header(DIGEST_HEADER).filter(|digest| is_digest(digest)) {
                Some(digest) => Ok(Some(digest.to_owned())),
                // The header is optional (distribution spec, "checking if content exists in the registry").
                None => self.manifest(&subject, repository, name).await.map(|manifest| Some(manifest.digest)),
            },
            Err(RegistryError { problem: RegistryErrorKind::NotFound { .. }, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
