//! The digest of a selection: everything in it that can change an image.

use std::cmp;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::entry::{Content, DiskFile, Entry, EntryKind, open};
use super::name::{bytes_of, order};
use super::selection::Hashed;
use super::{ContextError, Selection, SentFiles};
use crate::image::{Digest, Stamp, StatIndex};

/// Identifies the encoding that is hashed; it must change with the encoding.
const VERSION: &[u8] = b"windlass context 2\0";
/// The version of the compact form and of the fingerprints in it.
const STORED: u8 = 2;
/// The size of a read buffer in bytes.
const BUFFER: usize = 256 * 1024;
/// From this many bytes on, several threads hash in parallel.
const PARALLEL: u64 = 1024 * 1024;
/// The entries whose contents a thread looks up in one go.
const CHUNK: usize = 4096;
/// The bytes between two progress reports.
const TELL_EVERY: u64 = 16 * 1024 * 1024;
/// How often a file may change during a read.
const ATTEMPTS: usize = 3;

/// The digest of a selection and of its entries. Cheap to clone.
///
/// It covers paths, kinds, permission bits (including setuid, setgid and sticky), symlink targets and contents; not
/// modification times, owners or the location of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextDigest {
    digest: Digest,
    entries: Arc<[ContextEntry]>,
}

/// One entry of a selection as a build sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// The path in the context, relative, with `/`.
    pub path: Arc<str>,
    /// The first bytes of a SHA-256 over kind, permission bits and content: enough to detect a change.
    pub fingerprint: [u8; 8],
}

/// A difference between two contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path in the context.
    pub path: Arc<str>,
    /// The kind of the difference.
    pub kind: ChangeKind,
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It was removed.
    Removed,
    /// It has another kind, content, target or permission bits.
    Changed,
}

impl Selection {
    /// The digest of the selection; files whose digest is in `index` are not read. It is computed once and shared
    /// with clones. `progress` receives the bytes read so far and their total, if there are many.
    ///
    /// # Errors
    /// [`ContextError`] if a file cannot be read or keeps changing.
    pub fn digest(
        &self,
        index: &StatIndex,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<ContextDigest, ContextError> {
        if let Some(hashed) = self.hashed().get() {
            return Ok(hashed.digest.clone());
        }
        let hashed = hash_entries(self.entries(), index, &|position| self.known_content(position), progress)?;
        Ok(self.hashed().get_or_init(|| hashed).digest.clone())
    }

    /// The digest of the selection with the files as they were `sent`. A file that was not sent has the content with
    /// which the selection was hashed before.
    ///
    /// # Errors
    /// As [`Selection::digest`], if a file was not sent and cannot be hashed.
    pub fn digest_as_sent(&self, sent: &SentFiles) -> Result<ContextDigest, ContextError> {
        let known =
            |position: usize| sent.get(&self.entries()[position].path).or_else(|| self.content_of(position));
        Ok(hash_entries(self.entries(), &sent.index, &known, &|_, _| {})?.digest)
    }
}

impl ContextDigest {
    /// The digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The same files when it is unknown whether they have this content or that of `before`: equals no digest of files.
    #[must_use]
    pub fn after(&self, before: &Self) -> Self {
        let both = [&before.digest.as_bytes()[..], self.digest.as_bytes()].concat();
        Self { digest: Digest::of(both), entries: Arc::clone(&self.entries) }
    }

    /// The entries, in the order of the selection.
    pub fn entries(&self) -> &[ContextEntry] {
        &self.entries
    }

    /// The changes from `old` to this one, in the order of the selection.
    pub fn changes_since(&self, old: &Self) -> Vec<Change> {
        let (mut old, mut new) = (old.entries.iter().peekable(), self.entries.iter().peekable());
        let mut changes = Vec::new();
        loop {
            let ordering = match (old.peek(), new.peek()) {
                (None, None) => return changes,
                (Some(_), None) => cmp::Ordering::Less,
                (None, Some(_)) => cmp::Ordering::Greater,
                // Most are the same.
                (Some(old), Some(new)) if old.path == new.path => cmp::Ordering::Equal,
                (Some(old), Some(new)) => order(&old.path, &new.path),
            };
            let before = old.next_if(|_| ordering.is_le());
            let after = new.next_if(|_| ordering.is_ge());
            let (path, kind) = match (before, after) {
                (Some(before), Some(after)) if before.fingerprint == after.fingerprint => continue,
                (Some(_), Some(after)) => (&after.path, ChangeKind::Changed),
                (Some(before), None) => (&before.path, ChangeKind::Removed),
                (None, Some(after)) => (&after.path, ChangeKind::Added),
                (None, None) => return changes,
            };
            changes.push(Change { path: path.clone(), kind });
        }
    }

    /// A compact form for storage; [`ContextDigest::from_bytes`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut before = "";
        let entries = self.entries.iter().map(|entry| {
            let mut shared = before.bytes().zip(entry.path.bytes()).take_while(|(a, b)| a == b).count();
            while !entry.path.is_char_boundary(shared) {
                shared -= 1;
            }
            before = &entry.path;
            let rest = &entry.path[shared..];
            StoredEntry { shared, rest, fingerprint: entry.fingerprint }
        });
        let stored = Stored { version: STORED, digest: self.digest, entries: entries.collect() };
        postcard::to_stdvec(&stored).unwrap_or_default()
    }

