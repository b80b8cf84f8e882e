//! What is known of base images: their ONBUILD triggers and environment.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::image::dockerfile::BaseConfig;

use super::images::write_atomically;

/// How many base images are remembered; those learnt first are forgotten first.
const KEPT: usize = 256;

/// Remembers what base images pass on, by reference, in `.windlass/bases.json`, so that a run with nothing to do
/// asks nobody.
#[derive(Debug)]
pub struct BaseMemory {
    path: PathBuf,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    bases: IndexMap<String, BaseConfig>,
    #[serde(skip)]
    changed: bool,
}

impl BaseMemory {
    /// The memory of the project in `root`; read at the first question.
    pub fn new(root: &Path) -> Self {
        Self { path: root.join(".windlass").join("bases.json"), known: Mutex::default() }
    }

    /// What `reference` passes on, when that is known.
    pub fn get(&self, reference: &str) -> Option<BaseConfig> {
        self.with(|known| known.bases.get(reference).cloned())
    }

    /// Remembers what `reference` passes on.
    pub fn learn(&self, reference: &str, config: BaseConfig) {
        self.with(|known| {
            known.changed |= known.bases.get(reference) != Some(&config);
            known.bases.insert(reference.to_owned(), config);
            if known.bases.len() > KEPT {
                known.bases.shift_remove_index(0);
            }
        });
    }

    /// Forgets `reference`, which proved to be another image by now.
    pub fn forget(&self, reference: &str) {
        self.with(|known| known.changed |= known.bases.shift_remove(reference).is_some());
    }

    /// Writes what was learnt.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> std::io::Result<()> {
        self.with(|known| {
            if std::mem::take(&mut known.changed) {
                write_atomically(&self.path, &serde_json::to_vec_pretty(known)?)?;
            }
            Ok(())
        })
    }

    /// A damaged file counts as empty: it only saves questions.
    fn with<T>(&self, use_known: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        use_known(known.get_or_insert_with(|| {
            let bytes = std::fs::read(&self.path).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        }))
    }
}
