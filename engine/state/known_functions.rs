//! The functions of the default pipelines in the versions of windlass that a project has used.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::StateFolder;

const FILE: &str = "functions.json";

/// Records the functions of the default pipelines at the last run of a project, in `.windlass/functions.json`: a later
/// version of windlass may have more of them.
pub struct FunctionStore {
    folder: StateFolder,
}

/// The functions of the default pipelines at the last run of a project.
#[derive(Debug, PartialEq, Eq)]
pub enum KnownFunctions {
    /// The signatures of the functions, such as `tags(image)`.
    Recorded(Vec<String>),
    /// The project has records of builds alone: the version that wrote them recorded no functions.
    OfBuilds,
    /// The project has never run.
    Nothing,
}

#[derive(Serialize, Deserialize)]
struct Functions {
    functions: Vec<String>,
}

impl FunctionStore {
    /// The store of the project in `root`; if not `writes`, nothing is ever written to it.
    pub fn new(root: &Path, writes: bool) -> Self {
        Self { folder: StateFolder::new(root, writes) }
    }

    /// The functions at the last run of the project.
    pub fn read(&self) -> KnownFunctions {
        match self.folder.read::<Functions>(FILE) {
            Some(file) => KnownFunctions::Recorded(file.functions),
            None if self.folder.path("images").is_dir() => KnownFunctions::OfBuilds,
            None => KnownFunctions::Nothing,
        }
    }

    /// Records the signatures of the functions.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, functions: Vec<String>) -> io::Result<()> {
        self.folder.write(FILE, &Functions { functions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_the_recorded_functions_or_was_built() {
        let root = tempfile::tempdir().expect("a directory");
        let store = FunctionStore::new(root.path(), true);
        assert_eq!(store.read(), KnownFunctions::Nothing);
        std::fs::create_dir_all(root.path().join(".windlass/images")).expect("created");
        assert_eq!(store.read(), KnownFunctions::OfBuilds);
        let functions = vec!["tags(image)".to_owned()];
        store.write(functions.clone()).expect("written");
        assert_eq!(store.read(), KnownFunctions::Recorded(functions));
    }
}
