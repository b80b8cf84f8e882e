//! Attachments of an image: documents that describe it (OCI image spec, "guidelines for artifact
//! usage", `subject`).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use oci_spec::image::{Descriptor, ImageManifestBuilder, MediaType};

use super::descriptor::describe;
use super::{BlobStore, StoreError, canonical_json};
use crate::image::Digest;

/// The content of an empty configuration.
const EMPTY: &[u8] = b"{}";

impl BlobStore {
    /// Attaches `content`, a document of the type `media_type` (`application/vnd.cyclonedx+json`), to the image whose
    /// manifest is `subject`; replaces an attachment of the same type. Returns the digest of the attachment's manifest.
    /// A push of the image pushes its attachments as well.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the image is not in the store, [`StoreError::Folder`].
    pub fn attach(
        &self,
        subject: &Digest,
        media_type: &str,
        content: &[u8],
        annotations: BTreeMap<String, String>,
    ) -> Result<Digest, StoreError> {
        let manifest = self.read(subject)?.ok_or(StoreError::Missing { digest: *subject })?;
        let kind = kind_of(subject, &manifest)?;
        let config = describe(MediaType::EmptyJSON, EMPTY.len() as u64, &self.put(EMPTY)?);
        let layer = describe(MediaType::from(media_type), content.len() as u64, &self.put(content)?);
        let mut artifact = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .artifact_type(MediaType::from(media_type))
            .config(config)
            .layers(vec![layer])
            .subject(describe(kind, manifest.len() as u64, subject));
        if !annotations.is_empty() {
            artifact = artifact.annotations(annotations.into_iter().collect::<HashMap<_, _>>());
        }
        let artifact =
            canonical_json(&artifact.build().expect("a manifest has a version, a configuration and layers"));
        let mut entry = describe(MediaType::ImageManifest, artifact.len() as u64, &self.put(artifact)?);
        entry.set_artifact_type(Some(MediaType::from(media_type)));
        let mut all = self.attachments(subject);
        all.retain(|other| other.artifact_type() != entry.artifact_type());
        let digest = super::digest_of(&entry, subject)?;
        all.push(entry);
        self.write(&self.attachments_file(subject), &canonical_json(&all))?;
        Ok(digest)
    }

    /// The manifests of the attachments of the image whose manifest is `subject`, with their `artifactType`.
    pub fn attachments(&self, subject: &Digest) -> Vec<Descriptor> {
        let content = crate::input_file::read(&self.attachments_file(subject)).unwrap_or_default();
        serde_json::from_slice(&content).unwrap_or_default()
    }

    fn attachments_file(&self, subject: &Digest) -> PathBuf {
        self.folder().join("attachments").join(subject.hex())
    }
}

fn kind_of(digest: &Digest, manifest: &[u8]) -> Result<MediaType, StoreError> {
    let document: serde_json::Value = serde_json::from_slice(manifest)
        .map_err(|error| StoreError::Malformed { digest: *digest, reason: error.to_string() })?;
    Ok(match document["mediaType"].as_str() {
        Some(kind) => MediaType::from(kind),
        None if document["manifests"].is_array() => MediaType::ImageIndex,
        None => MediaType::ImageManifest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_document_of_a_kind_is_attached() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let subject = store.put(r#"{"manifests": []}"#).expect("kept");
        let attach = |kind: &str, content: &str| {
            store.attach(&subject, kind, content.as_bytes(), BTreeMap::new()).expect("attached")
        };
        attach("application/vnd.cyclonedx+json", "old");
        let bill = attach("application/vnd.cyclonedx+json", "new");
        let provenance = attach("application/vnd.in-toto+json", "made by us");
        let attached: Vec<_> =
            store.attachments(&subject).iter().map(|entry| entry.digest().to_string()).collect();
        assert_eq!(attached, [bill.to_string(), provenance.to_string()]);
        let manifest = store.read(&bill).expect("read").expect("there");
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
        assert_eq!(manifest["subject"]["digest"], subject.to_string());
        assert_eq!(manifest["subject"]["mediaType"], "application/vnd.oci.image.index.v1+json");
        assert_eq!(manifest["artifactType"], "application/vnd.cyclonedx+json");
        assert_eq!(manifest["layers"][0]["digest"], Digest::of("new").to_string());
        let missing = Digest::of("missing");
        let error = store.attach(&missing, "x/y", b"", BTreeMap::new());
        assert_eq!(error, Err(StoreError::Missing { digest: missing }));
    }
}
