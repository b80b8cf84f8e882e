//! Where a project was deployed last.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::StateFolder;

const FILE: &str = "target.json";

/// Where a project was deployed last, in `.windlass/target.json`.
pub struct TargetStore {
    folder: StateFolder,
}

/// A cluster and a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterTarget {
    /// The name of the context in the kubeconfig.
    pub context: String,
    /// The namespace of the run.
    pub namespace: String,
}

impl TargetStore {
    /// The store of the project in `root`; if not `writes`, nothing is ever written to it.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { folder: StateFolder::new(root, writes) }
    }

    /// The last target; `None` if the file is missing or damaged.
    pub fn read(&self) -> Option<ClusterTarget> {
        self.folder.read(FILE)
    }

    /// Records a target.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, target: &ClusterTarget) -> io::Result<()> {
        if self.read().as_ref() == Some(target) { Ok(()) } else { self.folder.write(FILE, target) }
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
        let target =
            |namespace: &str| ClusterTarget { context: "kind".to_owned(), namespace: namespace.to_owned() };
        store.write(&target("dev")).expect("written");
        store.write(&target("prod")).expect("written");
        assert_eq!(store.read(), Some(target("prod")));
    }
}