    /// Reads the output of [`ContextDigest::to_bytes`]; `None` if it is damaged or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Stored<'_> =
            postcard::from_bytes(bytes).ok().filter(|stored: &Stored<'_>| stored.version == STORED)?;
        let mut entries: Vec<ContextEntry> = Vec::with_capacity(stored.entries.len());
        for StoredEntry { shared, rest, fingerprint } in stored.entries {
            let before = entries.last().map_or("", |entry| &*entry.path);
            let path = [before.get(..shared)?, rest].concat().into();
            entries.push(ContextEntry { path, fingerprint });
        }
        Some(Self { digest: stored.digest, entries: entries.into() })
    }
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    version: u8,
    digest: Digest,
    #[serde(borrow)]
    entries: Vec<StoredEntry<'a>>,
}

/// A path as the number of bytes that it shares with the previous path, and the rest.
#[derive(Serialize, Deserialize)]
struct StoredEntry<'a> {
    shared: usize,
    rest: &'a str,
    fingerprint: [u8; 8],
}

/// The digest of `entries` and of each of them. `known` returns digests of contents by position.
fn hash_entries(
    entries: &[Entry],
    index: &StatIndex,
    known: &(dyn Fn(usize) -> Option<Digest> + Sync),
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Hashed, ContextError> {
    let look_up = |chunk: usize| -> Vec<Option<Digest>> {
        let first = chunk * CHUNK;
        let entries = entries[first..].iter().take(CHUNK).enumerate();
        entries.map(|(position, entry)| known_content(entry, index, || known(first + position))).collect()
    };
    let mut encoder = Encoder::new(entries.len());
    let mut contents = Vec::with_capacity(entries.len());
    let mut encoded = 0;
    let mut add = |known: &[Option<Digest>]| {
        let chunk = &entries[encoded..encoded + known.len()];
        let is_complete =
            chunk.iter().zip(known).all(|(entry, content)| content.is_some() || !is_file(entry));
        if is_complete && contents.len() == encoded {
            encoder.add(chunk, known);
            encoded += known.len();
        }
        contents.extend_from_slice(known);
    };
    if entries.len() <= CHUNK {
        add(&look_up(0));
    } else {
        // Other threads look contents up while this one encodes those that were found.
        let chunks: Vec<OnceLock<Vec<_>>> =
            (0..entries.len().div_ceil(CHUNK)).map(|_| OnceLock::new()).collect();
        rayon::in_place_scope(|scope| {
            for (chunk, slot) in chunks.iter().enumerate() {
                scope.spawn(move |_| drop(slot.set(look_up(chunk))));
            }
            chunks.iter().for_each(|slot| add(slot.wait()));
        });
    }
    let changed = hash_unknown(entries, &mut contents, index, progress)?;
    encoder.add(&entries[encoded..], &contents[encoded..]);
    let changed = changed.map(|position| entries[position].path.clone());
    Ok(Hashed { digest: encoder.finish(), contents: contents.into(), changed })
}

/// Encodes entries, and hashes them as one stream.
struct Encoder {
    whole: Sha256,
    entries: Vec<ContextEntry>,
    buffer: Vec<u8>,
}

impl Encoder {
    fn new(count: usize) -> Self {
        let whole = Sha256::new_with_prefix(VERSION);
        Self { whole, entries: Vec::with_capacity(count), buffer: Vec::new() }
    }

    fn add(&mut self, entries: &[Entry], contents: &[Option<Digest>]) {
        for (entry, content) in entries.iter().zip(contents) {
            let path = bytes_of(&entry.path);
            self.buffer.clear();
            self.buffer.extend_from_slice(&length(&path));
            self.buffer.extend_from_slice(&path);
            let start = self.buffer.len();
            encode(entry, content.as_ref(), &mut self.buffer);
            self.whole.update(&self.buffer);
            let mut fingerprint = [0; 8];
            match (&entry.kind, content) {
                // The digest of a content represents the content.
                (EntryKind::File { .. }, Some(content)) => {
                    fingerprint.copy_from_slice(&content.as_bytes()[..8]);
                    fingerprint.iter_mut().zip(permissions(entry)).for_each(|(byte, bits)| *byte ^= bits);
                }
                _ => fingerprint.copy_from_slice(&Digest::of(&self.buffer[start..]).as_bytes()[..8]),
            }
            self.entries.push(ContextEntry { path: entry.path.clone(), fingerprint });
        }
    }

    fn finish(self) -> ContextDigest {
        let digest = Digest::from_bytes(self.whole.finalize().into());
        ContextDigest { digest, entries: self.entries.into() }
    }
}

/// Appends the hashed parts of an entry after its path.
fn encode(entry: &Entry, content: Option<&Digest>, encoded: &mut Vec<u8>) {
    match &entry.kind {
        EntryKind::Directory => {
            encoded.push(b'd');
            encoded.extend_from_slice(&permissions(entry));
        }
        EntryKind::File { .. } => {
            encoded.push(b'f');
            encoded.extend_from_slice(&permissions(entry));
        }
        EntryKind::Symlink { target } => {
            encoded.push(b'l');
            let target = bytes_of(target);
            encoded.extend_from_slice(&length(&target));
            encoded.extend_from_slice(&target);
        }
    }
    encoded.extend(content.into_iter().flat_map(Digest::as_bytes));
}

/// The permission bits of an entry as they are hashed. Those of a symlink are ignored.
fn permissions(entry: &Entry) -> [u8; 2] {
    ((entry.mode & 0o7777) as u16).to_le_bytes()
}

fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_le_bytes()
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::File { .. })
}

