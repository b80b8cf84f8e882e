//! The documents that explain shared builds: attached to an image, and read from there by other machines (OCI distribution
//! spec, "listing referrers").

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, ImageManifestBuilder, MediaType};
use reqwest::Method;

use super::client::{Call, Subject};
use super::manifest::{Manifest, is_digest};
use super::manifest_digest::name_of;
use super::upload::Content;
use super::{Action, RegistryClient, RegistryError, RegistryErrorKind};
use crate::image::{Digest, ImageReference, Repository};
use crate::oci::{canonical_json, describe};

/// The type of a document and of its first layer.
const DOCUMENT_TYPE: &str = "application/vnd.windlass.inputs.v1+json";
/// The type of its second layer, the list of files.
const FILES_TYPE: &str = "application/vnd.windlass.files.v1";
/// The annotation with the name of the shared build.
const SHARE: &str = "dev.windlass.share";
/// The content of an empty configuration.
const EMPTY: &[u8] = b"{}";
/// The maximum size of each layer, in bytes.
const LIMIT: usize = 1 << 20;
/// The maximum size of a list of referrers, in bytes.
const LIST: usize = 4 << 20;
/// The timeouts for reading and for attaching a document: nothing depends on it.
const READING: Duration = Duration::from_secs(20);
const WRITING: Duration = Duration::from_secs(60);

/// The inputs of a shared build, as stored with its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareDocument {
    /// The name of the build, 64 hex digits.
    pub share: String,
    /// The inputs as JSON.
    pub inputs: Bytes,
    /// The list of files; `None` if there are too many.
    pub files: Option<Bytes>,
}

impl RegistryClient {
    /// The document of the shared build `share` of `image`, which is named by its digest; for `None`, the one that was
    /// attached last. `None` without one.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry cannot be queried, refuses, or has an invalid document.
    pub async fn share_document(
        &self,
        image: &ImageReference,
        share: Option<&str>,
    ) -> Result<Option<ShareDocument>, RegistryError> {
        let subject = Subject::new(Action::LookUp, image.to_string(), &image.repository, "pull");
        let limited = tokio::time::timeout(READING, self.read_document(&subject, image, share));
        limited.await.unwrap_or_else(|_| Err(silent(&subject, READING)))
    }

    async fn read_document(
        &self,
        subject: &Subject<'_>,
        image: &ImageReference,
        share: Option<&str>,
    ) -> Result<Option<ShareDocument>, RegistryError> {
        let malformed = |reason: String| subject.error(RegistryErrorKind::Malformed { reason });
        let repository = &image.repository;
        let referrers = self.referrers(subject, repository, name_of(image)).await?;
        let mut documents = referrers.iter().filter(|entry| is_document(entry));
        let is_wanted = |entry: &&Descriptor| share.is_none_or(|share| share_of(entry) == Some(share));
        let Some(entry) = documents.rfind(is_wanted) else { return Ok(None) };
        let digest = entry.digest().as_ref();
        if !is_digest(digest) {
            return Err(malformed(format!("unknown digest `{digest}` in the list of documents")));
        }
        let manifest = self.manifest(subject, repository, digest).await?;
        let manifest: ImageManifest = serde_json::from_slice(&manifest.content)
            .map_err(|error| malformed(format!("invalid manifest of the document: {error}")))?;
        let layer = |kind: &str| manifest.layers().iter().find(|layer| layer.media_type().as_ref() == kind);
        let inputs = layer(DOCUMENT_TYPE).ok_or_else(|| malformed("the document is empty".to_owned()))?;
        let share = manifest.annotations().as_ref().and_then(|known| known.get(SHARE).cloned());
        let files = match layer(FILES_TYPE) {
            Some(files) => Some(self.layer(subject, repository, files).await?),
            None => None,
        };
        let inputs = self.layer(subject, repository, inputs).await?;
        Ok(Some(ShareDocument { share: share.unwrap_or_default(), inputs, files }))
    }

    async fn layer(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        layer: &Descriptor,
    ) -> Result<Bytes, RegistryError> {
        let malformed = |reason| subject.error(RegistryErrorKind::Malformed { reason });
        if layer.size() > LIMIT as u64 {
            return Err(malformed(format!("the document is larger than {LIMIT} bytes")));
        }
        match layer.digest().as_ref() {
            digest if is_digest(digest) => self.blob(subject, repository, digest, LIMIT).await,
            digest => Err(malformed(format!("unknown digest `{digest}` in the document"))),
        }
    }

    /// Attaches `document` to `image`, which is named by its digest, instead of that of the same build; unless
    /// `replaces`, that one stays.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry cannot be queried or refuses.
    pub async fn attach_share_document(
        &self,
        image: &ImageReference,
        document: &ShareDocument,
        replaces: bool,
    ) -> Result<(), RegistryError> {
        let subject = Subject::new(Action::Push, image.to_string(), &image.repository, "pull,push");
        let limited = tokio::time::timeout(WRITING, self.write_document(&subject, image, document, replaces));
        limited.await.unwrap_or_else(|_| Err(silent(&subject, WRITING)))
    }

