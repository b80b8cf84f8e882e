//! The recorded state of a synced directory, in `.windlass/sync/`: the last common state, and all paths ever sent.
//!
//! The file is a list of records. A batch appends its records; a record that was cut off by a crash is ignored, and the
//! content of its files is compared again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::base::{Base, BaseTree, Relation};
use super::exclude::ExcludePatterns;
use super::local::LocalFolder;
use super::{RelativePath, SyncEntry};
use crate::held_file::{HeldFile, Hold};
use crate::image::Digest;
use crate::own_file;

/// The first bytes of a file; the number changes with the format.
const MAGIC: &[u8; 16] = b"windlass-sync 1\n";
/// The file is rewritten when it has this many records more than twice the number of known paths.
const SLACK: usize = 1000;
/// How much is written at once, in bytes.
const PIECE: usize = 1 << 20;

/// The directories that are kept equal: the key of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderKey {
    /// The context of the cluster.
    pub context: String,
    /// The namespace.
    pub namespace: String,
    /// The selection of the container, and its name.
    pub target: String,
    /// The directory here.
    pub here: PathBuf,
    /// The directory in the container.
    pub there: String,
}

/// The container that the state belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerKey {
    /// The UID of the pod.
    pub pod_uid: String,
    /// The ID of the container, which a restart changes.
    pub container_id: String,
}

/// The known state from earlier sessions.
#[derive(Debug, Default)]
pub struct Known {
    /// The container; `None` if there was none yet, or its first synchronization did not end.
    pub container: Option<ContainerKey>,
    /// The last state of both sides.
    pub base: BaseTree,
    /// The paths that were ever uploaded or deleted from here, to any container.
    pub sent: BTreeSet<RelativePath>,
}

#[derive(Serialize, Deserialize)]
enum Record {
    Container(Option<ContainerKey>),
    Path { path: RelativePath, base: Option<Box<Base>>, is_sent: bool },
}

/// The state of one directory, and its file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// Nothing where the file system does not support locks.
    _lock: Option<HeldFile>,
    known: Known,
    pending: Vec<u8>,
    records: usize,
}

/// Why the state of a directory cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SyncStoreError {
    /// Another process has it.
    #[error("another windlass{} syncs `{}` with this container", of_process(*process), here.display())]
    #[diagnostic(code(sync::in_use), help("end the other one first, or sync another directory"))]
    InUse {
        /// The directory here.
        here: PathBuf,
        /// The process, if it is known.
        process: Option<u32>,
    },
    /// It cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    #[diagnostic(code(sync::state))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl FolderKey {
    /// The name of the file with its state.
    pub fn file_name(&self) -> String {
        let Self { context, namespace, target, here, there } = self;
        let text = format!("{context}\0{namespace}\0{target}\0{}\0{there}", here.display());
        Digest::of(text).hex()[..24].to_owned()
    }
}

/// Whether a session may use the state that has the name `name` in `folder`, which is `.windlass/sync`. Of names that
/// are not known there, nothing is known.
pub fn may_be_used(folder: &Path, name: &str) -> bool {
    let lock = folder.join(format!("{name}.lock"));
    !lock.exists() || !matches!(HeldFile::take(&lock), Ok(Hold::Acquired(_)))
}

/// The record of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRecord {
    /// The version here when both sides had the same last: when it was modified, in nanoseconds since the epoch.
    pub common: Option<i128>,
    /// Whether that is the version that is here now.
    pub is_current: bool,
    /// Whether any version was ever uploaded, or deleted there.
    pub was_sent: bool,
}

/// The record of `path` in the state of `key` in `folder`, which is `.windlass/sync`; `now` is the current entry on
/// this machine. Another process may have the state: changes that it has not written yet are unknown. `None` without a
/// record.
pub fn record_of(
    folder: &Path,
    key: &FolderKey,
    path: &RelativePath,
    now: Option<&SyncEntry>,
) -> Option<SyncRecord> {
    let known = read(&File::open(folder.join(key.file_name())).ok()?).ok()?;
    let was_sent = known.sent.contains(path);
    let base = known.base.get(path).filter(|base| base.is_common);
    let here = base.and_then(|base| base.here.as_ref());
    // The metadata of a file that was synchronized just after it was written proves nothing.
    let digest =
        |now: &SyncEntry| LocalFolder::new(key.here.clone(), ExcludePatterns::default()).digest(path, now);
    let is_current = here.zip(now).is_some_and(|(seen, now)| match seen.relation(now) {
        Relation::Same => true,
        Relation::Different => false,
        Relation::Unknown => digest(now).ok().flatten().is_some_and(|digest| {
            let now = SyncEntry { digest: Some(digest.into()), ..now.clone() };
            seen.relation(&now) == Relation::Same
        }),
    });
    let common = here.map(|seen| seen.entry.modified());
    (common.is_some() || was_sent).then_some(SyncRecord { common, is_current, was_sent })
}

