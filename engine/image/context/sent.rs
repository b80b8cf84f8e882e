//! What files had in them when they were sent.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use super::tree::lock;
use crate::image::Digest;
use crate::state::{Stamp, StatIndex, nanoseconds_of};

/// The digests of the files of a context as they were sent. A first build has nothing to compare with, so its
/// files are read once: hashed on their way. It also makes the digest that of what the builder really got, be the
/// files changed meanwhile or not.
#[derive(Debug)]
pub struct SentFiles {
    pub(super) index: Arc<StatIndex>,
    digests: Mutex<HashMap<Arc<str>, Digest>>,
}

/// A file on its way.
pub(crate) struct Note<'a> {
    files: &'a SentFiles,
    entry: &'a Entry,
    since: i64,
    before: Stamp,
    hasher: Sha256,
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

    /// `file` is about to be sent as `entry`.
    pub(crate) fn begin<'a>(&'a self, entry: &'a Entry, file: &File) -> io::Result<Note<'a>> {
        let since = nanoseconds_of(SystemTime::now());
        let before = Stamp::of(&file.metadata()?);
        Ok(Note { files: self, entry, since, before, hasher: Sha256::new() })
    }
}

impl Note<'_> {
    /// `bytes` were sent.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// All of `file` was sent; gives the digest of it.
    pub(crate) fn finish(self, file: &File) -> io::Result<Digest> {
        let digest = Digest::from_bytes(self.hasher.finalize().into());
        lock(&self.files.digests).insert(self.entry.path.clone(), digest);
        if Stamp::of(&file.metadata()?) == self.before && self.entry.stamp == Some(self.before) {
            self.files.index.note(&self.before, self.since, digest);
        }
        Ok(digest)
    }
}
