//! An image of one platform whose documents are in the store.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_spec::image::{Arch, Descriptor, ImageManifest, ImageManifestBuilder, MediaType, Os, Platform};
use serde::Deserialize;

use super::descriptor::{describe, oci_type};
use super::{BlobStore, Layer, StoreError, canonical_json, digest_of};
use crate::image::Digest;

/// An image of one platform: its manifest, its configuration and the descriptors of its layers. The layers themselves
/// may be in a registry only, see [`StoredImage::missing_layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    digest: Digest,
    content: Bytes,
    manifest: ImageManifest,
    image_id: Digest,
    config: Bytes,
    platform: Platform,
    layers: Vec<Layer>,
}

/// The fields of a configuration that describe its content. Docker adds other fields, which must be preserved: the
/// configuration is passed on as bytes.
#[derive(Deserialize)]
struct Facts {
    architecture: Arch,
    os: Os,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Digest>>,
}

impl StoredImage {
    /// Creates an image from `config`, the JSON of its configuration, and `layers`, lowest first, which are those of
    /// the configuration's `rootfs`; writes its documents to `store`. Media types become those of the OCI image spec.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if the configuration is invalid or has other layers, [`StoreError::Folder`].
    pub fn assemble(
        store: &BlobStore,
        config: impl Into<Bytes>,
        layers: &[Layer],
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, StoreError> {
        let config = config.into();
        let image_id = store.put(&config)?;
        let layers = layers.iter().map(|layer| {
            let mut descriptor = layer.descriptor.clone();
            descriptor.set_media_type(oci_type(descriptor.media_type()));
            descriptor
        });
        let mut manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .config(describe(MediaType::ImageConfig, config.len() as u64, &image_id))
            .layers(layers.collect::<Vec<_>>());
        if !annotations.is_empty() {
            manifest =
                manifest.annotations(annotations.into_iter().collect::<std::collections::HashMap<_, _>>());
        }
        let manifest = manifest.build().map_err(|error| malformed(image_id, &error))?;
        let content = canonical_json(&manifest);
        let digest = store.put(&content)?;
        Self::of_documents(digest, content.into(), config)
    }

    /// The image whose manifest is `digest`; `None` if its documents are not in `store`.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if they are not an image, for example an index. [`StoreError::Folder`].
    pub fn open(store: &BlobStore, digest: &Digest) -> Result<Option<Self>, StoreError> {
        let Some(content) = store.read(digest)? else { return Ok(None) };
        let manifest = read_manifest(digest, &content)?;
        let Some(config) = store.read(&digest_of(manifest.config(), digest)?)? else { return Ok(None) };
        Self::of_documents(*digest, content.into(), config.into()).map(Some)
    }

    /// The image of a manifest and the configuration that it references.
    fn of_documents(digest: Digest, content: Bytes, config: Bytes) -> Result<Self, StoreError> {
        let manifest = read_manifest(&digest, &content)?;
        let image_id = digest_of(manifest.config(), &digest)?;
        let facts: Facts = serde_json::from_slice(&config).map_err(|error| malformed(image_id, &error))?;
        let diff_ids = facts.rootfs.diff_ids.unwrap_or_default();
        let count = manifest.layers().len();
        if diff_ids.len() != count {
            let reason = format!("its configuration has {} layers and its manifest {count}", diff_ids.len());
            return Err(StoreError::Malformed { digest, reason });
        }
        for descriptor in manifest.layers() {
            digest_of(descriptor, &digest)?;
        }
        let layers = diff_ids.into_iter().zip(manifest.layers());
        let layers =
            layers.map(|(diff_id, descriptor)| Layer { diff_id, descriptor: descriptor.clone() }).collect();
        let mut platform = Platform::default();
        platform.set_architecture(facts.architecture).set_os(facts.os).set_variant(facts.variant);
        platform.set_os_version(facts.os_version);
        Ok(Self { digest, content, manifest, image_id, config, platform, layers })
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest of its configuration: the image ID that `docker images` shows.
    pub fn image_id(&self) -> Digest {
        self.image_id
    }

    /// Its manifest, byte for byte.
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// Its manifest.
    pub fn manifest(&self) -> &ImageManifest {
        &self.manifest
    }

    /// Its configuration, byte for byte: JSON with fields that only Docker defines.
    pub fn config(&self) -> &Bytes {
        &self.config
    }

    /// Its platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Its platform as a string: `linux/arm64/v8`.
    pub fn platform_name(&self) -> String {
        let variant =
            self.platform.variant().as_ref().map_or_else(String::new, |variant| format!("/{variant}"));
        format!("{}/{}{variant}", self.platform.os(), self.platform.architecture())
    }

    /// Its layers, lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The descriptor of its manifest, with its platform: an entry of an index.
    pub fn descriptor(&self) -> Descriptor {
        let media_type = self.manifest.media_type().clone().unwrap_or(MediaType::ImageManifest);
        let mut descriptor = describe(media_type, self.content.len() as u64, &self.digest);
        descriptor.set_platform(Some(self.platform.clone()));
        descriptor
    }

    /// The layers that are not in `store`, each once.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn missing_layers(&self, store: &BlobStore) -> Result<Vec<&Layer>, StoreError> {
        let mut missing: Vec<&Layer> = Vec::new();
        for layer in &self.layers {
            let digest = digest_of(&layer.descriptor, &self.digest)?;
            let is_known = missing.iter().any(|known| known.descriptor.digest() == layer.descriptor.digest());
            if !is_known && !store.has(&digest, layer.descriptor.size())? {
                missing.push(layer);
            }
        }
        Ok(missing)
    }
}

fn read_manifest(digest: &Digest, content: &[u8]) -> Result<ImageManifest, StoreError> {
    serde_json::from_slice(content).map_err(|error| malformed(*digest, &error))
}

fn malformed(digest: Digest, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Malformed { digest, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    use crate::oci::{Compression, LayerWriter};

    fn layer(store: &BlobStore, content: &str) -> Layer {
        let mut writer = LayerWriter::new(store, Compression::Gzip).expect("layer");
        writer.write_all(content.as_bytes()).expect("written");
        writer.finish().expect("finished")
    }

    fn config(layers: &[Layer]) -> String {
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id).collect();
        serde_json::json!({
            "architecture": "arm64", "os": "linux", "variant": "v8",
            "config": {"OnBuild": ["RUN x"]}, "rootfs": {"type": "layers", "diff_ids": diff_ids},
        })
        .to_string()
    }

    #[test]
    fn an_assembled_image_is_opened_again() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let layers = [layer(&store, "one"), layer(&store, "two")];
        let annotations: BTreeMap<_, _> = (0..20).map(|n| (format!("key{n}"), n.to_string())).collect();
        let assemble =
            || StoredImage::assemble(&store, config(&layers), &layers, annotations.clone()).expect("image");
        let image = assemble();
        assert_eq!(assemble().digest(), image.digest(), "the order of annotations is fixed");
        assert_eq!(StoredImage::open(&store, &image.digest()), Ok(Some(image.clone())));
        assert_eq!(image.layers(), layers);
        assert_eq!(image.config(), &config(&layers));
        assert_eq!(image.platform_name(), "linux/arm64/v8");
        assert_eq!(image.missing_layers(&store), Ok(vec![]));
        store.remove(&digest_of(&layers[1].descriptor, &image.digest()).expect("digest")).expect("removed");
        assert_eq!(image.missing_layers(&store), Ok(vec![&layers[1]]));
        store.remove(&image.image_id()).expect("removed");
        assert_eq!(StoredImage::open(&store, &image.digest()), Ok(None));
    }

    #[test]
    fn documents_that_lie_are_refused() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let layers = [layer(&store, "one")];
        let check = |config: &str, reason: &str| {
            let error = StoredImage::assemble(&store, config.to_owned(), &layers, BTreeMap::new())
                .expect_err("refused");
            assert!(error.to_string().contains(reason), "{error}");
        };
        check(&config(&[]), "its configuration has 0 layers and its manifest 1");
        check("{}", "missing field `architecture`");
        check(&config(&layers).replace("sha256:", "sha512:"), "is not a sha256 digest");
        let index = store.put(r#"{"schemaVersion": 2, "manifests": []}"#).expect("kept");
        let error = StoredImage::open(&store, &index).expect_err("refused");
        assert!(error.to_string().contains("missing field `config`"), "{error}");
    }
}
