//! The content of files as they were sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::entry::{self, Content, Entry, EntryKind};
use super::tree::lock;
use crate::image::{Digest, Stamp, StatIndex, file_clock};

/// The digests of the files of a context as a build received them, even if they change meanwhile: the record of a
/// build contains its real inputs. A first build, which has nothing to compare with, reads its files only once: they
/// are hashed while they are sent.
#[derive(Debug)]
pub struct SentFiles {
    pub(super) index: Arc<StatIndex>,
    digests: Mutex<HashMap<Arc<str>, Digest>>,
}

impl Default for SentFiles {
    fn default() -> Self {
        Self::new(Arc::new(StatIndex::in_memory()))
    }
}

impl SentFiles {
    /// No file is sent yet; the digests of files that do not change meanwhile are recorded in `index`.
    pub fn new(index: Arc<StatIndex>) -> Self {
        Self { index, digests: Mutex::default() }
    }

    /// The digest of the content that was sent as `path`.
    pub(super) fn get(&self, path: &str) -> Option<Digest> {
        lock(&self.digests).get(path).copied()
    }

    /// The digest of the file `entry`, if it is known without reading it.
    pub(crate) fn known(&self, entry: &Entry) -> Option<Digest> {
        self.get(&entry.path).or_else(|| self.index.get(entry.stamp.as_ref()?))
    }

    /// Records the digest of the content sent as `path`.
    pub(crate) fn note(&self, path: &Arc<str>, digest: Digest) {
        lock(&self.digests).insert(path.clone(), digest);
    }

    /// Opens the file `entry` to send it.
    ///
    /// # Errors
    /// If it cannot be opened; [`Changed`] if it was removed.
    pub(crate) fn open<'a>(&'a self, entry: &'a Entry) -> io::Result<SentFile<'a>> {
        let EntryKind::File { content: Content::Disk(disk), .. } = &entry.kind else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file on disk"));
        };
        let since = file_clock();
        let file = entry::open(&disk.path())?;
        let before = Stamp::of(&file.metadata()?);
        // If the digest of this state is known, the file is not hashed again.
        let known = self.index.settled(&before);
        let hasher = known.is_none().then(Sha256::new);
        Ok(SentFile { files: self, entry, file, since, before, known, hasher, read: 0 })
    }
}

impl SentFiles {
    /// Reads the whole file `entry` to send it.
    ///
    /// # Errors
    /// As [`SentFiles::open`] and [`SentFile::read`].
    pub(crate) fn read(&self, entry: &Entry) -> io::Result<Vec<u8>> {
        let mut file = self.open(entry)?;
        let mut content = vec![0; usize::try_from(file.size()).unwrap_or_default()];
        let mut filled = 0;
        loop {
            match file.read(&mut content[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        file.finish()?;
        Ok(content)
    }
}

/// A file that is being sent: it is read from start to end, with the length it had when it was opened. Any change
/// meanwhile is an error, so that parts of two contents are never combined.
pub(crate) struct SentFile<'a> {
    files: &'a SentFiles,
    entry: &'a Entry,
    file: File,
    since: i64,
    before: Stamp,
    known: Option<Digest>,
    hasher: Option<Sha256>,
    read: u64,
}

impl SentFile<'_> {
    /// Its size in bytes, which may differ from that at the selection.
    pub(crate) fn size(&self) -> u64 {
        self.before.size
    }

    /// The time of its last change.
    pub(crate) fn modified(&self) -> SystemTime {
        self.before.modified()
    }

    /// Checks that it is unchanged since it was selected, for a builder that already received its metadata.
    ///
    /// # Errors
    /// [`Changed`].
    pub(crate) fn into_selected(self) -> io::Result<Self> {
        self.entry.check_state(&self.before)?;
        Ok(self)
    }

    /// Reads the next bytes into `buffer`; returns 0 at the end.
    ///
    /// # Errors
    /// If it cannot be read; [`Changed`] if it shrank.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.before.size - self.read;
        let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let count = loop {
            match self.file.read(&mut buffer[..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if count == 0 {
            return Err(Changed::Meanwhile.into());
        }
        self.read += count as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }

    /// Ends the transfer: records and returns the digest of the sent content.
    ///
    /// # Errors
    /// [`Changed`] if it was written to meanwhile.
    pub(crate) fn finish(self) -> io::Result<Digest> {
        let after = Stamp::of(&self.file.metadata()?);
        if after != self.before || self.read != self.before.size {
            return Err(Changed::Meanwhile.into());
        }
        let digest = self.known.unwrap_or_else(|| {
            let digest = Digest::from_bytes(self.hasher.unwrap_or_default().finalize().into());
            self.files.index.note(&self.before, self.since, digest);
            digest
        });
        self.files.note(&self.entry.path, digest);
        Ok(digest)
    }
}

/// Why a file cannot be sent: it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Changed {
    /// It was written to.
    #[error("it changed meanwhile")]
    Meanwhile,
    /// It was removed.
    #[error("it was removed meanwhile")]
    Gone,
}

impl Changed {
    /// The [`Changed`] in `error`, if any.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<Changed> for io::Error {
    fn from(changed: Changed) -> Self {
        Self::other(changed)
    }
}
