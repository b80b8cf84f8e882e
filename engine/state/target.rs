//! Where a project was deployed last.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::{decode, prepare_folder, write_atomically};

/// The version of the file; another one is not used.
const VERSION: u32 = 1;

/// Where a project was deployed last, in `.windlass/target.json`.
pub struct TargetStore {
    folder: PathBuf,
    writes: bool,
}

/// A cluster and a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The name of the context in the kubeconfig.
    pub context: String,
    /// The namespace of the run.
    pub namespace: String,
}

#[derive(Serialize, Deserialize)]
struct TargetFile {
    version: u32,
    #[serde(flatten)]
    target: Target,
}

impl TargetStore {
    /// The store of the project in `root`; if not `writes`, nothing is ever written to it.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { folder: root.join(".windlass"), writes }
    }

    /// The last target; `None` if there is none, or the file is damaged.
    pub fn read(&self) -> Option<Target> {
        let bytes = crate::input_file::read_up_to(&self.path(), crate::input_file::KEPT).ok()?;
        decode::<TargetFile>(&bytes, VERSION).ok().map(|file| file.target)
    }

    /// Records a target.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, target: &Target) -> io::Result<()> {
        if !self.writes || self.read().as_ref() == Some(target) {
            return Ok(());
        }
        let file = serde_json::to_vec_pretty(&TargetFile { version: VERSION, target: target.clone() })?;
        prepare_folder(&self.folder)?;
        write_atomically(&self.path(), &file)
    }

    fn path(&self) -> PathBuf {
        self.folder.join("target.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_target_is_recorded() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = TargetStore::new(folder.path(), true);
        assert_eq!(store.read(), None);
        let target = |namespace: &str| Target { context: "kind".to_owned(), namespace: namespace.to_owned() };
        store.write(&target("dev")).expect("written");
        store.write(&target("prod")).expect("written");
        assert_eq!(store.read(), Some(target("prod")));
        assert!(folder.path().join(".windlass/.gitignore").exists(), "git ignores it");
        TargetStore::new(folder.path(), false).write(&target("dev")).expect("nothing");
        assert_eq!(store.read(), Some(target("prod")));
    }
}
