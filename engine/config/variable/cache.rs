//! Saved answers, in `.windlass/vars.json`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The saved answers of a project, read on the first lookup.
pub(crate) struct Cache {
    root: PathBuf,
    file: PathBuf,
    known: Option<BTreeMap<String, String>>,
    added: BTreeMap<String, String>,
    /// Why the file is ignored, for a warning.
    pub damage: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    vars: BTreeMap<String, String>,
}

impl Cache {
    /// The saved answers of the project in `root`.
    pub(crate) fn new(root: &Path) -> Self {
        let file = root.join(".windlass").join("vars.json");
        Self { root: root.to_owned(), file, known: None, added: BTreeMap::new(), damage: None }
    }

    /// The saved answer for `name`.
    pub(crate) fn get(&mut self, name: &str) -> Option<String> {
        if let Some(answer) = self.added.get(name) {
            return Some(answer.clone());
        }
        if self.known.is_none() {
            let known = self.read();
            self.known = Some(known);
        }
        self.known.as_ref()?.get(name).cloned()
    }

    /// Adds an answer, which [`Cache::save`] writes.
    pub(crate) fn add(&mut self, name: &str, answer: &str) {
        self.added.insert(name.to_owned(), answer.to_owned());
    }

    /// Removes the answers for `names`, or all of them, from the file. Returns the names of the removed ones.
    ///
    /// # Errors
    /// If the directory or the file cannot be written.
    pub(crate) fn remove(&mut self, names: &[String]) -> std::io::Result<Vec<String>> {
        let (gone, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.read().into_iter().partition(|(name, _)| names.is_empty() || names.contains(name));
        // An invalid file is replaced if all answers are to be removed.
        if !gone.is_empty() || (names.is_empty() && self.damage.is_some()) {
            self.write(kept)?;
        }
        Ok(gone.into_keys().collect())
    }

    /// Writes the added answers. Keeps answers that another run has written meanwhile.
    ///
    /// # Errors
    /// If the directory or the file cannot be written.
    pub(crate) fn save(&mut self) -> std::io::Result<()> {
        if self.added.is_empty() {
            return Ok(());
        }
        let mut vars = self.read();
        vars.append(&mut self.added);
        self.write(vars)
    }

    /// Writes the file, readable only for this user.
    fn write(&self, vars: BTreeMap<String, String>) -> std::io::Result<()> {
        let folder = self.root.join(".windlass");
        let folder = folder.as_path();
        crate::own_file::create_folder(folder)?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(ignore, "*\n")?;
        }
        // Temporary files are created with mode 0600, which a rename keeps.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, &Contents { version: 1, vars })?;
        file.write_all(b"\n")?;
        file.persist(&self.file).map_err(|error| error.error)?;
        Ok(())
    }

    fn read(&mut self) -> BTreeMap<String, String> {
        let contents = match crate::input_file::read(&self.file) {
            Ok(bytes) => serde_json::from_slice::<Contents>(&bytes).map_err(|_| "it is damaged".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return BTreeMap::new(),
            Err(error) => Err(error.to_string()),
        };
        match contents {
            Ok(contents) if contents.version == 1 => contents.vars,
            Ok(_) => self.damaged("it was written by another version".to_owned()),
            Err(reason) => self.damaged(reason),
        }
    }

    fn damaged(&mut self, reason: String) -> BTreeMap<String, String> {
        self.damage = Some(reason);
        BTreeMap::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_and_only_the_user_may_read_them() {
        let root = tempfile::tempdir().expect("directory");
        let mut cache = Cache::new(root.path());
        assert_eq!(cache.get("A"), None);
        cache.add("A", "1");
        assert_eq!(cache.get("A").as_deref(), Some("1"));
        cache.save().expect("saved");
        let mut other = Cache::new(root.path());
        other.add("B", "2");
        other.save().expect("saved");
        let mut again = Cache::new(root.path());
        assert_eq!((again.get("A").as_deref(), again.get("B").as_deref()), (Some("1"), Some("2")));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(root.path().join(".windlass/vars.json"))
                .expect("file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn damaged_file_is_reported_and_not_used() {
        let root = tempfile::tempdir().expect("directory");
        std::fs::create_dir(root.path().join(".windlass")).expect("directory");
        std::fs::write(root.path().join(".windlass/vars.json"), "{").expect("file");
        let mut cache = Cache::new(root.path());
        assert_eq!(cache.get("A"), None);
        assert_eq!(cache.damage.as_deref(), Some("it is damaged"));
    }
}