    async fn write_document(
        &self,
        subject: &Subject<'_>,
        image: &ImageReference,
        document: &ShareDocument,
        replaces: bool,
    ) -> Result<(), RegistryError> {
        let repository = &image.repository;
        let malformed = |reason: String| subject.error(RegistryErrorKind::Malformed { reason });
        let too_large = document.inputs.len().max(document.files.as_ref().map_or(0, Bytes::len));
        if too_large > LIMIT {
            return Err(malformed(format!("it is larger than {LIMIT} bytes")));
        }
        let target: Digest = name_of(image).parse().map_err(|_| malformed("unknown digest".to_owned()))?;
        let is_same =
            |entry: &Descriptor| is_document(entry) && share_of(entry) == Some(document.share.as_str());
        if !replaces {
            // A list that cannot be read is replaced.
            let there = self.referrers(subject, repository, name_of(image)).await;
            if there.is_ok_and(|there| there.iter().any(is_same)) {
                return Ok(());
            }
        }
        let described = self.manifest(subject, repository, name_of(image)).await?;
        let kind = described.media_type.as_deref().map_or(MediaType::ImageManifest, MediaType::from);
        let config =
            self.upload(subject, repository, MediaType::EmptyJSON, Bytes::from_static(EMPTY)).await?;
        let inputs = MediaType::from(DOCUMENT_TYPE);
        let mut layers = vec![self.upload(subject, repository, inputs, document.inputs.clone()).await?];
        if let Some(files) = &document.files {
            layers.push(self.upload(subject, repository, MediaType::from(FILES_TYPE), files.clone()).await?);
        }
        let annotations = HashMap::from([(SHARE.to_owned(), document.share.clone())]);
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .artifact_type(MediaType::from(DOCUMENT_TYPE))
            .config(config)
            .layers(layers)
            .subject(describe(kind, described.content.len() as u64, &target))
            .annotations(annotations.clone())
            .build()
            .expect("a manifest has a version, a configuration and layers");
        let content = Bytes::from(canonical_json(&manifest));
        let digest = Digest::of(&content);
        let mut entry = describe(MediaType::ImageManifest, content.len() as u64, &digest);
        entry.set_artifact_type(Some(MediaType::from(DOCUMENT_TYPE)));
        entry.set_annotations(Some(annotations));
        let media_type = Some(MediaType::ImageManifest.to_string());
        let manifest = Manifest { content, media_type, digest: digest.to_string() };
        let answer = self.put_manifest(subject, repository, &manifest.digest, &manifest).await?;
        // A registry that lists attachments sends this header.
        match answer.header("oci-subject") {
            Some(_) => Ok(()),
            None => self.list_attachments(subject, repository, &target, vec![entry]).await,
        }
    }

    /// Stores a small blob, unless the repository has it.
    async fn upload(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        kind: MediaType,
        content: Bytes,
    ) -> Result<Descriptor, RegistryError> {
        let digest = Digest::of(&content);
        let descriptor = describe(kind, content.len() as u64, &digest);
        let name = digest.to_string();
        if self.has_blob(subject, repository, &name).await? {
            return Ok(descriptor);
        }
        let mut tries = self.retry.tries(RegistryErrorKind::may_be_lost_upload);
        // Without a mount, an upload always begins.
        while let Some(upload) = self.begin_upload(subject, repository, &name, None).await? {
            let length = Some(content.len() as u64);
            let piece = content.clone();
            let pieces = Box::pin(futures_util::stream::once(async { Ok(piece) }));
            match self.upload_whole(subject, upload, &name, Content { length, pieces }).await {
                Ok(()) => break,
                Err(error) if tries.again_after(&error).await => {}
                Err(error) => return Err(error),
            }
        }
        Ok(descriptor)
    }

    /// The referrers of the image with this digest.
    async fn referrers(
        &self,
        subject: &Subject<'_>,
        repository: &Repository,
        digest: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("artifactType", DOCUMENT_TYPE)
            .finish();
        let path = format!("{}/referrers/{digest}?{query}", repository.path());
        let call = Call { limit: LIST, ..Call::new(Method::GET, &path) };
        let answer = match self.send(subject, &call).await {
            Ok(answer) => Some(answer.body),
            Err(RegistryError {
                problem: RegistryErrorKind::NotFound { .. } | RegistryErrorKind::Unsupported { .. },
                ..
            }) => None,
            Err(error) => return Err(error),
        };
        let content = match answer {
            Some(content) => content,
            None => match self.manifest(subject, repository, &list_tag(digest)).await {
                Ok(manifest) => manifest.content,
                Err(RegistryError { problem: RegistryErrorKind::NotFound { .. }, .. }) => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            },
        };
        let index: ImageIndex = serde_json::from_slice(&content).map_err(|error| {
            let reason = format!("invalid list of documents: {error}");
            subject.error(RegistryErrorKind::Malformed { reason })
        })?;
        Ok(index.manifests().clone())
    }
}

