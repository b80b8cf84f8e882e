//! Images as content: layers, configurations and manifests in the image store (OCI image spec).
//!
//! [`BlobStore`] is a directory of blobs named by their digest, shared by all projects and by parallel runs.
//! [`LayerWriter`] turns a tar stream into a layer, [`StoredImage`] is an image whose documents are in the store.
//! Transfers between a store and a registry are in [`registry`](crate::registry).

mod archive;
mod archive_stream;
mod attachment;
mod blob_writer;
mod clean_up;
mod descriptor;
mod error;
mod image;
mod image_contents;
mod index;
mod index_json;
mod json;
mod layer;
mod layer_memory;
mod layout;
mod lease;
mod listing;
mod name;
mod parallel_gzip;
mod repository_memory;
mod sbom;
mod store;

pub use archive::ArchiveError;
pub use archive_stream::StreamFailure;
pub use blob_writer::BlobWriter;
pub use clean_up::{Cleaned, CleanedImage, Retention};
pub use descriptor::{describe, digest_of};
pub use error::StoreError;
pub use image::StoredImage;
pub use image_contents::{ImageContents, ManifestBlob};
pub use json::canonical_json;
pub use layer::{Compression, Layer, LayerWriter};
pub use name::{ImageName, ImageOrigin};
pub use sbom::SBOM_MEDIA_TYPE;
pub use store::{Blob, BlobStore};
