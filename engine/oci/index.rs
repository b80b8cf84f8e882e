//! Images for several platforms under one name.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::{ImageIndexBuilder, MediaType};

use super::{BlobStore, Closure, StoreError, StoredImage, canonical_json};
use crate::image::Digest;

impl BlobStore {
    /// Makes an index of `images`, one for each platform, and returns its digest. Their order does not matter.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when two are for the same platform, [`StoreError::Folder`].
    pub fn assemble_index(
        &self,
        images: &[StoredImage],
        annotations: BTreeMap<String, String>,
    ) -> Result<Digest, StoreError> {
        let mut entries = BTreeMap::new();
        for image in images {
            if entries.insert(image.platform_name(), image.descriptor()).is_some() {
                let reason = format!("it is the second image for {}", image.platform_name());
                return Err(StoreError::Malformed { digest: image.digest(), reason });
            }
        }
        let mut index = ImageIndexBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageIndex)
            .manifests(entries.into_values().collect::<Vec<_>>());
        if !annotations.is_empty() {
            index = index.annotations(annotations.into_iter().collect::<HashMap<_, _>>());
        }
        self.put(canonical_json(&index.build().expect("an index has a version and manifests")))
    }

    /// Whether everything that the manifest or index `root` consists of is in the store.
    ///
    /// # Errors
    /// [`StoreError::Folder`]; [`StoreError::Malformed`] when it makes no sense.
    pub fn is_whole(&self, root: &Digest) -> Result<bool, StoreError> {
        let closure = match Closure::of(self, root) {
            Err(StoreError::Missing { .. }) => return Ok(false),
            closure => closure?,
        };
        for (digest, size) in closure.blobs {
            if !self.has(&digest, size)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(store: &BlobStore, architecture: &str) -> StoredImage {
        let config = serde_json::json!({
            "architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
        });
        StoredImage::assemble(store, config.to_string(), &[], BTreeMap::new()).expect("image")
    }

    #[test]
    fn an_index_does_not_depend_on_the_order() {
        let folder = tempfile::tempdir().expect("folder");
        let store = BlobStore::new(folder.path());
        let (amd64, arm64) = (image(&store, "amd64"), image(&store, "arm64"));
        let index = |images: &[StoredImage]| store.assemble_index(images, BTreeMap::new());
        let one = index(&[amd64.clone(), arm64.clone()]).expect("index");
        assert_eq!(index(&[arm64.clone(), amd64.clone()]), Ok(one));
        let content: serde_json::Value =
            serde_json::from_slice(&store.read(&one).expect("read").expect("there")).expect("JSON");
        assert_eq!(content["manifests"][1]["platform"]["architecture"], "arm64");
        assert_eq!(store.is_whole(&one), Ok(true));
        store.remove(&arm64.image_id()).expect("removed");
        assert_eq!(store.is_whole(&one), Ok(false));
        let error = index(&[amd64.clone(), amd64]).expect_err("refused");
        assert!(error.to_string().ends_with("it is the second image for linux/amd64"), "{error}");
    }
}
