//! Names: the digest that an image reference resolves to in the store.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{BlobStore, StoreError};
use crate::image::{Digest, ImageReference};

/// The origin of an image in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageOrigin {
    /// Windlass built it.
    Built,
    /// It was pulled: the digest is the last one that the registry returned.
    Pulled,
}

/// A name in the store and the digest it resolves to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageName {
    /// The reference, with its tag.
    pub reference: String,
    /// The manifest or index.
    pub digest: Digest,
    /// Its origin.
    pub origin: ImageOrigin,
}

impl BlobStore {
    /// Gives the manifest or index `digest` the name `reference`; the default tag is `latest`.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn name(
        &self,
        reference: &ImageReference,
        origin: ImageOrigin,
        digest: Digest,
    ) -> Result<(), StoreError> {
        let reference = tagged(reference);
        let name = ImageName { reference, digest, origin };
        self.write(&self.name_file(&name.reference, origin), &super::canonical_json(&name))
    }

    /// The digest of the manifest or index that `reference` resolves to; `None` if no image has this name. A reference
    /// with a digest resolves to that digest.
    pub fn named(&self, reference: &ImageReference, origin: ImageOrigin) -> Option<Digest> {
        if let Some(digest) = &reference.digest {
            return digest.parse().ok();
        }
        let content = crate::input_file::read(&self.name_file(&tagged(reference), origin)).ok()?;
        serde_json::from_slice::<ImageName>(&content).ok().map(|name| name.digest)
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<ImageName> {
        let files = fs::read_dir(self.folder().join("names")).into_iter().flatten();
        let read =
            |entry: fs::DirEntry| serde_json::from_slice(&crate::input_file::read(&entry.path()).ok()?).ok();
        let mut names: Vec<ImageName> = files.filter_map(|entry| read(entry.ok()?)).collect();
        names.sort_unstable_by(|one, other| one.reference.cmp(&other.reference));
        names
    }

    /// Removes a name; the image remains until it is unused.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn remove_name(&self, name: &ImageName) -> Result<(), StoreError> {
        match fs::remove_file(self.name_file(&name.reference, name.origin)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.refused(&error)),
            _ => Ok(()),
        }
    }

    fn name_file(&self, reference: &str, origin: ImageOrigin) -> PathBuf {
        let kind = match origin {
            ImageOrigin::Built => "built",
            ImageOrigin::Pulled => "pulled",
        };
        self.folder().join("names").join(format!("{kind}-{}", Digest::of(reference).hex()))
    }
}

/// The reference as it names an image: with a tag and without a digest.
pub(super) fn tagged(reference: &ImageReference) -> String {
    let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
    format!("{}:{tag}", reference.repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refer_to_images_until_they_are_removed() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let (one, two) = (Digest::of("one"), Digest::of("two"));
        let reference = |text: &str| text.parse::<ImageReference>().expect("reference");
        store.name(&reference("acme/api"), ImageOrigin::Built, one).expect("named");
        store.name(&reference("acme/api:latest"), ImageOrigin::Pulled, two).expect("named");
        assert_eq!(store.named(&reference("acme/api:latest"), ImageOrigin::Built), Some(one));
        assert_eq!(store.named(&reference("docker.io/acme/api"), ImageOrigin::Pulled), Some(two));
        assert_eq!(store.named(&reference("acme/api:2"), ImageOrigin::Built), None);
        assert_eq!(store.named(&reference(&format!("acme/api:2@{two}")), ImageOrigin::Built), Some(two));
        let names = store.names();
        assert_eq!(names.len(), 2);
        names.iter().for_each(|name| store.remove_name(name).expect("forgotten"));
        assert_eq!(store.names(), []);
    }
}
