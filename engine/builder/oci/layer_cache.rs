//! Creates the layer of an instruction, or finds it in the cache.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};

use super::change::Changes;
use super::content::Reader;
use super::instruction_error::InstructionError;
use super::layer_tar::{LayerTar, Piece};
use super::listing::{Listed, Listing};
use super::root_fs::RootFs;
use crate::image::Digest;
use crate::oci::{BlobStore, Compression, Layer, LayerWriter, digest_of};

/// The version of the inputs of a layer's cache key: a new version invalidates every older key.
const ENCODING: &[u8] = b"windlass layer 1\0";

/// A layer, and whether it was cached.
pub(super) struct MadeLayer {
    pub(super) layer: Layer,
    pub(super) is_cached: bool,
}

/// The layer with the `changes` of `root_fs`. Its cache key covers all its inputs: the headers of its tar stream, and
/// the digests of the contents. Files with known digests are read only if the layer is not cached; `tell` is called
/// then.
pub(super) fn make_layer(
    store: &BlobStore,
    compression: Compression,
    root_fs: &RootFs,
    changes: &Changes,
    reader: &mut Reader<'_>,
    report: &dyn Fn(),
) -> Result<MadeLayer, InstructionError> {
    if let Some((key, listed)) = key(root_fs, changes, compression, reader)? {
        if let Some(layer) = store.recorded_layer(&key)? {
            return Ok(MadeLayer { layer, is_cached: true });
        }
        report();
        let layer = write(store, compression, root_fs, changes, reader)?;
        keep(store, &key, &layer, listed)?;
        return Ok(MadeLayer { layer, is_cached: false });
    }
    report();
    let layer = write(store, compression, root_fs, changes, reader)?;
    if let Some((key, listed)) = key(root_fs, changes, compression, reader)? {
        keep(store, &key, &layer, listed)?;
    }
    Ok(MadeLayer { layer, is_cached: false })
}

fn keep(store: &BlobStore, key: &Digest, layer: &Layer, listed: Vec<Listed>) -> Result<(), InstructionError> {
    store.record_layer(key, layer)?;
    let blob = digest_of(&layer.descriptor, key)?;
    Ok(store.keep_listing(&blob, &Listing::new(layer.diff_id, listed).to_bytes())?)
}

/// The cache key of a layer and its listing; `None` if a file must be read first.
fn key(
    root_fs: &RootFs,
    changes: &Changes,
    compression: Compression,
    reader: &Reader<'_>,
) -> Result<Option<(Digest, Vec<Listed>)>, InstructionError> {
    let mut hasher = Sha256::new_with_prefix(ENCODING);
    hasher.update(compression.to_string());
    let mut is_known = true;
    let mut feed = |piece: Piece<'_>| -> Result<(), InstructionError> {
        match piece {
            Piece::Bytes(bytes) => hasher.update(bytes),
            Piece::Content(content) => match reader.known(content) {
                Some(digest) => hasher.update(digest.as_bytes()),
                None => is_known = false,
            },
        }
        Ok(())
    };
    let mut tar = LayerTar::default();
    changes.visit(root_fs, |entry| tar.entry(&entry, &mut feed))?;
    let listed = tar.finish(&mut feed)?;
    Ok(is_known.then(|| (Digest::from_bytes(hasher.finalize().into()), listed)))
}

fn write(
    store: &BlobStore,
    compression: Compression,
    root_fs: &RootFs,
    changes: &Changes,
    reader: &mut Reader<'_>,
) -> Result<Layer, InstructionError> {
    let mut writer = LayerWriter::new(store, compression)?;
    let mut feed = |piece: Piece<'_>| -> Result<(), InstructionError> {
        match piece {
            Piece::Bytes(bytes) => Ok(writer.write_all(bytes)?),
            Piece::Content(content) => reader.read(content, &mut |bytes| Ok(writer.write_all(bytes)?)),
        }
    };
    let mut tar = LayerTar::default();
    changes.visit(root_fs, |entry| tar.entry(&entry, &mut feed))?;
    tar.finish(&mut feed)?;
    Ok(writer.finish()?)
}
