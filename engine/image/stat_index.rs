//! The stat index: which files have a known digest and are not read again.

use std::cmp::{self, Reverse};
use std::collections::HashMap;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::stamp::{Stamp, file_clock, nanoseconds_of};
use crate::image::Digest;

/// The first bytes of an index file; the number changes with the layout.
const MAGIC: &[u8; 16] = b"windlass-index 2";
/// The distance of the entries whose keys are searched first.
const EVERY: usize = 64;
/// The bytes of one entry: device, inode, size, modified, changed, day of last use, digest.
const ENTRY: usize = 6 * 8 + 32;
/// The bytes before the first entry: [`MAGIC`] and the checksum, an XXH3 of 128 bits. It detects damage, and takes a
/// tenth of the time of SHA-256.
const HEADER: usize = MAGIC.len() + 16;
/// The days after which an unused entry is dropped.
const KEEP_DAYS: i64 = 14;

/// Records the SHA-256 of the files of one directory by their [`Stamp`].
///
/// It only saves reading: an entry is kept if the file was old enough to be distinguished from a later change
/// (git's "racily clean" rule), so with and without an index every digest is the same. It may be shared by
/// threads: one hashes a file while the others wait for it. Several processes may use the same file: it is
/// replaced atomically, and the last one wins.
///
/// Within a run every digest is shared, also that of a file too young to be recorded: like a
/// [`Forest`](crate::image::context::Forest), an index is valid for one scan of the disk.
#[derive(Debug)]
pub struct StatIndex {
    path: Option<PathBuf>,
    today: i64,
    loaded: Loaded,
    fresh: Mutex<HashMap<Stamp, Arc<Mutex<Option<Fresh>>>>>,
}

/// The entries of an index file as they are in it, sorted by device and inode. They are searched and not decoded: most
/// are used once, many never.
#[derive(Debug, Default)]
struct Loaded {
    file: Vec<u8>,
    /// The key of every 64th entry: a search begins in the processor's cache.
    keys: Vec<(u64, u64)>,
    used: Vec<AtomicBool>,
}

/// An entry of a file.
struct LoadedEntry<'a> {
    stamp: Stamp,
    digest: Digest,
    day: i64,
    used: &'a AtomicBool,
}

impl Loaded {
    fn entries(&self) -> &[[u8; ENTRY]] {
        self.file.get(HEADER..).unwrap_or_default().as_chunks().0
    }

    /// The entry with this device and inode.
    fn find(&self, stamp: &Stamp) -> Option<LoadedEntry<'_>> {
        let wanted = key(stamp);
        let first = self.keys.partition_point(|key| *key <= wanted).checked_sub(1)? * EVERY;
        let near = &self.entries()[first..];
        let at = first + near[..near.len().min(EVERY)].binary_search_by_key(&wanted, key_of).ok()?;
        Some(decoded(&self.entries()[at], &self.used[at]))
    }

    fn iter(&self) -> impl Iterator<Item = LoadedEntry<'_>> {
        self.entries().iter().zip(&self.used).map(|(entry, used)| decoded(entry, used))
    }
}

/// A digest of this run, and whether it may be saved.
#[derive(Debug, Clone, Copy)]
struct Fresh {
    digest: Digest,
    keep: bool,
}

