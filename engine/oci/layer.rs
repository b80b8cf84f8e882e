//! Layers: a filesystem change as a compressed tar.

use std::fmt;
use std::io::{self, Write};

use oci_spec::image::{Descriptor, MediaType};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::descriptor::describe;
use super::parallel_gzip::ParallelGzip;
use super::{BlobStore, BlobWriter, StoreError};
use crate::image::Digest;

/// The level of gzip: the default of the `gzip` command.
const GZIP_LEVEL: u32 = 6;

/// The level of zstd: the default of the `zstd` command.
const ZSTD_LEVEL: i32 = 3;

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Supported by all tools.
    #[default]
    Gzip,
    /// Smaller and faster; Docker reads it since 23.0, containerd since 1.5.
    Zstd,
}

/// A finished layer: the digest of its uncompressed tar, and its blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of the tar, uncompressed.
    pub diff_id: Digest,
    /// The compressed blob: media type, digest, size.
    pub descriptor: Descriptor,
}

/// Turns an uncompressed tar into a layer of a store: compressed on all cores and hashed before and after, in one
/// pass and in constant memory. Equal tars give equal blobs on any machine.
pub struct LayerWriter {
    hasher: Sha256,
    packer: Packer,
}

enum Packer {
    Gzip(ParallelGzip<BlobWriter>),
    Zstd(zstd::Encoder<'static, BlobWriter>),
}

impl Layer {
    /// The layer whose tar has `diff_id` and whose blob is `digest`, of `size` bytes.
    pub fn of_blob(diff_id: Digest, compression: Compression, digest: &Digest, size: u64) -> Self {
        Self { diff_id, descriptor: describe(compression.media_type(), size, digest) }
    }
}

impl Compression {
    fn media_type(self) -> MediaType {
        match self {
            Self::Gzip => MediaType::ImageLayerGzip,
            Self::Zstd => MediaType::ImageLayerZstd,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

impl LayerWriter {
    /// Starts a layer of `store`, which is added when it is finished. A writer that is dropped adds nothing.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn new(store: &BlobStore, compression: Compression) -> Result<Self, StoreError> {
        let blob = store.writer()?;
        let begin = || -> io::Result<Packer> {
            Ok(match compression {
                Compression::Gzip => Packer::Gzip(ParallelGzip::new(blob, GZIP_LEVEL)?),
                Compression::Zstd => {
                    let mut encoder = zstd::Encoder::new(blob, ZSTD_LEVEL)?;
                    // With at least one worker, the output does not depend on the number of workers.
                    encoder.multithread(u32::try_from(rayon::current_num_threads()).unwrap_or(1))?;
                    Packer::Zstd(encoder)
                }
            })
        };
        let packer = begin().map_err(|error| store.refused(&error))?;
        Ok(Self { hasher: Sha256::new(), packer })
    }

    /// Finishes the layer and puts it into the store.
    ///
    /// # Errors
    /// [`StoreError::Folder`], or an error of the operating system, for example if the disk is full.
    pub fn finish(self) -> io::Result<Layer> {
        let (blob, compression) = match self.packer {
            Packer::Gzip(gzip) => (gzip.finish()?, Compression::Gzip),
            Packer::Zstd(zstd) => (zstd.finish()?, Compression::Zstd),
        };
        let (digest, size) = blob.finish().map_err(io::Error::other)?;
        Ok(Layer::of_blob(self.hasher.into(), compression, &digest, size))
    }
}

impl Write for LayerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = match &mut self.packer {
            Packer::Gzip(gzip) => gzip.write(bytes)?,
            Packer::Zstd(zstd) => zstd.write(bytes)?,
        };
        self.hasher.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for LayerWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LayerWriter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(store: &BlobStore, compression: Compression, content: &[u8], threads: usize) -> Layer {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| {
            let mut writer = LayerWriter::new(store, compression).expect("layer");
            writer.write_all(content).expect("written");
            writer.finish().expect("finished")
        })
    }

    #[test]
    fn a_layer_has_both_digests() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let content = vec![7; 3 << 20];
        for compression in [Compression::Gzip, Compression::Zstd] {
            let layer = layer(&store, compression, &content, 2);
            assert_eq!(layer.diff_id, Digest::of(&content));
            let digest = layer.descriptor.digest().to_string().parse().expect("digest");
            let blob = store.read(&digest).expect("read").expect("there");
            assert_eq!(blob.len() as u64, layer.descriptor.size());
            let plain = match compression {
                Compression::Gzip => io::read_to_string(flate2::read::GzDecoder::new(&blob[..])),
                Compression::Zstd => {
                    zstd::decode_all(&blob[..]).map(|plain| String::from_utf8_lossy(&plain).into())
                }
            };
            assert!(plain.expect("unpacked").into_bytes() == content, "{compression}");
        }
    }

    #[test]
    fn the_number_of_cores_does_not_count() {
        let folder = tempfile::tempdir().expect("directory");
        let store = BlobStore::new(folder.path());
        let mut random = fastrand::Rng::with_seed(2);
        let content: Vec<u8> = (0..24 << 20).map(|_| random.u8(..) & 0x0f).collect();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let (one, four) =
                (layer(&store, compression, &content, 1), layer(&store, compression, &content, 4));
            assert_eq!(one, four, "{compression}");
        }
    }
}
