//! The small files of the state directory: each is one value in JSON, with the version of its form.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::images::{decode, prepare_folder, write_atomically};

/// The version of the files; another one is not used.
const VERSION: u32 = 1;

/// The state directory of a project, `.windlass/`.
pub(super) struct StateFolder {
    folder: PathBuf,
    writes: bool,
}

#[derive(Serialize, Deserialize)]
struct StateFile<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

impl StateFolder {
    /// The state directory of the project in `root`; if not `writes`, nothing is ever written to it.
    pub(super) fn new(root: &Path, writes: bool) -> Self {
        Self { folder: root.join(".windlass"), writes }
    }

    /// The absolute path of a file or directory in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads a file; `None` if it does not exist, is damaged or has another version.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = crate::input_file::read_up_to(&self.path(name), crate::input_file::KEPT).ok()?;
        decode::<StateFile<T>>(&bytes, VERSION).ok().map(|file| file.content)
    }

    /// Writes a file, atomically.
    pub(super) fn write(&self, name: &str, content: &impl Serialize) -> io::Result<()> {
        if !self.writes {
            return Ok(());
        }
        let file = serde_json::to_vec_pretty(&StateFile { version: VERSION, content })?;
        prepare_folder(&self.folder)?;
        write_atomically(&self.path(name), &file)
    }

    /// Removes a file, unless it does not exist.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        if !self.writes {
            return Ok(());
        }
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_damaged_or_of_another_version_counts_as_missing() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Content {
            name: String,
        }
        let root = tempfile::tempdir().expect("a directory");
        let folder = StateFolder::new(root.path(), true);
        assert_eq!(folder.read::<Content>("a.json"), None);
        folder.write("a.json", &Content { name: "a".to_owned() }).expect("written");
        assert_eq!(folder.read("a.json"), Some(Content { name: "a".to_owned() }));
        assert!(root.path().join(".windlass/.gitignore").exists(), "git ignores it");
        for text in ["{", r#"{"version": 2, "name": "a"}"#, r#"{"version": 1}"#] {
            std::fs::write(folder.path("a.json"), text).expect("written");
            assert_eq!(folder.read::<Content>("a.json"), None, "{text}");
        }
        folder.remove("a.json").expect("removed");
        folder.remove("a.json").expect("it was removed already");
    }

    #[test]
    fn a_directory_that_is_not_written_is_unchanged() {
        let root = tempfile::tempdir().expect("a directory");
        StateFolder::new(root.path(), false).write("a.json", &"a").expect("nothing");
        assert!(!root.path().join(".windlass").exists());
    }
}
