//! Images for several platforms in one index.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::{ImageIndex, ImageIndexBuilder, MediaType};

use super::{BlobStore, ImageContents, SBOM_MEDIA_TYPE, StoreError, StoredImage, canonical_json, digest_of};
use crate::image::Digest;

impl BlobStore {
    /// Creates an index of `images`, one for each platform, and returns its digest. Their order does not matter.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if two are for the same platform, [`StoreError::Folder`].
    pub fn assemble_index(
        &self,
        images: &[StoredImage],
        annotations: BTreeMap<String, String>,
    ) -> Result<Digest, StoreError> {
        let mut entries = BTreeMap::new();
        for image in images {
            if entries.insert(image.platform_name(), image.descriptor()).is_some() {
                let reason = format!("it is a second image for {}", image.platform_name());
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

    /// The image for `platform` (`linux/arm64`) in `root`, a manifest or an index: a manifest matches every platform.
    /// `None` if its documents are missing, or if no image is for the platform.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if a document is invalid, [`StoreError::Folder`].
    pub fn image_for(&self, root: &Digest, platform: &str) -> Result<Option<StoredImage>, StoreError> {
        let Some(content) = self.read(root)? else { return Ok(None) };
        let Ok(index) = serde_json::from_slice::<ImageIndex>(&content) else {
            return StoredImage::open(self, root);
        };
        for entry in index.manifests() {
            if let Some(image) = StoredImage::open(self, &digest_of(entry, root)?)?
                && image.platform_name() == platform
            {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// The manifest or index `root` with `annotations` in addition to its own. Its attachments are not copied: they
    /// remain attached to the document without the annotations.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is missing, [`StoreError::Malformed`] if it is invalid,
    /// [`StoreError::Folder`].
    pub fn annotate(
        &self,
        root: &Digest,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Digest, StoreError> {
        let content = self.read(root)?.ok_or(StoreError::Missing { digest: *root })?;
        let malformed = |reason: String| StoreError::Malformed { digest: *root, reason };
        let mut document: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&content).map_err(|error| malformed(error.to_string()))?;
        let known = document.entry("annotations").or_insert_with(|| serde_json::Map::new().into());
        let known =
            known.as_object_mut().ok_or_else(|| malformed("its annotations are not an object".to_owned()))?;
        known.extend(annotations.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
        self.put(canonical_json(&document))
    }

    /// Attaches its SBOM to every image of `root`, a manifest or an index, which is called `name`.
    ///
    /// # Errors
    /// As [`StoredImage::bill_of_materials`].
    pub fn attach_bills(&self, root: &Digest, name: &str) -> Result<(), StoreError> {
        for document in ImageContents::of(self, root)?.documents {
            if serde_json::from_slice::<ImageIndex>(&document.content).is_ok() {
                continue;
            }
            let Some(image) = StoredImage::open(self, &document.digest)? else { continue };
            let bill = image.bill_of_materials(self, name)?;
            self.attach(&document.digest, SBOM_MEDIA_TYPE, &bill, BTreeMap::new())?;
        }
        Ok(())
    }

    /// Whether everything that the manifest or index `root` consists of is in the store, or in a registry that is
    /// recorded as having it.
    ///
    /// # Errors
    /// As [`BlobStore::is_whole`].
    pub fn is_available(&self, root: &Digest) -> Result<bool, StoreError> {
        let closure = match ImageContents::of(self, root) {
            Err(StoreError::Missing { .. }) => return Ok(false),
            closure => closure?,
        };
        for (digest, size) in closure.blobs {
            if !self.has(&digest, size)? && self.repositories_of(&digest).is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether everything that the manifest or index `root` consists of is in the store.
    ///
    /// # Errors
    /// [`StoreError::Folder`]; [`StoreError::Malformed`] if it is invalid.
    pub fn is_whole(&self, root: &Digest) -> Result<bool, StoreError> {
        let closure = match ImageContents::of(self, root) {
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
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let (amd64, arm64) = (image(&store, "amd64"), image(&store, "arm64"));
        let index = |images: &[StoredImage]| store.assemble_index(images, BTreeMap::new());
        let one = index(&[amd64.clone(), arm64.clone()]).expect("index");
        assert_eq!(index(&[arm64.clone(), amd64.clone()]), Ok(one));
        let content: serde_json::Value =
            serde_json::from_slice(&store.read(&one).expect("read").expect("there")).expect("JSON");
        assert_eq!(content["manifests"][1]["platform"]["architecture"], "arm64");
        assert_eq!(store.is_whole(&one), Ok(true));
        assert_eq!(store.image_for(&one, "linux/arm64"), Ok(Some(arm64.clone())));
        assert_eq!(store.image_for(&one, "linux/s390x"), Ok(None));
        assert_eq!(store.image_for(&arm64.digest(), "linux/s390x"), Ok(Some(arm64.clone())));
        let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        for root in [one, arm64.digest()] {
            let annotated = store.annotate(&root, &annotations).expect("annotated");
            assert_ne!(annotated, root);
            assert_eq!(store.annotate(&annotated, &annotations), Ok(annotated));
            assert_eq!(store.is_whole(&annotated), Ok(true));
        }
        store.attach_bills(&one, "acme/app").expect("attached");
        assert_eq!(store.attachments(&arm64.digest()).len(), 1);
        store.remove(&arm64.image_id()).expect("removed");
        assert_eq!(store.is_whole(&one), Ok(false));
        let error = index(&[amd64.clone(), amd64]).expect_err("refused");
        assert!(error.to_string().ends_with("it is a second image for linux/amd64"), "{error}");
    }
}
