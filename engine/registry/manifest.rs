//! Manifests and other content with a digest.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use sha2::Digest as _;

use crate::image::{Digest, Repository};

use super::client::{Call, Subject};
use super::transport::Answer;
use super::{RegistryClient, RegistryError, RegistryErrorKind};

/// The supported media types of manifests.
pub(super) const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The header with the digest of a response.
pub(super) const DIGEST_HEADER: &str = "docker-content-digest";

/// The maximum manifest size, in bytes, that registries must accept (distribution spec, "pushing manifests").
const MANIFEST_LIMIT: usize = 4 << 20;

/// A manifest or index as stored in the registry.
pub(super) struct Manifest {
    /// Its bytes. The digest covers them, so they are forwarded unchanged.
    pub(super) content: Bytes,
    pub(super) media_type: Option<String>,
    pub(super) digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaType {
    media_type: Option<String>,
}

impl RegistryClient {
    /// Gets the manifest or index `name`, a tag or a digest; its digest is checked.
    pub(super) async fn manifest(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        name: &str,
    ) -> Result<Manifest, RegistryError> {
        let path = format!("{}/manifests/{name}", repository.path());
        let call =
            Call { accept: Some(MANIFEST_TYPES), limit: MANIFEST_LIMIT, ..Call::new(Method::GET, &path) };
        let answer = self.send(subject, &call).await?;
        let expected = if name.contains(':') { Some(name) } else { answer.header(DIGEST_HEADER) };
        let digest = match expected {
            Some(expected) => {
                verify(expected, &answer.body).map_err(|problem| subject.error(problem))?;
                expected.to_owned()
            }
            None => Digest::of(&answer.body).to_string(),
        };
        let media_type = answer.header("content-type").and_then(|kind| kind.split(';').next());
        let media_type = media_type.map(|kind| kind.trim().to_owned());
        Ok(Manifest { media_type, digest, content: answer.body })
    }

    /// Pushes `manifest` unchanged under `name`: a tag, or its digest. Returns the registry's response.
    pub(super) async fn put_manifest(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        name: &str,
        manifest: &Manifest,
    ) -> Result<Answer, RegistryError> {
        let own = serde_json::from_slice::<MediaType>(&manifest.content).ok().and_then(|own| own.media_type);
        let media_type = own.or_else(|| manifest.media_type.clone());
        let media_type = media_type.and_then(|text| HeaderValue::try_from(text).ok()).ok_or_else(|| {
            subject.error(RegistryErrorKind::Malformed {
                reason: "the manifest has an unknown media type".to_owned(),
            })
        })?;
        let path = format!("{}/manifests/{name}", repository.path());
        let body = Some((media_type, manifest.content.clone()));
        let call = Call { body, ..Call::new(Method::PUT, &path) };
        let mut tries = self.retry.tries(RegistryErrorKind::may_be_race);
        let answer = loop {
            match self.send(subject, &call).await {
                Ok(answer) => break answer,
                Err(error) => {
                    if !tries.again_after(&error).await {
                        return Err(error);
                    }
                }
            }
        };
        match answer.header(DIGEST_HEADER) {
            Some(actual) if actual != manifest.digest => {
                let (expected, actual) = (manifest.digest.clone(), actual.to_owned());
                Err(subject.error(RegistryErrorKind::DigestMismatch { expected, actual }))
            }
            _ => Ok(answer),
        }
    }

    /// Gets the blob `digest` of at most `limit` bytes; its digest is checked.
    pub(super) async fn blob(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &str,
        limit: usize,
    ) -> Result<Bytes, RegistryError> {
        let path = format!("{}/blobs/{digest}", repository.path());
        let answer = self.send(subject, &Call { limit, ..Call::new(Method::GET, &path) }).await?;
        verify(digest, &answer.body).map_err(|problem| subject.error(problem))?;
        Ok(answer.body)
    }
}

/// Whether `digest` is safe in a URL: an algorithm and hex digits.
pub(super) fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        matches!(algorithm, "sha256" | "sha512") && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn verify(expected: &str, content: &[u8]) -> Result<(), RegistryErrorKind> {
    let actual = match expected.split_once(':') {
        Some(("sha256", _)) => Digest::of(content).to_string(),
        Some(("sha512", _)) => format!("sha512:{}", hex::encode(sha2::Sha512::digest(content))),
        _ => {
            return Err(RegistryErrorKind::Malformed {
                reason: "it has a digest of an unknown algorithm".to_owned(),
            });
        }
    };
    if actual == expected {
        return Ok(());
    }
    Err(RegistryErrorKind::DigestMismatch { expected: expected.to_owned(), actual })
}
