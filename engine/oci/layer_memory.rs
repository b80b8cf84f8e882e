//! Which inputs produced which layer.

use std::path::PathBuf;

use super::{BlobStore, Layer, StoreError};
use crate::image::Digest;

impl BlobStore {
    /// The layer that is recorded for `key`, if it is still in the store. A damaged record counts as missing.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn recorded_layer(&self, key: &Digest) -> Result<Option<Layer>, StoreError> {
        let Ok(content) = crate::input_file::read(&self.layer_file(key)) else { return Ok(None) };
        let Ok(layer) = serde_json::from_slice::<Layer>(&content) else { return Ok(None) };
        let Ok(digest) = layer.descriptor.digest().as_ref().parse() else { return Ok(None) };
        Ok(self.has(&digest, layer.descriptor.size())?.then_some(layer))
    }

    /// Records that the inputs behind `key` produce `layer`.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn record_layer(&self, key: &Digest, layer: &Layer) -> Result<(), StoreError> {
        self.write(&self.layer_file(key), &super::canonical_json(layer))
    }

    fn layer_file(&self, key: &Digest) -> PathBuf {
        self.folder().join("layers").join(key.hex())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::oci::descriptor::describe;
    use oci_spec::image::MediaType;

    #[test]
    fn a_layer_is_recorded_while_it_exists() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let (key, digest) = (Digest::of("inputs"), store.put("blob").expect("kept"));
        assert_eq!(store.recorded_layer(&key), Ok(None));
        let descriptor = describe(MediaType::ImageLayerGzip, 4, &digest);
        let layer = Layer { diff_id: Digest::of("tar"), descriptor };
        store.record_layer(&key, &layer).expect("remembered");
        assert_eq!(store.recorded_layer(&key), Ok(Some(layer.clone())));
        fs::write(store.layer_file(&key), "{").expect("damage");
        assert_eq!(store.recorded_layer(&key), Ok(None));
        store.record_layer(&key, &layer).expect("remembered");
        store.remove(&digest).expect("removed");
        assert_eq!(store.recorded_layer(&key), Ok(None));
    }
}
