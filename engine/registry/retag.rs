//! Another tag for an image that is in its registry already.

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use crate::image::{Repository, Tag};

use super::client::{Call, Subject};
use super::manifest::DIGEST_HEADER;
use super::{Action, Problem, RegistryClient, RegistryError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaType {
    media_type: Option<String>,
}

impl RegistryClient {
    /// Gives the image that `source`, a tag or a digest, stands for in `repository` the tag `tag`, and returns
    /// its digest. No layer travels: the manifest is read and written under its new name.
    ///
    /// # Errors
    /// [`RegistryError`] when there is no such image, or the registry refuses it the tag.
    pub async fn retag(
        &self,
        repository: &Repository,
        source: &str,
        tag: &Tag,
    ) -> Result<String, RegistryError> {
        let subject =
            Subject::new(Action::Tag, repository.with_tag(tag.clone()).to_string(), repository, "pull,push");
        let manifest = self.manifest(&subject, repository, source).await?;
        let own = serde_json::from_slice::<MediaType>(&manifest.content).ok().and_then(|own| own.media_type);
        let media_type = own.or(manifest.media_type).and_then(|text| HeaderValue::try_from(text).ok());
        let media_type = media_type.ok_or_else(|| {
            subject.error(Problem::Malformed { reason: "its manifest is of no known kind".to_owned() })
        })?;
        let path = format!("{}/manifests/{tag}", repository.path());
        let body = Some((media_type, manifest.content));
        let answer = self.send(&subject, &Call { body, ..Call::new(Method::PUT, &path) }).await?;
        match answer.header(DIGEST_HEADER) {
            Some(actual) if actual != manifest.digest => Err(subject
                .error(Problem::DigestMismatch { expected: manifest.digest, actual: actual.to_owned() })),
            _ => Ok(manifest.digest),
        }
    }
}
