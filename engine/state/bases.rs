//! Recorded base images: their ONBUILD triggers and environment.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::OutsideImage;
use crate::image::dockerfile::BaseConfig;

use super::images::{decode, write_atomically};

/// How many base images are recorded; the oldest records are dropped first.
const KEPT: usize = 256;
/// The version of the file format.
const VERSION: u32 = 1;

/// Where the digest of a base image was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BasePlace {
    /// In its registry.
    Registry,
    /// In the daemon, which got the image from that registry earlier.
    Daemon,
    /// In the image store, where the image was built.
    Store,
}

/// The digest of a base image that does not belong to a project, at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseDigest {
    /// The digest of its manifest, or of its index if it has several platforms.
    pub digest: String,
    /// Where it was found.
    pub place: BasePlace,
    /// When, in seconds since 1970.
    pub asked: i64,
}

impl BaseDigest {
    /// The image `reference` with this digest.
    pub fn of(&self, reference: &str) -> OutsideImage {
        let asked = Timestamp::from_second(self.asked).ok();
        OutsideImage {
            reference: reference.to_owned(),
            digest: self.digest.clone(),
            asked: asked.map(|asked| asked.to_string()),
        }
    }
}

/// Records the settings that images inherit from base images, and the digests of these, by reference, in
/// `.windlass/bases.json`, so that a run with nothing to do sends no queries.
#[derive(Debug)]
pub struct BaseMemory {
    path: PathBuf,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    bases: IndexMap<String, BaseConfig>,
    /// The last known digests.
    digests: IndexMap<String, BaseDigest>,
    /// References recorded in this run.
    fresh: HashSet<String>,
    /// References whose digests were recorded in this run.
    fresh_digests: HashSet<String>,
    changed: bool,
    warning: Option<String>,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct BaseFile<'a> {
    version: u32,
    bases: Cow<'a, IndexMap<String, BaseConfig>>,
    #[serde(default)]
    digests: Cow<'a, IndexMap<String, BaseDigest>>,
}

impl BaseMemory {
    /// The records of the project in `root`; the file is read at the first lookup.
    pub fn new(root: &Path) -> Self {
        Self { path: root.join(".windlass").join("bases.json"), known: Mutex::default() }
    }

    /// The recorded settings that images inherit from `reference`.
    pub fn get(&self, reference: &str) -> Option<BaseConfig> {
        self.with(|known| known.bases.get(reference).cloned())
    }

    /// Records the settings that images inherit from `reference`.
    pub fn learn(&self, reference: &str, config: BaseConfig) {
        self.with(|known| {
            known.changed |= known.bases.get(reference) != Some(&config);
            known.bases.insert(reference.to_owned(), config);
            known.fresh.insert(reference.to_owned());
            if known.bases.len() > KEPT {
                known.bases.shift_remove_index(0);
            }
        });
    }

    /// Whether `reference` was recorded in this run rather than in an earlier one.
    pub fn is_fresh(&self, reference: &str) -> bool {
        self.with(|known| known.fresh.contains(reference))
    }

    /// The last known digest of `reference`.
    pub fn digest(&self, reference: &str) -> Option<BaseDigest> {
        self.with(|known| known.digests.get(reference).cloned())
    }

    /// The digest of `reference`, if it was found in this run.
    pub fn fresh_digest(&self, reference: &str) -> Option<BaseDigest> {
        self.with(|known| {
            let is_fresh = known.fresh_digests.contains(reference);
            known.digests.get(reference).filter(|_| is_fresh).cloned()
        })
    }

    /// Records the digest of `reference`; `None` if the image was found, but has no digest in a registry.
    pub fn learn_digest(&self, reference: &str, digest: Option<BaseDigest>) {
        self.with(|known| {
            known.changed |= known.digests.get(reference) != digest.as_ref();
            known.fresh_digests.insert(reference.to_owned());
            match digest {
                Some(digest) => drop(known.digests.insert(reference.to_owned(), digest)),
                None => drop(known.digests.shift_remove(reference)),
            }
            if known.digests.len() > KEPT {
                known.digests.shift_remove_index(0);
            }
        });
    }

    /// Removes `reference`, which turned out to be another image now.
    pub fn remove(&self, reference: &str) {
        self.with(|known| {
            known.fresh.remove(reference);
            known.changed |= known.bases.shift_remove(reference).is_some();
        });
    }

