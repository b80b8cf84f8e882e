//! A compressed tar archive from which single files are read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::compression::decompress;
use super::content::unsendable;
use super::instruction_error::InstructionError;
use crate::image::Digest;
use crate::image::context::{Changed, Entry};
use crate::oci::BlobStore;

/// An archive, decompressed into a temporary file when the content of a file in it is first read: this allows random
/// access.
#[derive(Debug)]
pub(super) struct Pack {
    source: PackSource,
    unpacked: Mutex<Option<File>>,
}

/// The location of an archive.
#[derive(Debug)]
pub(super) enum PackSource {
    /// In an image store.
    Blob(BlobStore, Digest),
    /// A file of the build context, which other processes may change.
    Context(Entry),
    /// On disk.
    File(PathBuf),
}

impl Pack {
    pub(super) fn new(source: PackSource) -> Self {
        Self { source, unpacked: Mutex::default() }
    }

    /// The archive, uncompressed.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read>> {
        let file = match &self.source {
            PackSource::Blob(store, digest) => {
                let blob = store.get(digest).map_err(io::Error::other)?;
                let gone = || {
                    io::Error::new(io::ErrorKind::NotFound, format!("`{digest}` is not in the image store"))
                };
                blob.ok_or_else(gone)?.file
            }
            PackSource::Context(entry) => entry.open()?,
            PackSource::File(path) => File::open(path)?,
        };
        decompress(BufReader::with_capacity(256 * 1024, file))
    }

    /// Passes the archive, uncompressed, to `read`, which reads it to its end.
    ///
    /// # Errors
    /// Those of `read`; [`Changed`] if the archive was changed during the read.
    pub(super) fn read_whole<T>(&self, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
        let content = self.open().and_then(|mut archive| read(&mut archive));
        // Data read across a change belongs to neither version.
        if let PackSource::Context(entry) = &self.source {
            entry.open()?;
        }
        content
    }

    /// The instruction error for `error`, which occurred while reading it.
    pub(super) fn trouble(&self, error: io::Error) -> InstructionError {
        match &self.source {
            PackSource::Context(entry) if Changed::of(&error).is_some() => unsendable(entry, &error),
            _ => error.into(),
        }
    }

    /// Whether it is an archive with at least one entry.
    ///
    /// # Errors
    /// If it cannot be read, or if its decompression exceeds a limit, so that the result is unknown.
    pub(super) fn is_archive(&self) -> io::Result<bool> {
        let mut archive = tar::Archive::new(self.open()?);
        match archive.entries()?.next() {
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) if error.kind() == io::ErrorKind::OutOfMemory => Err(error),
            _ => Ok(false),
        }
    }

    /// Fills `buffer` with the bytes from `offset`.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *unpacked {
            Some(file) => file,
            empty => {
                let mut file = tempfile::tempfile()?;
                self.read_whole(|archive| io::copy(archive, &mut file).map(drop))?;
                empty.insert(file)
            }
        };
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}
