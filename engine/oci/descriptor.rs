//! Descriptors: the references to content in a manifest.

use oci_spec::image::{Descriptor, MediaType};

use super::StoreError;
use crate::image::Digest;

/// The media types of Docker's schema 2 and their equivalents in the OCI image spec.
const EQUALS: [(&str, MediaType); 4] = [
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", MediaType::ImageLayerGzip),
    ("application/vnd.docker.image.rootfs.diff.tar", MediaType::ImageLayer),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MediaType::ImageLayerNonDistributableGzip),
    ("application/vnd.docker.container.image.v1+json", MediaType::ImageConfig),
];

/// The digest in `descriptor`, which is part of the document `within`.
///
/// # Errors
/// [`StoreError::Malformed`] if it is not a SHA-256 digest, the only kind that windlass supports.
pub fn digest_of(descriptor: &Descriptor, within: &Digest) -> Result<Digest, StoreError> {
    let digest = descriptor.digest().as_ref();
    digest.parse().map_err(|_| StoreError::Malformed {
        digest: *within,
        reason: format!("it contains the digest `{digest}`, but only sha256 is supported"),
    })
}

/// A descriptor of content with `digest` and `size`.
pub fn describe(media_type: MediaType, size: u64, digest: &Digest) -> Descriptor {
    let digest = digest.to_string().parse::<oci_spec::image::Digest>();
    Descriptor::new(media_type, size, digest.expect("a SHA-256 digest is well-formed"))
}

/// The equivalent media type of the OCI image spec, or `media_type` itself without one.
pub(super) fn oci_type(media_type: &MediaType) -> MediaType {
    let equal = EQUALS.iter().find(|(docker, _)| *docker == media_type.as_ref());
    equal.map_or_else(|| media_type.clone(), |(_, equal)| equal.clone())
}