    /// Writes the new records.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.as_mut().filter(|known| known.changed) else { return Ok(()) };
        let file = BaseFile {
            version: VERSION,
            bases: Cow::Borrowed(&known.bases),
            digests: Cow::Borrowed(&known.digests),
        };
        write_atomically(&self.path, &serde_json::to_vec_pretty(&file)?)?;
        known.changed = false;
        Ok(())
    }

    /// Why the file was ignored, if it was read and is damaged. It then counts as empty: it only saves
    /// queries.
    pub fn warning(&self) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.warning.clone()
    }

    fn with<T>(&self, use_known: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        use_known(known.get_or_insert_with(|| self.read()))
    }

    fn read(&self) -> Known {
        let file = match crate::input_file::read_up_to(&self.path, crate::input_file::KEPT) {
            Ok(bytes) => decode::<BaseFile<'_>>(&bytes, VERSION),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Known::default(),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        match file {
            Ok(file) => Known {
                bases: file.bases.into_owned(),
                digests: file.digests.into_owned(),
                ..Known::default()
            },
            Err(why) => {
                let warning = format!("ignoring the recorded base images: {} {why}", self.path.display());
                Known { changed: true, warning: Some(warning), ..Known::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variable: &str) -> BaseConfig {
        BaseConfig { env: vec![variable.to_owned()], ..BaseConfig::default() }
    }

    #[test]
    fn learned_facts_exist_in_the_next_run() {
        let folder = tempfile::tempdir().expect("a directory");
        let memory = BaseMemory::new(folder.path());
        assert_eq!(memory.get("alpine:3"), None);
        memory.learn("alpine:3", config("A=1"));
        memory.learn("busybox:1", config("B=1"));
        memory.remove("busybox:1");
        memory.save().expect("saved");
        let memory = BaseMemory::new(folder.path());
        assert_eq!(memory.get("alpine:3"), Some(config("A=1")));
        assert_eq!(memory.get("busybox:1"), None);
    }

    #[test]
    fn digests_are_known_in_the_next_run_but_not_fresh() {
        let folder = tempfile::tempdir().expect("a directory");
        let memory = BaseMemory::new(folder.path());
        let found = BaseDigest { digest: "sha256:1".to_owned(), place: BasePlace::Registry, asked: 7 };
        memory.learn_digest("alpine:3", Some(found.clone()));
        memory.learn_digest("local:1", Some(found.clone()));
        memory.learn_digest("local:1", None);
        assert_eq!(memory.fresh_digest("alpine:3"), Some(found.clone()));
        memory.save().expect("saved");
        let memory = BaseMemory::new(folder.path());
        assert_eq!(memory.digest("alpine:3"), Some(found));
        assert_eq!(memory.fresh_digest("alpine:3"), None);
        assert_eq!(memory.digest("local:1"), None);
    }

    #[test]
    fn nothing_new_is_not_written() {
        let folder = tempfile::tempdir().expect("a directory");
        let memory = BaseMemory::new(folder.path());
        memory.save().expect("saved");
        memory.remove("alpine:3");
        memory.save().expect("saved");
        assert!(!memory.path.exists());
        memory.learn("alpine:3", config("A=1"));
        memory.save().expect("saved");
        std::fs::remove_file(&memory.path).expect("removed");
        memory.learn("alpine:3", config("A=1"));
        memory.save().expect("saved");
        assert!(!memory.path.exists());
    }

    #[test]
    fn the_first_learnt_are_forgotten_first() {
        let folder = tempfile::tempdir().expect("a directory");
        let memory = BaseMemory::new(folder.path());
        for number in 0..=KEPT {
            memory.learn(&number.to_string(), config("A=1"));
        }
        assert_eq!(memory.get("0"), None);
        assert!(memory.get("1").is_some());
    }

    #[test]
    fn a_damaged_file_is_reported_and_replaced() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = BaseMemory::new(folder.path()).path;
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        for (text, expected) in [
            ("", "is damaged"),
            ("{\"version\": 1, \"bases\": {\"a\"", "is damaged"),
            ("{\"version\": 1}", "is damaged"),
            ("{\"version\": 7}", "has version 7, but this windlass supports version 1"),
        ] {
            std::fs::write(&path, text).expect("written");
            let memory = BaseMemory::new(folder.path());
            assert_eq!(memory.get("a"), None);
            assert!(memory.warning().is_some_and(|warning| warning.contains(expected)), "{text}");
            memory.save().expect("saved");
            let memory = BaseMemory::new(folder.path());
            assert_eq!(memory.get("a"), None);
            assert_eq!(memory.warning(), None);
        }
    }
}
