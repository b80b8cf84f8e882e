//! Resolves a reference to a digest.

use reqwest::Method;

use crate::image::ImageReference;

use super::client::{Call, Subject};
use super::manifest::{DIGEST_HEADER, MANIFEST_TYPES, is_digest};
use super::retry::Retry;
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
        let subject = Subject::new(Action::LookUp, reference.to_string(), &reference.repository, "pull");
        self.digest_with(&subject, reference, &self.retry).await
    }

    /// As [`RegistryClient::manifest_digest`], with other attempts of the HEAD request. A GET request replaces it for a
    /// registry that does not support it.
    pub(super) async fn digest_with(
        &self,
        subject: &Subject<'_>,
        reference: &ImageReference,
        retry: &Retry,
    ) -> Result<Option<String>, RegistryError> {
        let (repository, name) = (&reference.repository, name_of(reference));
        let path = format!("{}/manifests/{name}", repository.path());
        let call = Call { accept: Some(MANIFEST_TYPES), ..Call::new(Method::HEAD, &path) };
        let digest = match self.send_with(subject, &call, retry).await {
            // The header is optional (distribution spec, "checking if content exists in the registry").
            Ok(answer) => answer.header(DIGEST_HEADER).filter(|digest| is_digest(digest)).map(str::to_owned),
            Err(RegistryError { problem: RegistryErrorKind::NotFound { .. }, .. }) => return Ok(None),
            Err(RegistryError { problem: RegistryErrorKind::Unsupported { .. }, .. }) => None,
            Err(error) => return Err(error),
        };
        if digest.is_some() {
            return Ok(digest);
        }
        match self.manifest(subject, repository, name).await {
            Ok(manifest) => Ok(Some(manifest.digest)),
            Err(RegistryError { problem: RegistryErrorKind::NotFound { .. }, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