/// " (process 4711)", if it is known.
pub fn of_process(process: Option<u32>) -> String {
    process.map(|process| format!(" (process {process})")).unwrap_or_default()
}

impl Store {
    /// Opens the state of `key` in `folder`, which is `.windlass/sync`. A damaged file is as good as none: then the
    /// directories are compared as at the first time.
    ///
    /// # Errors
    /// [`SyncStoreError`].
    pub fn open(folder: &Path, key: &FolderKey) -> Result<Self, SyncStoreError> {
        let (name, here) = (key.file_name(), &key.here);
        let (path, lock_path) = (folder.join(&name), folder.join(format!("{name}.lock")));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SyncStoreError::Io { path, source }
        };
        own_file::create_folder(folder).map_err(failed(folder))?;
        let lock = match HeldFile::take(&lock_path) {
            Ok(Hold::Acquired(lock)) => Some(lock),
            Ok(Hold::HeldBy(process)) => return Err(SyncStoreError::InUse { here: here.clone(), process }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => None,
            Err(error) => return Err(failed(&lock_path)(error)),
        };
        let known = match File::open(&path).and_then(|file| read(&file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Known::default(),
            known => known.map_err(failed(&path))?,
        };
        let mut store = Self { path, _lock: lock, known, pending: Vec::new(), records: 0 };
        store.rewrite()?;
        Ok(store)
    }

    /// The known state.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Begins the state of `container`: that of another one is forgotten, except what was ever sent.
    pub fn begin(&mut self) {
        self.known.base.clear();
        self.known.container = None;
    }

    /// Records that the state is the one of `container`.
    pub fn set_container(&mut self, container: ContainerKey) {
        self.known.container = Some(container);
    }

    /// Records the state of a path; `None` if both sides do not have it.
    pub fn set(&mut self, path: &RelativePath, base: Option<Base>) {
        match base {
            Some(base) => self.known.base.insert(path.clone(), Box::new(base)),
            None => self.known.base.remove(path),
        };
        self.append_path(path);
    }

    /// Records that windlass uploaded or deleted a path in the container.
    pub fn set_sent(&mut self, path: &RelativePath) {
        if self.known.sent.insert(path.clone()) {
            self.append_path(path);
        }
    }

    /// Writes the records since the last call.
    ///
    /// # Errors
    /// [`SyncStoreError`].
    pub fn save(&mut self) -> Result<(), SyncStoreError> {
        if self.records > 2 * (self.known.base.len() + self.known.sent.len()) + SLACK {
            return self.rewrite();
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let appended =
            File::options().append(true).open(&self.path).and_then(|mut file| file.write_all(&pending));
        appended.map_err(|source| SyncStoreError::Io { path: self.path.clone(), source })
    }

    /// Rewrites the whole file atomically.
    ///
    /// # Errors
    /// [`SyncStoreError`].
    pub fn rewrite(&mut self) -> Result<(), SyncStoreError> {
        self.pending = MAGIC.to_vec();
        self.records = 0;
        append(&mut self.pending, &Record::Container(self.known.container.clone()));
        let written = self.write_all_records();
        self.pending.clear();
        written.map_err(|source| SyncStoreError::Io { path: self.path.clone(), source })
    }

    /// Writes pending records and the whole known state, piece by piece.
    fn write_all_records(&mut self) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new(".")))?;
        let paths: BTreeSet<_> = self.known.base.keys().chain(&self.known.sent).cloned().collect();
        for path in &paths {
            self.append_path(path);
            if self.pending.len() > PIECE {
                file.write_all(&self.pending)?;
                self.pending.clear();
            }
        }
        file.write_all(&self.pending)?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }

    fn append_path(&mut self, path: &RelativePath) {
        let base = self.known.base.get(path).cloned();
        let record = Record::Path { path: path.clone(), base, is_sent: self.known.sent.contains(path) };
        append(&mut self.pending, &record);
        self.records += 1;
    }
}

/// Appends a record: its length, the start of its checksum, itself.
fn append(bytes: &mut Vec<u8>, record: &Record) {
    // Only maps and sequences of unknown length cannot be serialized.
    let Ok(body) = postcard::to_stdvec(record) else { return };
    let length = u32::try_from(body.len()).unwrap_or_default();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
}

/// Reads all records up to the first that is damaged or not whole.
fn read(file: &File) -> io::Result<Known> {
    let length = file.metadata()?.len();
    let mut source = BufReader::new(file);
    let mut magic = [0; MAGIC.len()];
    if !fill(&mut source, &mut magic)? || magic != *MAGIC {
        return Ok(Known::default());
    }
    let mut known = Known::default();
    let mut body = Vec::new();
    while let Some(record) = read_record(&mut source, length, &mut body)? {
        match record {
            Record::Container(container) => known.container = container,
            Record::Path { path, base, is_sent } => {
                if is_sent {
                    known.sent.insert(path.clone());
                }
                match base {
                    Some(mut base) => {
                        base.share_digest();
                        known.base.insert(path, base)
                    }
                    None => known.base.remove(&path),
                };
            }
        }
    }
    Ok(known)
}