/// The digest of an entry's content, if it is a file with a known one.
fn known_content(entry: &Entry, index: &StatIndex, known: impl FnOnce() -> Option<Digest>) -> Option<Digest> {
    match &entry.kind {
        EntryKind::File { content: Content::Memory(content), .. } => Some(Digest::of(content)),
        EntryKind::File { content: Content::Disk(_), .. } => {
            known().or_else(|| index.get(entry.stamp.as_ref()?))
        }
        EntryKind::Directory | EntryKind::Symlink { .. } => None,
    }
}

/// Hashes the files without a known digest; returns the position of one that changed since it was selected.
fn hash_unknown(
    entries: &[Entry],
    contents: &mut [Option<Digest>],
    index: &StatIndex,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Option<usize>, ContextError> {
    let mut unknown: Vec<(usize, &DiskFile, Stamp)> = Vec::new();
    let mut bytes = 0;
    for (position, (entry, content)) in entries.iter().zip(&*contents).enumerate() {
        if let (EntryKind::File { size, content: Content::Disk(file) }, None) = (&entry.kind, content) {
            let no_identity = Stamp { device: 0, inode: 0, size: *size, modified: 0, changed: 0 };
            unknown.push((position, file, entry.stamp.unwrap_or(no_identity)));
            bytes += size;
        }
    }
    let read = AtomicU64::new(0);
    let hashed = |count: u64| {
        let before = read.fetch_add(count, Ordering::Relaxed);
        let now = before + count;
        if before / TELL_EVERY != now / TELL_EVERY {
            progress(now, bytes);
        }
    };
    let look_up = |buffer: &mut Vec<u8>, &(position, file, stamp): &(usize, &DiskFile, Stamp)| {
        let (digest, is_as_selected) = hash_known(&file.path(), &stamp, index, buffer, &hashed)?;
        Ok::<_, ContextError>((position, digest, is_as_selected))
    };
    let hashed: Vec<(usize, Digest, bool)> = if bytes < PARALLEL {
        let mut buffer = Vec::new();
        unknown.iter().map(|file| look_up(&mut buffer, file)).collect::<Result<_, _>>()?
    } else {
        unknown.par_iter().map_init(Vec::new, look_up).collect::<Result<_, _>>()?
    };
    let mut changed = None;
    for (position, digest, is_as_selected) in hashed {
        contents[position] = Some(digest);
        changed = changed.or((!is_as_selected).then_some(position));
    }
    Ok(changed)
}

/// Hashes a file, or waits for the thread that does; also returns whether the file is as it was selected. A file that
/// changed is read again.
fn hash_known(
    path: &Path,
    stamp: &Stamp,
    index: &StatIndex,
    buffer: &mut Vec<u8>,
    hashed: &dyn Fn(u64),
) -> Result<(Digest, bool), ContextError> {
    let selected = *stamp;
    let mut stamp = selected;
    for _ in 0..ATTEMPTS {
        let answer = index.digest(&stamp, || match hash(path, buffer, hashed) {
            Ok((before, after, digest)) if before == after && (before == stamp || !stamp.is_identity()) => {
                Ok(digest)
            }
            Ok((_, after, _)) => Err(HashError::Changed(after)),
            Err(error) => Err(HashError::Failed(error)),
        });
        match answer {
            Ok(digest) => return Ok((digest, stamp.is_same_state(&selected) || !selected.is_identity())),
            Err(HashError::Changed(now)) => stamp = now,
            Err(HashError::Failed(error)) => return Err(ContextError::unreadable(path, error)),
        }
    }
    Err(ContextError::Changing { path: path.to_owned() })
}

/// Why a file has no digest yet.
enum HashError {
    Changed(Stamp),
    Failed(io::Error),
}

/// The digest of a file, and its stamps before and after the read; `hashed` receives the number of bytes of each piece.
fn hash(path: &Path, buffer: &mut Vec<u8>, hashed: &dyn Fn(u64)) -> io::Result<(Stamp, Stamp, Digest)> {
    let mut file = open(path)?;
    let before = Stamp::of(&file.metadata()?);
    let wanted = usize::try_from(before.size).unwrap_or(BUFFER).saturating_add(1).min(BUFFER);
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut hasher = Sha256::new();
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                hashed(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let after = Stamp::of(&file.metadata()?);
    Ok((before, after, Digest::from_bytes(hasher.finalize().into())))
}
