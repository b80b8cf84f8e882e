//! Everything that an image or an index consists of.

use std::collections::HashSet;

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde::Deserialize;

use super::{BlobStore, StoreError, digest_of};
use crate::image::Digest;

/// How deep indexes may be nested.
const DEEPEST: usize = 4;

/// The maximum size of a manifest or an index in bytes: registries reject larger ones.
const LARGEST: u64 = 4 << 20;

/// A manifest or an index of the store with all that it references, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageContents {
    /// Manifests and indexes, each after those that it references: the last one is the root.
    pub documents: Vec<ManifestBlob>,
    /// Configurations and layers, except for layers that only their owner distributes.
    pub blobs: Vec<(Digest, u64)>,
}

/// A manifest or an index, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub content: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Links {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl ImageContents {
    /// The closure of the manifest or index `root` of `store`. The blobs themselves may be missing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a manifest is missing, [`StoreError::Malformed`] if one is invalid.
    pub fn of(store: &BlobStore, root: &Digest) -> Result<Self, StoreError> {
        let mut closure = Self { documents: Vec::new(), blobs: Vec::new() };
        closure.add(store, root, &mut HashSet::new(), DEEPEST)?;
        Ok(closure)
    }

    /// The digests of everything, blobs first.
    pub fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        let blobs = self.blobs.iter().map(|(digest, _)| *digest);
        blobs.chain(self.documents.iter().map(|document| document.digest))
    }

    fn add(
        &mut self,
        store: &BlobStore,
        digest: &Digest,
        seen: &mut HashSet<Digest>,
        depth: usize,
    ) -> Result<(), StoreError> {
        if !seen.insert(*digest) {
            return Ok(());
        }
        let malformed = |reason: String| StoreError::Malformed { digest: *digest, reason };
        let content = store.read(digest)?.ok_or(StoreError::Missing { digest: *digest })?;
        let links: Links = serde_json::from_slice(&content).map_err(|error| malformed(error.to_string()))?;
        for child in links.manifests.iter().flatten() {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| malformed("its indexes are nested too deeply".to_owned()))?;
            self.add(store, &digest_of(child, digest)?, seen, depth)?;
        }
        for blob in links.config.iter().chain(links.layers.iter().flatten()) {
            let is_elsewhere = blob.urls().as_ref().is_some_and(|urls| !urls.is_empty());
            let name = digest_of(blob, digest)?;
            if !is_elsewhere && seen.insert(name) {
                self.blobs.push((name, blob.size()));
            }
        }
        let guess = match links.manifests {
            Some(_) => "application/vnd.oci.image.index.v1+json",
            None => "application/vnd.oci.image.manifest.v1+json",
        };
        let media_type = links.media_type.unwrap_or_else(|| guess.to_owned());
        self.documents.push(ManifestBlob { digest: *digest, media_type, content: content.into() });
        Ok(())
    }
}

impl BlobStore {
    /// The blobs that the blob `digest` references if it is a manifest or an index; empty if it is something else or
    /// missing.
    pub(super) fn named_by(&self, digest: &Digest) -> Vec<Digest> {
        let is_small = self.path(digest).metadata().is_ok_and(|facts| facts.len() <= LARGEST);
        let content = if is_small { self.read(digest).ok().flatten() } else { None };
        let Some(links) = content.and_then(|content| serde_json::from_slice::<Links>(&content).ok()) else {
            return Vec::new();
        };
        let named = links.manifests.iter().chain(&links.layers).flatten().chain(&links.config);
        named.filter_map(|entry| digest_of(entry, digest).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_before_their_users() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let blob = |text: &str| {
            let digest = store.put(text).expect("kept");
            serde_json::json!({"mediaType": "application/octet-stream", "digest": digest, "size": text.len()})
        };
        let (config, layer) = (blob("config"), blob("layer"));
        let manifest = serde_json::json!({"config": config, "layers": [layer, layer]}).to_string();
        let named = blob(&manifest);
        let index = serde_json::json!({"manifests": [named, named]}).to_string();
        let root = store.put(&index).expect("kept");
        let closure = ImageContents::of(&store, &root).expect("closure");
        let kinds: Vec<_> = closure.documents.iter().map(|document| document.media_type.as_str()).collect();
        assert_eq!(
            kinds,
            ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"]
        );
        assert_eq!(closure.blobs, [(Digest::of("config"), 6), (Digest::of("layer"), 5)]);
        store.remove(&Digest::of(&manifest)).expect("removed");
        assert_eq!(
            ImageContents::of(&store, &root),
            Err(StoreError::Missing { digest: Digest::of(&manifest) })
        );
    }

    #[test]
    fn endless_indexes_are_refused() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let mut root = store.put(r#"{"manifests": []}"#).expect("kept");
        for _ in 0..9 {
            let index = serde_json::json!({"manifests": [{"mediaType": "x", "digest": root, "size": 1}]});
            root = store.put(index.to_string()).expect("kept");
        }
        let error = ImageContents::of(&store, &root).expect_err("refused");
        assert!(error.to_string().ends_with("its indexes are nested too deeply"), "{error}");
    }
}
