//! The lock file of base images: `windlass.lock`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::bases::{BaseDigest, BasePlace};
use super::images::write_atomically;
use crate::image::{Digest, ImageReference};

/// The name of the file, in the project directory.
const FILE: &str = "windlass.lock";
/// The version of the file format.
const VERSION: u32 = 1;
/// The first line of a new file.
const TITLE: &str = "# The digests of base images. `windlass update bases` renews them.";

/// The lock file of a project: the digests of base images that all machines build on. Optional; read at the first lookup.
#[derive(Debug)]
pub struct BaseLock {
    path: PathBuf,
    /// Whether new entries are written.
    writes: bool,
    known: Mutex<Option<Known>>,
}

/// The content of the file: `None` if it does not exist.
type Known = Result<Option<Entries>, BaseLockError>;
type Entries = BTreeMap<String, LockedBase>;

/// The digest of a base image in the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBase {
    /// The digest of its manifest, or of its index if it has several platforms.
    pub digest: String,
    /// The day on which the registry reported it.
    pub asked: Date,
}

impl LockedBase {
    /// This entry for the digest `found`.
    pub fn new(found: &BaseDigest) -> Self {
        let asked = Timestamp::from_second(found.asked).unwrap_or_default();
        Self { digest: found.digest.clone(), asked: asked.to_zoned(TimeZone::UTC).date() }
    }
}

impl From<LockedBase> for BaseDigest {
    fn from(locked: LockedBase) -> Self {
        let asked = locked.asked.to_zoned(TimeZone::UTC).map_or(0, |asked| asked.timestamp().as_second());
        Self { digest: locked.digest, place: BasePlace::Registry, asked }
    }
}

/// The lock file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("cannot read `{path}`: {reason}")]
#[diagnostic(
    code(base_lock::invalid),
    help("correct it, or delete it and run `windlass update bases` to create it again")
)]
pub struct BaseLockError {
    path: String,
    reason: String,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    version: u32,
    #[serde(default)]
    bases: BTreeMap<String, LockEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockEntry {
    digest: String,
    asked: String,
}

impl BaseLock {
    /// The lock file of the project in `root`; new entries are only remembered unless it `writes` them.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { path: root.join(FILE), writes, known: Mutex::default() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All entries by complete reference, sorted; `None` if there is no lock file.
    ///
    /// # Errors
    /// [`BaseLockError`] if the file is invalid.
    pub fn entries(&self) -> Result<Option<BTreeMap<String, LockedBase>>, BaseLockError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| read(&self.path)).clone()
    }

    /// Sets the entries of these base images and keeps all others.
    ///
    /// # Errors
    /// If the file is invalid or cannot be written.
    pub fn set(&self, bases: &[(ImageReference, LockedBase)]) -> Result<(), LockWriteError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Another run may have added entries.
        let mut entries = match self.writes {
            true => read(&self.path)?.unwrap_or_default(),
            false => known.get_or_insert_with(|| read(&self.path)).clone()?.unwrap_or_default(),
        };
        let before = entries.clone();
        entries.extend(bases.iter().map(|(reference, base)| (reference.full(), base.clone())));
        if self.writes && (entries != before || !self.path.exists()) {
            write_atomically(&self.path, text(&entries).as_bytes())
                .map_err(|error| LockWriteError::new(&self.path, &error))?;
        }
        *known = Some(Ok(Some(entries)));
        Ok(())
    }
}

/// The lock file cannot be changed.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum LockWriteError {
    /// It is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(#[from] BaseLockError),
    /// It cannot be written.
    #[error("cannot write `{path}`: {reason}")]
    #[diagnostic(code(base_lock::unwritable), help("make the directory writable"))]
    Unwritable {
        /// Its path.
        path: String,
        /// The error of the system.
        reason: String,
    },
}

impl LockWriteError {
    fn new(path: &Path, error: &io::Error) -> Self {
        Self::Unwritable { path: path.display().to_string(), reason: error.to_string() }
    }
}

fn read(path: &Path) -> Known {
    let invalid = |reason: String| BaseLockError { path: path.display().to_string(), reason };
    let text = match crate::input_file::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(invalid(error.to_string())),
    };
    parse(&text).map(Some).map_err(invalid)
}

