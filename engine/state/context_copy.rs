//! The content of a daemon's copy of a build context.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::images::write_atomically;
use crate::image::Digest;

/// The version of the file format.
const VERSION: u8 = 1;

/// The copy of a build context that BuildKit keeps for the next build, with the files that windlass sent.
///
/// BuildKit considers a file unchanged if its size and modification time equal those in the copy, whatever the content.
/// Windlass therefore records the files that it sent: the daemon needs a file again unless every version with this size
/// and time had the current content.
///
/// This requires that no other process fills a copy of the same name. The name is therefore random, and a process that
/// uses the record removes the file meanwhile. A process that is killed leaves no record: the next one sends
/// everything, under a new name.
#[derive(Debug)]
pub struct ContextCopy {
    name: String,
    files: HashMap<FileVersion, Option<Digest>>,
}

/// A file as BuildKit identifies it: by path, size and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileVersion([u8; 16]);

/// The known state of a file before it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Before(Option<Option<Digest>>);

impl FileVersion {
    /// The file at `path` with `size` bytes, changed at `modified`, in nanoseconds since 1970.
    pub fn new(path: &str, size: u64, modified: i64) -> Self {
        let mut hash = Sha256::new();
        hash.update(size.to_le_bytes());
        hash.update(modified.to_le_bytes());
        hash.update(path);
        let hash: [u8; 32] = hash.finalize().into();
        let mut version = [0; 16];
        version.copy_from_slice(&hash[..16]);
        Self(version)
    }
}

impl Default for ContextCopy {
    /// A new, empty copy.
    fn default() -> Self {
        Self { name: random(), files: HashMap::new() }
    }
}

impl ContextCopy {
    /// Takes the record in the file `path` and removes the file, so that no other process uses it; returns a new copy
    /// if the file is missing or damaged.
    pub fn take(path: &Path) -> Self {
        let own = path.with_extension(random());
        // If two processes do this at the same time, only one rename succeeds.
        let taken = fs::rename(path, &own).and_then(|()| fs::read(&own));
        let _ = fs::remove_file(&own);
        let known = taken.ok().and_then(|bytes| Self::decode(&bytes));
        known.unwrap_or_default()
    }

    /// Writes the record to the file `path`, unless it has more than `limit` versions.
    ///
    /// # Errors
    /// If the file cannot be written; then nothing is recorded.
    pub fn put_back(&self, path: &Path, limit: usize) -> io::Result<()> {
        if self.files.len() > limit {
            return Ok(());
        }
        write_atomically(path, &self.encode())
    }

    /// Its name, which is unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the daemon has `content` for every file that it identifies as `version`.
    pub fn knows(&self, version: FileVersion, content: Digest) -> bool {
        self.files.get(&version) == Some(&Some(content))
    }

    /// Whether a daemon that has anything that was sent as `version` has `content`.
    pub fn tells_apart(&self, version: FileVersion, content: Digest) -> bool {
        self.files.get(&version).is_none_or(|known| *known == Some(content))
    }

    /// Marks `version` as being sent: until [`ContextCopy::finish`], the daemon's content is unknown.
    #[must_use]
    pub fn begin(&mut self, version: FileVersion) -> Before {
        Before(self.files.insert(version, None))
    }

    /// Records that `version` was sent with this content.
    pub fn finish(&mut self, version: FileVersion, before: Before, content: Digest) {
        let is_only_one = before.0.is_none_or(|known| known == Some(content));
        self.files.insert(version, is_only_one.then_some(content));
    }

    /// The SHA-256 of the rest, then version, name and files.
    fn encode(&self) -> Vec<u8> {
        let files = self.files.iter();
        let files =
            files.map(|(version, known)| (*version, known.map(|digest| *digest.as_bytes()))).collect();
        let stored = Stored { version: VERSION, name: self.name.clone(), files };
        let body = postcard::to_stdvec(&stored).unwrap_or_default();
        [&Digest::of(&body).as_bytes()[..], &body].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (checksum, body) = bytes.split_at_checked(32)?;
        let stored: Stored = postcard::from_bytes(body).ok()?;
        if Digest::of(body).as_bytes() != checksum || stored.version != VERSION {
            return None;
        }
        let files = stored.files.into_iter().map(|(version, known)| (version, known.map(Digest::from_bytes)));
        Some(Self { name: stored.name, files: files.collect() })
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u8,
    name: String,
    files: Vec<(FileVersion, Option<[u8; 32]>)>,
}

fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileVersion = FileVersion([1; 16]);

    fn send(copy: &mut ContextCopy, content: &str) {
        let before = copy.begin(FILE);
        copy.finish(FILE, before, Digest::of(content));
    }

    #[test]
    fn sent_files_are_known_until_others_were_sent() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut copy = ContextCopy::take(&folder.path().join("a"));
        assert!(!copy.knows(FILE, Digest::of("one")));
        send(&mut copy, "one");
        send(&mut copy, "one");
        assert!(copy.knows(FILE, Digest::of("one")));
        assert!(copy.tells_apart(FILE, Digest::of("one")) && !copy.tells_apart(FILE, Digest::of("two")));
        send(&mut copy, "two");
        assert!(!copy.knows(FILE, Digest::of("two")), "another build may have left `one`");
        send(&mut copy, "two");
        assert!(!copy.knows(FILE, Digest::of("two")));
    }

    #[test]
    fn incompletely_sent_files_are_unknown() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut copy = ContextCopy::take(&folder.path().join("a"));
        send(&mut copy, "one");
        let _ = copy.begin(FILE);
        assert!(!copy.knows(FILE, Digest::of("one")));
    }

    #[test]
    fn it_is_taken_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("contexts/a");
        let mut copy = ContextCopy::take(&path);
        send(&mut copy, "one");
        copy.put_back(&path, 1).expect("written");

        let taken = ContextCopy::take(&path);
        assert_eq!(taken.name(), copy.name());
        assert!(taken.knows(FILE, Digest::of("one")));
        let other = ContextCopy::take(&path);
        assert_ne!(other.name(), copy.name());
        assert!(!other.knows(FILE, Digest::of("one")));
        assert_eq!(fs::read_dir(folder.path().join("contexts")).expect("readable").count(), 0);

        copy.put_back(&path, 0).expect("nothing to do");
        assert_ne!(ContextCopy::take(&path).name(), copy.name(), "it grew too large");
    }

    #[test]
    fn a_damaged_file_is_not_a_copy() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("a");
        let mut copy = ContextCopy::take(&path);
        send(&mut copy, "one");
        let whole = copy.encode();
        let mut flipped = whole.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        for damaged in [&whole[..20], &whole[..whole.len() - 1], &flipped, b""] {
            fs::write(&path, damaged).expect("written");
            assert_ne!(ContextCopy::take(&path).name(), copy.name());
        }
    }

    #[test]
    fn path_size_and_time_tell_files_apart() {
        let version = FileVersion::new("a", 1, 2);
        assert_eq!(version, FileVersion::new("a", 1, 2));
        for other in [FileVersion::new("b", 1, 2), FileVersion::new("a", 2, 2), FileVersion::new("a", 1, 3)] {
            assert_ne!(version, other);
        }
    }
}