/// Why an index file is ignored. The run continues without it and is only slower.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("ignoring the file index `{}`: {reason}", .path.display())]
#[diagnostic(code(state::index), help("nothing to do: the index is rebuilt, this run only reads more files"))]
pub struct IndexWarning {
    /// The index file.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

impl StatIndex {
    /// Opens the index of the context `root` in `folder` (`.windlass/index`); a missing index is empty, a
    /// damaged or foreign one is empty and reported.
    pub fn open(folder: &Path, root: &Path) -> (Self, Option<IndexWarning>) {
        let name = &Digest::of(root.as_os_str().as_encoded_bytes()).hex()[..16];
        let path = folder.join(name);
        let (loaded, warning) = match crate::input_file::read_up_to(&path, crate::input_file::KEPT) {
            Ok(bytes) => match decode(bytes) {
                Ok(loaded) => (loaded, None),
                Err(reason) => (Loaded::default(), Some(reason.to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Loaded::default(), None),
            Err(error) => (Loaded::default(), Some(error.to_string())),
        };
        let warning = warning.map(|reason| IndexWarning { path: path.clone(), reason });
        (Self { path: Some(path), loaded, ..Self::in_memory() }, warning)
    }

    /// An index that is never saved.
    pub fn in_memory() -> Self {
        let today = nanoseconds_of(SystemTime::now()) / (86_400 * 1_000_000_000);
        Self { path: None, today, loaded: Loaded::default(), fresh: Mutex::default() }
    }

    /// The digest of the file with this stamp, if it is known; never waits.
    pub fn get(&self, stamp: &Stamp) -> Option<Digest> {
        if let Some(entry) = self.loaded.find(stamp).filter(|entry| entry.stamp == *stamp) {
            if !entry.used.load(Ordering::Relaxed) {
                entry.used.store(true, Ordering::Relaxed);
            }
            return Some(entry.digest);
        }
        let slot = self.fresh().get(stamp).cloned()?;
        // A file that is being hashed is not known yet; the caller may hash others meanwhile.
        let fresh = slot.try_lock().ok()?;
        fresh.map(|fresh| fresh.digest)
    }

    /// The digest of the file with this stamp, if it is known and no later change can have the same stamp.
    pub fn settled(&self, stamp: &Stamp) -> Option<Digest> {
        let digest = self.get(stamp)?;
        let slot = self.fresh().get(stamp).cloned();
        let is_young = slot.is_some_and(|slot| lock(&slot).is_some_and(|fresh| !fresh.keep));
        (!is_young).then_some(digest)
    }

    /// Removes digests that are valid for one scan of the disk only: the files may have changed.
    pub fn look_again(&self) {
        self.fresh().retain(|_, slot| match slot.try_lock() {
            Ok(fresh) => fresh.is_some_and(|fresh| fresh.keep),
            // It is being hashed.
            Err(_) => false,
        });
    }

    /// The digest of the file with this stamp: recorded, or computed by `hash`. Of several threads that request
    /// the same file, one computes and the others wait.
    ///
    /// # Errors
    /// Those of `hash`; then nothing is recorded.
    pub fn digest<E>(&self, stamp: &Stamp, hash: impl FnOnce() -> Result<Digest, E>) -> Result<Digest, E> {
        if !stamp.is_identity() {
            return hash();
        }
        if let Some(digest) = self.get(stamp) {
            return Ok(digest);
        }
        let slot = self.fresh().entry(*stamp).or_default().clone();
        let mut fresh = lock(&slot);
        if let Some(fresh) = *fresh {
            return Ok(fresh.digest);
        }
        let before = file_clock();
        let digest = hash()?;
        *fresh = Some(Fresh { digest, keep: stamp.is_older_than(before) });
        Ok(digest)
    }

    /// Records the digest of a file that was read from the moment `since` on (nanoseconds since 1970) and had this
    /// stamp all the time.
    pub fn note(&self, stamp: &Stamp, since: i64, digest: Digest) {
        if stamp.is_identity() {
            let slot = self.fresh().entry(*stamp).or_default().clone();
            *lock(&slot) = Some(Fresh { digest, keep: stamp.is_older_than(since) });
        }
    }

    /// Writes the new entries, if there are any; entries that no run used for two weeks are
    /// dropped.
    ///
    /// # Errors
    /// If the directory or the file cannot be written; the old file is then unchanged.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let kept = |(stamp, slot): (&Stamp, &Arc<Mutex<Option<Fresh>>>)| {
            lock(slot).filter(|fresh| fresh.keep).map(|fresh| (*stamp, fresh.digest))
        };
        let fresh: Vec<_> = self.fresh().iter().filter_map(kept).collect();
        let is_used_again =
            |entry: LoadedEntry<'_>| entry.used.load(Ordering::Relaxed) && entry.day != self.today;
        if fresh.is_empty() && !self.loaded.iter().any(is_used_again) {
            return Ok(());
        }
        // An index may be as large as everything else in memory, so it is encoded twice and never held.
        let fresh = newest(fresh);
        let mut checksum = Xxh3::new();
        self.encoded(&fresh).for_each(|entry| checksum.update(&entry));
        let folder = path.parent().unwrap_or(Path::new("."));
        crate::own_file::create_folder(folder)?;
        let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
        file.write_all(MAGIC)?;
        file.write_all(&checksum.digest128().to_le_bytes())?;
        for entry in self.encoded(&fresh) {
            file.write_all(&entry)?;
        }
        file.into_inner()?.persist(path)?;
        Ok(())
    }

