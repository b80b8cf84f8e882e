//! The `index.json` of an image layout: its images and their names.

use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, MediaType};

use super::descriptor::describe;
use super::image_contents::ManifestBlob;
use super::name::tagged;
use crate::image::ImageReference;

/// The tag of an image (OCI image spec, "pre-defined annotation keys").
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The full reference of an image, as containerd and Docker read it.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// An index with `root` under each of `references`; without references, under no name. The entries of the index
/// `before` are kept, except those with one of these names, and `root` without a name.
pub(super) fn index_with(
    before: Option<ImageIndex>,
    root: &ManifestBlob,
    references: &[ImageReference],
) -> ImageIndex {
    let media_type = MediaType::from(root.media_type.as_str());
    let plain = describe(media_type, root.content.len() as u64, &root.digest);
    let mut entries: Vec<_> = references
        .iter()
        .map(|reference| {
            let mut entry = plain.clone();
            let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
            let names = [(REF_NAME, tag.to_owned()), (IMAGE_NAME, full(reference))];
            entry.set_annotations(Some(
                names.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            ));
            entry
        })
        .collect();
    if entries.is_empty() {
        entries.push(plain);
    }
    let is_replaced = |old: &Descriptor| {
        entries.iter().any(|new| match name_of(new) {
            Some(name) => name_of(old) == Some(name),
            None => name_of(old).is_none() && old.digest() == new.digest(),
        })
    };
    let before = before.map(|index| index.manifests().clone()).unwrap_or_default();
    let kept: Vec<_> = before.into_iter().filter(|old| !is_replaced(old)).collect();
    let manifests: Vec<_> = kept.into_iter().chain(entries).collect();
    let index = ImageIndexBuilder::default().schema_version(2_u32).media_type(MediaType::ImageIndex);
    index.manifests(manifests).build().expect("an index has a version and manifests")
}

/// The name of an entry: two images may have the same tag in different repositories.
fn name_of(entry: &Descriptor) -> Option<&String> {
    let annotations = entry.annotations().as_ref()?;
    annotations.get(IMAGE_NAME).or_else(|| annotations.get(REF_NAME))
}

/// The reference with its registry: `docker.io/library/alpine:3`.
fn full(reference: &ImageReference) -> String {
    let repository = &reference.repository;
    let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
    match repository.domain() {
        "" => tagged(reference),
        domain => format!("{domain}/{}:{tag}", repository.path()),
    }
}