fn parse(text: &str) -> Result<Entries, String> {
    let file: LockFile = serde_yaml::from_str(text).map_err(|error| {
        let text = error.to_string();
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })?;
    if file.version != VERSION {
        return Err(format!("it has version {}, but this windlass supports version {VERSION}", file.version));
    }
    let entry = |(name, LockEntry { digest, asked }): (String, LockEntry)| {
        let reference: ImageReference = name.parse().map_err(|error| format!("{error}"))?;
        digest.parse::<Digest>().map_err(|_| format!("the digest of {name} is invalid: {digest}"))?;
        let asked = asked.parse().map_err(|_| format!("the date of {name} is invalid: {asked}"))?;
        Ok((reference.or_latest().full(), LockedBase { digest, asked }))
    };
    file.bases.into_iter().map(entry).collect()
}

/// The text of a file with these entries.
fn text(entries: &Entries) -> String {
    let mut text = format!("{TITLE}\nversion: {VERSION}\nbases:\n");
    if entries.is_empty() {
        text = text.replace("bases:\n", "bases: {}\n");
    }
    for (reference, LockedBase { digest, asked }) in entries {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {reference}:\n    digest: {digest}\n    asked: {asked}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(digest: &str) -> LockedBase {
        LockedBase { digest: Digest::of(digest).to_string(), asked: "2026-11-29".parse().expect("a date") }
    }

    fn reference(text: &str) -> ImageReference {
        text.parse::<ImageReference>().expect("a reference").or_latest()
    }

    #[test]
    fn entries_are_written_sorted_and_read_back() {
        let folder = tempfile::tempdir().expect("a directory");
        let lock = BaseLock::new(folder.path(), true);
        assert_eq!(lock.entries(), Ok(None));
        lock.set(&[(reference("nginx"), locked("n"))]).expect("written");
        lock.set(&[(reference("localhost:5000/a:1"), locked("l")), (reference("alpine:3.20"), locked("a"))])
            .expect("written");
        let names = ["docker.io/library/alpine:3.20", "docker.io/library/nginx:latest", "localhost:5000/a:1"];
        let expected: BTreeMap<_, _> = names
            .iter()
            .zip(["a", "n", "l"])
            .map(|(name, base)| ((*name).to_owned(), locked(base)))
            .collect();
        assert_eq!(BaseLock::new(folder.path(), true).entries(), Ok(Some(expected)));
        let written = std::fs::read_to_string(lock.path()).expect("readable");
        let first = format!(
            "{TITLE}\nversion: 1\nbases:\n  docker.io/library/alpine:3.20:\n    digest: {}\n    asked: 2026-11-29\n",
            Digest::of("a")
        );
        assert!(written.starts_with(&first), "{written}");
    }

    #[test]
    fn a_dry_run_only_remembers() {
        let folder = tempfile::tempdir().expect("a directory");
        let lock = BaseLock::new(folder.path(), false);
        lock.set(&[(reference("nginx"), locked("n"))]).expect("remembered");
        assert_eq!(lock.entries().map(|entries| entries.map(|entries| entries.len())), Ok(Some(1)));
        assert!(!lock.path().exists());
    }

    #[test]
    fn invalid_files_are_errors() {
        let digest = Digest::of("a");
        for (text, expected) in [
            ("version: 2", "it has version 2, but this windlass supports version 1"),
            ("bases: {}", "missing field `version`"),
            ("version: 1\nbases: {a b: {}}", "missing field"),
            (
                &*format!("version: 1\nbases: {{'a b': {{digest: '{digest}', asked: 2026-11-29}}}}"),
                "`a b` is not",
            ),
            (
                "version: 1\nbases: {a: {digest: sha256:1, asked: 2026-11-29}}",
                "the digest of a is invalid: sha256:1",
            ),
            (
                &*format!("version: 1\nbases: {{a: {{digest: '{digest}', asked: soon}}}}"),
                "the date of a is invalid: soon",
            ),
            ("<<<<<<< HEAD\nversion: 1\n", ""),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