    /// The entries to save, sorted: those of the file that are not too old, and `fresh` ones instead of theirs.
    fn encoded(&self, fresh: &[(Stamp, Digest)]) -> impl Iterator<Item = [u8; ENTRY]> {
        let mut fresh = fresh.iter().peekable();
        let day = |entry: &LoadedEntry<'_>| match entry.used.load(Ordering::Relaxed) {
            true => self.today,
            false => entry.day,
        };
        let is_kept = move |entry: &LoadedEntry<'_>| self.today.saturating_sub(day(entry)) <= KEEP_DAYS;
        let mut loaded = self.loaded.iter().filter(is_kept).peekable();
        std::iter::from_fn(move || {
            let ordering = match (loaded.peek(), fresh.peek()) {
                (None, None) => return None,
                (Some(_), None) => cmp::Ordering::Less,
                (None, Some(_)) => cmp::Ordering::Greater,
                (Some(old), Some((new, _))) => key(&old.stamp).cmp(&key(new)),
            };
            let old = loaded.next_if(|_| ordering.is_le());
            match fresh.next_if(|_| ordering.is_ge()) {
                Some((stamp, digest)) => Some(encode(stamp, digest, self.today)),
                None => old.map(|old| encode(&old.stamp, &old.digest, day(&old))),
            }
        })
    }

    fn fresh(&self) -> MutexGuard<'_, HashMap<Stamp, Arc<Mutex<Option<Fresh>>>>> {
        lock(&self.fresh)
    }
}

/// A thread that panicked leaves the maps consistent: every update is one insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(stamp: &Stamp) -> (u64, u64) {
    (stamp.device, stamp.inode)
}

/// The digests of files by their last state, sorted by device and inode.
fn newest(mut fresh: Vec<(Stamp, Digest)>) -> Vec<(Stamp, Digest)> {
    fresh.sort_unstable_by_key(|(stamp, _)| (key(stamp), Reverse((stamp.changed, stamp.modified))));
    fresh.dedup_by_key(|(stamp, _)| key(stamp));
    fresh
}

/// An entry of a file; numbers are little-endian.
fn encode(stamp: &Stamp, digest: &Digest, day: i64) -> [u8; ENTRY] {
    let signed = i64::cast_unsigned;
    let numbers =
        [stamp.device, stamp.inode, stamp.size, signed(stamp.modified), signed(stamp.changed), signed(day)];
    let mut entry = [0; ENTRY];
    let (encoded, content) = entry.split_at_mut(ENTRY - 32);
    encoded.as_chunks_mut().0.iter_mut().zip(numbers).for_each(|(to, number)| *to = number.to_le_bytes());
    content.copy_from_slice(digest.as_bytes());
    entry
}

/// Of a file: magic bytes, checksum of the rest, entries sorted by device and inode.
fn decode(file: Vec<u8>) -> Result<Loaded, &'static str> {
    let rest = file.strip_prefix(MAGIC).ok_or("it has the format of another version")?;
    let (expected, body) = rest.split_at_checked(16).ok_or("it is truncated")?;
    if checksum(body) != expected {
        return Err("its checksum is wrong");
    }
    if !body.len().is_multiple_of(ENTRY) {
        return Err("its length is wrong");
    }
    let (entries, _) = body.as_chunks();
    let keys = entries.iter().step_by(EVERY).map(key_of).collect();
    let used = entries.iter().map(|_| AtomicBool::default()).collect();
    Ok(Loaded { file, keys, used })
}

fn checksum(body: &[u8]) -> [u8; 16] {
    xxh3_128(body).to_le_bytes()
}

fn key_of(entry: &[u8; ENTRY]) -> (u64, u64) {
    (number(entry, 0), number(entry, 1))
}

/// The number at `index` of an entry.
fn number(entry: &[u8; ENTRY], index: usize) -> u64 {
    u64::from_le_bytes(entry.as_chunks().0[index])
}