/// The tag of the list of referrers of an image, in a registry that does not list them itself.
pub(super) fn list_tag(digest: &str) -> String {
    digest.replacen(':', "-", 1)
}

/// The name of the shared build that an entry of a list describes.
pub(super) fn share_of(entry: &Descriptor) -> Option<&str> {
    entry.annotations().as_ref()?.get(SHARE).map(String::as_str)
}

fn is_document(entry: &Descriptor) -> bool {
    entry.artifact_type().as_ref().is_some_and(|kind| kind.as_ref() == DOCUMENT_TYPE)
}

fn silent(subject: &Subject<'_>, limit: Duration) -> RegistryError {
    let reason = format!("no response within {} seconds", limit.as_secs());
    subject.error(RegistryErrorKind::Timeout { host: subject.domain.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::super::testing::{Received, Reply, Server};
    use super::*;
    use crate::registry::CredentialStore;

    const IMAGE: &str = r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}"#;

    /// A registry that lists referrers, with everything that is stored in it by digest or tag.
    async fn registry() -> (Server, Arc<Mutex<BTreeMap<String, String>>>) {
        let content: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        content.lock().expect("content").insert(Digest::of(IMAGE).to_string(), IMAGE.to_owned());
        let kept = Arc::clone(&content);
        let server = Server::start(move |received| answer(&mut kept.lock().expect("content"), received));
        (server.await, content)
    }

    fn answer(content: &mut BTreeMap<String, String>, received: &Received) -> Reply {
        let (method, path) = received.line.split_once(' ').expect("a method and a path");
        let name = path.rsplit('/').next().unwrap_or_default();
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        match method {
            _ if path == "/v2/" => Reply::status(200),
            "POST" => Reply::status(202).with_header("location", "/v2/acme/api/blobs/uploads/1"),
            "PUT" if path.contains("/blobs/") => {
                content.insert(Digest::of(&received.body).to_string(), received.body.clone());
                Reply::status(201)
            }
            "PUT" => {
                let digest = Digest::of(&received.body).to_string();
                content.insert(name.to_owned(), received.body.clone());
                Reply::status(201)
                    .with_header("docker-content-digest", digest)
                    .with_header("oci-subject", "x")
            }
            _ if path.contains("/referrers/") => Reply::body(listed(content)),
            _ => match content.get(name) {
                Some(found) => Reply::body(found.clone()).with_header("content-type", manifest),
                None => Reply::status(404),
            },
        }
    }

    /// The list of all referrers.
    fn listed(content: &BTreeMap<String, String>) -> String {
        let parsed =
            content.values().filter_map(|text| Some((text, serde_json::from_str::<Value>(text).ok()?)));
        let manifests: Vec<_> = parsed
            .filter(|(_, manifest)| manifest.get("subject").is_some())
            .map(|(text, manifest)| {
                json!({
                    "mediaType": manifest["mediaType"], "digest": Digest::of(text).to_string(), "size": text.len(),
                    "artifactType": manifest["artifactType"], "annotations": manifest["annotations"],
                })
            })
            .collect();
        json!({ "schemaVersion": 2, "manifests": manifests }).to_string()
    }

    #[tokio::test]
    async fn registry_that_lists_referrers_gets_no_list() {
        let (server, content) = registry().await;
        let client = RegistryClient::new(Arc::new(CredentialStore::at("/none"))).with_pause(Duration::ZERO);
        let image: ImageReference =
            format!("{}/acme/api@{}", server.domain(), Digest::of(IMAGE)).parse().expect("a reference");
        let document = |share: &str, inputs: &'static str, files: Option<&'static str>| ShareDocument {
            share: share.to_owned(),
            inputs: Bytes::from_static(inputs.as_bytes()),
            files: files.map(|files| Bytes::from_static(files.as_bytes())),
        };
        let (one, two) = (document("1", "one", Some("files")), document("2", "two", None));
        assert_eq!(client.share_document(&image, None).await, Ok(None));
        assert_eq!(client.attach_share_document(&image, &one, false).await, Ok(()));
        assert_eq!(client.attach_share_document(&image, &two, false).await, Ok(()));
        assert_eq!(client.share_document(&image, Some("1")).await, Ok(Some(one.clone())));
        assert_eq!(client.share_document(&image, Some("2")).await, Ok(Some(two)));
        assert_eq!(client.share_document(&image, Some("3")).await, Ok(None));
        assert!(content.lock().expect("content").keys().all(|name| !name.starts_with("sha256-")));
        // The first document of a build stays, unless it is replaced.
        let later = document("1", "later", None);
        let puts = || server.lines().iter().filter(|line| line.starts_with("PUT")).count();
        let before = puts();
        assert_eq!(client.attach_share_document(&image, &later, false).await, Ok(()));
        assert_eq!(puts(), before);
        assert_eq!(client.share_document(&image, Some("1")).await, Ok(Some(one)));
        let large = ShareDocument { inputs: vec![0; LIMIT + 1].into(), ..later };
        assert!(client.attach_share_document(&image, &large, true).await.is_err());
        assert_eq!(puts(), before);
    }
}
