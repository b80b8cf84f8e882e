//! Environment variables, with those of the project's `.env` as fallback.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::variable::Provenance;
use super::{ConfigError, env_file};
use crate::process::Process;
use crate::text;

/// Looks up environment variables: first those of the process (or the given ones), then those of `.env`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    given: Option<HashMap<String, String>>,
    /// The variables of the file. The project's configuration may select another file while it is read.
    file: RefCell<Vec<(String, String)>>,
    /// The files that were read, or looked for: those of variables, and those of the configuration.
    files: RefCell<Vec<PathBuf>>,
    no_exec: bool,
}

impl Environment {
    /// Reads `.env` in `directory`, if it exists. `given` replaces the environment of the process.
    pub(crate) fn read(
        given: Option<HashMap<String, String>>,
        directory: &Path,
    ) -> Result<Self, ConfigError> {
        let file = directory.join(".env");
        let environment = Self { given, ..Self::default() };
        match environment.replace_file(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            // A directory called `.env` is probably a Python environment: ignore it.
            Err(_) if file.is_dir() => {}
            Err(source) => return Err(ConfigError::Unreadable { file, source }),
            Ok(()) => {}
        }
        Ok(environment)
    }

    /// Replaces the variables of `.env` with those of `file`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn replace_file(&self, file: &Path) -> std::io::Result<()> {
        self.note(file);
        let bytes = crate::input_file::read(file)?;
        self.file.replace(env_file::parse(&text::decode(&bytes), |name| self.outer(name)));
        Ok(())
    }

    /// Records that `file` was read, or looked for.
    pub(crate) fn note(&self, file: &Path) {
        self.files.borrow_mut().push(file.to_owned());
    }

    /// The files that were read, or looked for.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files.borrow().clone()
    }

    /// The environment; if `no_exec` is set, variables of the project cannot run commands.
    pub(crate) fn with_no_exec(self, no_exec: bool) -> Self {
        Self { no_exec, ..self }
    }

    /// Whether variables of the project may run commands.
    pub(crate) fn allows_commands(&self) -> bool {
        !self.no_exec
    }

    /// The value of `name`; an empty value counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(|(value, _)| value)
    }

    /// The value of `name` and its source; an empty value counts as unset.
    pub(crate) fn find(&self, name: &str) -> Option<(String, Provenance)> {
        let (value, provenance) = match self.outer(name) {
            Some(value) => (value, Provenance::Environment),
            None => {
                let file = self.file.borrow();
                let (_, value) = file.iter().rfind(|(key, _)| key == name)?;
                (value.clone(), Provenance::EnvFile)
            }
        };
        (!value.is_empty()).then_some((value, provenance))
    }

    /// The variables of `.env` that the environment of the process does not have.
    pub(crate) fn additions(&self) -> Vec<(String, String)> {
        self.file.borrow().iter().filter(|(name, _)| self.outer(name).is_none()).cloned().collect()
    }

    /// `process` in this environment.
    pub(crate) fn pass_to(&self, process: Process) -> Process {
        let with = |process: Process, (name, value): (&String, &String)| process.env(name, value);
        let process = match &self.given {
            Some(given) => given.iter().fold(process.env_clear(), with),
            None => process,
        };
        self.additions().iter().fold(process, |process, (name, value)| with(process, (name, value)))
    }

    fn outer(&self, name: &str) -> Option<String> {
        // The standard library panics on invalid names.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        match &self.given {
            Some(given) => given.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_environment_wins_over_the_file() {
        let given = HashMap::from([("A".to_owned(), "real".to_owned()), ("E".to_owned(), String::new())]);
        let environment = Environment {
            given: Some(given),
            file: RefCell::new(env_file::parse("A=file\nB=file\nE=file", |_| None)),
            ..Environment::default()
        };
        assert_eq!(environment.get("A").as_deref(), Some("real"));
        assert_eq!(environment.get("B").as_deref(), Some("file"));
        assert_eq!(environment.get("E"), None);
        assert_eq!(environment.get("a=b"), None);
        assert_eq!(environment.additions(), [("B".to_owned(), "file".to_owned())]);
    }
}
