//! What is known of base images: their ONBUILD triggers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::images::write_atomically;

/// Remembers the ONBUILD triggers of base images by reference, in `.windlass/bases.json`, so that a run with
/// nothing to do asks nobody. What was learnt is checked again whenever an image is built from the base.
#[derive(Debug)]
pub struct BaseMemory {
    path: PathBuf,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    onbuild: BTreeMap<String, Vec<String>>,
    #[serde(skip)]
    changed: bool,
}

impl BaseMemory {
    /// The memory of the project in `root`; read at the first question.
    pub fn new(root: &Path) -> Self {
        Self { path: root.join(".windlass").join("bases.json"), known: Mutex::default() }
    }

    /// The ONBUILD triggers of `reference`, when they are known.
    pub fn onbuild(&self, reference: &str) -> Option<Vec<String>> {
        self.with(|known| known.onbuild.get(reference).cloned())
    }

    /// Remembers the triggers of `reference`; whether that is news.
    pub fn learn(&self, reference: &str, onbuild: Vec<String>) -> bool {
        self.with(|known| {
            let is_news = known.onbuild.get(reference) != Some(&onbuild);
            known.changed |= is_news;
            known.onbuild.insert(reference.to_owned(), onbuild);
            is_news
        })
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
