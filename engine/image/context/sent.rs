//! What files had in them when they were sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::entry::{self, Content, Entry, EntryKind};
use super::tree::lock;
use crate::image::Digest;
use crate::state::{Stamp, StatIndex, nanoseconds_of};

/// The digests of the files of a context as a build got them, be they changed meanwhile or not: what is remembered of a
/// build is what went into it. A first build, which has nothing to compare with, reads its files only once: they are
/// hashed on their way.
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
    /// Nothing sent yet; `index` learns of the files that did not change meanwhile.
    pub fn new(index: Arc<StatIndex>) -> Self {
        Self { index, digests: Mutex::default() }
    }

    /// The digest of what was sent as `path`.
    pub(super) fn get(&self, path: &str) -> Option<Digest> {
        lock(&self.digests).get(path).copied()
    }

    /// The digest of the file `entry`, when it is known without reading it.
    pub(crate) fn known(&self, entry: &Entry) -> Option<Digest> {
        self.get(&entry.path).or_else(|| self.index.get(entry.stamp.as_ref()?))
    }

    /// What was sent as `path` has this digest.
    pub(crate) fn note(&self, path: &Arc<str>, digest: Digest) {
        lock(&self.digests).insert(path.clone(), digest);
    }

    /// Opens the file `entry`, which is about to be sent.
    ///
    /// # Errors
    /// When it cannot be opened; [`Changed`] when it is gone.
    pub(crate) fn open<'a>(&'a self, entry: &'a Entry) -> io::Result<SentFile<'a>> {
        let EntryKind::File { content: Content::Disk(path), .. } = &entry.kind else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file on disk"));
        };
        let since = nanoseconds_of(SystemTime::now());
        let file = entry::open(path)?;
        let before = Stamp::of(&file.metadata()?);
        // What is known of a file in this state need not be found out again.
        let known = self.index.settled(&before);
        let hasher = known.is_none().then(Sha256::new);
        Ok(SentFile { files: self, entry, file, since, before, known, hasher, read: 0 })
    }
}

impl SentFiles {
    /// All of the file `entry`, which is about to be sent.
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

/// A file on its way: it is read from its beginning to its end, as long as it was when it was opened. Any change
/// meanwhile is an error: half of one content and half of another are never taken for a file.
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
    /// Its size in bytes, which may no longer be what it was when it was selected.
    pub(crate) fn size(&self) -> u64 {
        self.before.size
    }

    /// When it was changed last.
    pub(crate) fn modified(&self) -> SystemTime {
        self.before.modified()
    }

    /// Makes sure that it is still what was selected, for a builder that was told of it before.
    ///
    /// # Errors
    /// [`Changed`].
    pub(crate) fn into_selected(self) -> io::Result<Self> {
        self.entry.check_state(&self.before)?;
        Ok(self)
    }

    /// Reads the next bytes into `buffer`; none at the end.
    ///
    /// # Errors
    /// When it cannot be read; [`Changed`] when it got shorter.
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

    /// All of it was sent: notes, and gives, the digest of what that was.
    ///
    /// # Errors
    /// [`Changed`] when somebody wrote to it meanwhile.
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

/// Why a file cannot be sent as it is: it is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Changed {
    /// Somebody wrote to it.
    #[error("it changed meanwhile")]
    Meanwhile,
    /// It is gone.
    #[error("it was removed meanwhile")]
    Gone,
}

impl Changed {
    /// The one that `error` is about, if it is.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<Changed> for io::Error {
    fn from(changed: Changed) -> Self {
        Self::other(changed)
    }
}