fn decoded<'a>(entry: &[u8; ENTRY], used: &'a AtomicBool) -> LoadedEntry<'a> {
    let signed = |index| number(entry, index).cast_signed();
    let mut digest = [0; 32];
    digest.copy_from_slice(&entry[ENTRY - 32..]);
    let stamp = Stamp {
        device: number(entry, 0),
        inode: number(entry, 1),
        size: number(entry, 2),
        modified: signed(3),
        changed: signed(4),
    };
    LoadedEntry { stamp, digest: Digest::from_bytes(digest), day: signed(5), used }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn stamp(inode: u64, modified: i64) -> Stamp {
        Stamp { device: 1, inode, size: 3, modified, changed: modified }
    }

    fn put(index: &StatIndex, stamp: &Stamp, content: &str) {
        let _: Result<Digest, Infallible> = index.digest(stamp, || Ok(Digest::of(content)));
    }

    #[test]
    fn remembers_old_files_and_forgets_young_ones() {
        let folder = tempfile::tempdir().expect("a directory");
        let open = || StatIndex::open(folder.path(), Path::new("/context"));
        let (old, young) = (stamp(1, 5), stamp(2, i64::MAX));
        let (index, warning) = open();
        assert!(warning.is_none());
        put(&index, &old, "old");
        put(&index, &young, "young");
        assert_eq!(index.get(&young), Some(Digest::of("young")));
        index.save().expect("saved");

        let (index, warning) = open();
        assert!(warning.is_none());
        assert_eq!(index.get(&old), Some(Digest::of("old")));
        assert_eq!(index.get(&young), None);
        assert_eq!(index.get(&Stamp { size: 4, ..old }), None);
        assert_eq!(StatIndex::open(folder.path(), Path::new("/other")).0.get(&old), None);
    }

    #[test]
    fn what_is_saved_replaces_earlier_states_of_the_same_files() {
        let folder = tempfile::tempdir().expect("a directory");
        let open = || StatIndex::open(folder.path(), Path::new("/context")).0;
        let index = open();
        (0..200).rev().for_each(|file| put(&index, &stamp(2 * file + 2, 5), "one"));
        index.save().expect("saved");
        let index = open();
        // New files before, between and after the others, and two states of every third.
        for file in 0..201 {
            put(&index, &stamp(2 * file + 1, 6), "new");
        }
        for file in (0..200).step_by(3) {
            put(&index, &stamp(2 * file + 2, 7), "three");
            put(&index, &stamp(2 * file + 2, 6), "two");
        }
        index.save().expect("saved");
        let index = open();
        for file in 0..200 {
            let (first, last) = (index.get(&stamp(2 * file + 2, 5)), index.get(&stamp(2 * file + 2, 7)));
            let expected = match file % 3 {
                0 => (None, Some(Digest::of("three"))),
                _ => (Some(Digest::of("one")), None),
            };
            assert_eq!((first, last), expected, "{file}");
            assert_eq!(index.get(&stamp(2 * file + 2, 6)), None);
        }
        assert!((0..201).all(|file| index.get(&stamp(2 * file + 1, 6)) == Some(Digest::of("new"))));
        assert_eq!(index.loaded.entries().len(), 401);
    }

    #[test]
    fn is_not_written_when_nothing_is_new() {
        let folder = tempfile::tempdir().expect("a directory");
        let (index, _) = StatIndex::open(folder.path(), Path::new("/context"));
        index.save().expect("saved");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_damaged_file_is_reported_and_ignored() {
        let folder = tempfile::tempdir().expect("a directory");
        let open = || StatIndex::open(folder.path(), Path::new("/context"));
        let (index, _) = open();
        put(&index, &stamp(1, 5), "old");
        index.save().expect("saved");
        let path = index.path.clone().expect("a path");
        let whole = std::fs::read(&path).expect("readable");
        let mut flipped = whole.clone();
        flipped[60] ^= 1;
        for damaged in [&whole[..20], &whole[..whole.len() - 1], &flipped, b"", b"windlass-index 9"] {
            std::fs::write(&path, damaged).expect("written");
            let (index, warning) = open();
            assert!(warning.is_some());
            assert_eq!(index.get(&stamp(1, 5)), None);
        }
    }

    #[test]
    fn two_threads_hash_a_file_once() {
        let index = StatIndex::in_memory();
        let hashed = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    index.digest(&stamp(1, 5), || {
                        hashed.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, Infallible>(Digest::of("x"))
                    })
                });
            }
        });
        assert_eq!(hashed.into_inner(), 1);
    }

    #[test]
    fn another_look_at_the_disk_forgets_young_files_alone() {
        let index = StatIndex::in_memory();
        let (old, young) = (stamp(1, 5), stamp(2, i64::MAX));
        put(&index, &old, "old");
        put(&index, &young, "young");
        assert_eq!((index.settled(&old), index.settled(&young)), (Some(Digest::of("old")), None));
        index.look_again();
        assert_eq!((index.get(&old), index.get(&young)), (Some(Digest::of("old")), None));
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let index = StatIndex::in_memory();
        assert_eq!(index.digest(&stamp(1, 5), || Err("unreadable")), Err("unreadable"));
        assert_eq!(index.digest(&stamp(1, 5), || Ok::<_, ()>(Digest::of("x"))), Ok(Digest::of("x")));
    }
}