/// The next record, read to `body`; `None` if it is damaged or not whole. `most` is the length of the file.
fn read_record(source: &mut impl Read, most: u64, body: &mut Vec<u8>) -> io::Result<Option<Record>> {
    let (mut length, mut checksum) = ([0; 4], [0; 8]);
    if !fill(source, &mut length)? || !fill(source, &mut checksum)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length);
    if u64::from(length) > most {
        return Ok(None);
    }
    body.resize(length as usize, 0);
    let is_whole = fill(source, body)? && xxhash_rust::xxh3::xxh3_64(body) == u64::from_le_bytes(checksum);
    Ok(is_whole.then(|| postcard::from_bytes(body).ok()).flatten())
}

/// Fills `buffer`; false if the file ends before that.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match source.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        result => result.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Kind;
    use super::super::base::Seen;
    use super::*;

    fn key() -> FolderKey {
        FolderKey {
            context: "c".into(),
            namespace: "n".into(),
            target: "t".into(),
            here: "/h".into(),
            there: "/t".into(),
        }
    }

    fn base(size: u64) -> Base {
        let entry = SyncEntry {
            kind: Kind::File,
            mode: 0o644,
            size,
            mtime: 5,
            inode: 1,
            owner: (0, 0),
            digest: None,
        };
        let seen = Some(Seen::new(entry, 0));
        Base { here: seen.clone(), there: seen, is_common: true }
    }

    #[test]
    fn state_survives_a_crash_up_to_the_last_whole_record() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = |text| RelativePath::new(text).expect("a path");
        let mut store = Store::open(folder.path(), &key()).expect("opened");
        let container = ContainerKey { pod_uid: "u".into(), container_id: "i".into() };
        store.set_container(container.clone());
        store.rewrite().expect("written");
        store.set_sent(&path("a"));
        store.set(&path("a"), Some(base(1)));
        store.set(&path("b"), Some(base(2)));
        store.save().expect("written");
        store.set(&path("b"), None);
        store.set(&path("c"), Some(base(3)));
        store.save().expect("written");
        let file = store.path.clone();
        drop(store);

        let store = Store::open(folder.path(), &key()).expect("opened");
        assert_eq!(store.known.container, Some(container));
        assert_eq!(store.known.sent, BTreeSet::from([path("a")]));
        assert_eq!(
            store.known.base,
            BaseTree::from([(path("a"), Box::new(base(1))), (path("c"), Box::new(base(3)))])
        );
        // Others may look at it meanwhile.
        let record = |name, entry: &SyncEntry| record_of(folder.path(), &key(), &path(name), Some(entry));
        let entry = base(1).here.expect("an entry").entry;
        let known = |is_current, was_sent| Some(SyncRecord { common: Some(5), is_current, was_sent });
        assert_eq!(record("a", &entry), known(true, true));
        assert_eq!(record("c", &entry), known(false, false));
        assert_eq!(record("b", &entry), None);
        assert_eq!(record("a", &SyncEntry { mtime: 6, ..entry }), known(false, true));
        drop(store);
        let bytes = fs::read(&file).expect("readable");
        fs::write(&file, &bytes[..bytes.len() - 1]).expect("written");
        let store = Store::open(folder.path(), &key()).expect("opened");
        assert_eq!(store.known.base, BaseTree::from([(path("a"), Box::new(base(1)))]));
        let other = FolderKey { there: "/u".into(), ..key() };
        assert!(Store::open(folder.path(), &other).expect("opened").known.base.is_empty());
    }

    #[test]
    fn the_content_of_a_young_file_tells_whether_it_is_the_one_that_was_synchronized() {
        let (state, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = FolderKey { here: here.path().to_owned(), ..key() };
        let path = RelativePath::new("a").unwrap();
        fs::write(here.path().join("a"), "one").unwrap();
        let entry = |digest: Option<&str>| SyncEntry {
            digest: digest.map(|content| Digest::of(content).into()),
            ..LocalFolder::new(key.here.clone(), ExcludePatterns::default()).entry(&path).unwrap().unwrap()
        };
        let mut store = Store::open(state.path(), &key).unwrap();
        for (synchronized, expected) in [("one", true), ("two", false)] {
            let entry_then = entry(Some(synchronized));
            let now = entry_then.modified();
            let seen = Some(Seen::new(entry_then, now));
            store.set(&path, Some(Base { here: seen.clone(), there: seen, is_common: true }));
            store.save().unwrap();
            let record = record_of(state.path(), &key, &path, Some(&entry(None))).expect("a record");
            assert_eq!(record.is_current, expected, "{synchronized}");
        }
    }

    #[test]
    fn one_process_has_the_state() {
        let folder = tempfile::tempdir().expect("a directory");
        let _store = Store::open(folder.path(), &key()).expect("opened");
        assert!(matches!(Store::open(folder.path(), &key()), Err(SyncStoreError::InUse { .. })));
    }
}
