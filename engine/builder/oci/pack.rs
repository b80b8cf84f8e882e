//! A compressed tar archive of which single files are read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::compression::decompress;
use super::content::unsendable;
use super::trouble::Trouble;
use crate::image::Digest;
use crate::image::context::{Changed, Entry};
use crate::oci::BlobStore;

/// An archive, unpacked into a temporary file when somebody wants the content of a file in it: only then can it be read
/// from the middle.
#[derive(Debug)]
pub(super) struct Pack {
    source: PackSource,
    unpacked: Mutex<Option<File>>,
}

/// Where an archive is.
#[derive(Debug)]
pub(super) enum PackSource {
    /// In a store of images.
    Blob(BlobStore, Digest),
    /// A file of the build context, where others may write to it.
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
                let gone =
                    || io::Error::new(io::ErrorKind::NotFound, format!("`{digest}` is not in the store"));
                blob.ok_or_else(gone)?.file
            }
            PackSource::Context(entry) => entry.open()?,
            PackSource::File(path) => File::open(path)?,
        };
        decompress(BufReader::with_capacity(256 * 1024, file))
    }

    /// Hands the archive, uncompressed, to `read`, which reads it to its end.
    ///
    /// # Errors
    /// Those of `read`; [`Changed`](crate::image::context::Changed) when somebody wrote to the archive meanwhile.
    pub(super) fn read_whole<T>(&self, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
        let content = self.open().and_then(|mut archive| read(&mut archive));
        // What was read of two contents is neither.
        if let PackSource::Context(entry) = &self.source {
            entry.open()?;
        }
        content
    }

    /// What `error`, met while reading it, stops an instruction with.
    pub(super) fn trouble(&self, error: io::Error) -> Trouble {
        match &self.source {
            PackSource::Context(entry) if Changed::of(&error).is_some() => unsendable(entry, &error),
            _ => error.into(),
        }
    }

    /// Whether it is an archive at all: it begins with something in it.
    ///
    /// # Errors
    /// When it cannot be read; and when it asks for what is not given here, so that nobody knows.
    pub(super) fn is_archive(&self) -> io::Result<bool> {
        let mut archive = tar::Archive::new(self.open()?);
        match archive.entries()?.next() {
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) if error.kind() == io::ErrorKind::OutOfMemory => Err(error),
            _ => Ok(false),
        }
    }

    /// Reads `buffer` full from `offset` on.
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
