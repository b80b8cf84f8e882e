//! Environment variables, with those of the project's `.env` below them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use super::ConfigError;
use super::variable::Provenance;
use crate::process::Process;

/// Looks up environment variables: those of the process (or the given ones), else those of `.env`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    given: Option<HashMap<String, String>>,
    /// The variables of the file. The project's configuration may name another one while it is read.
    file: RefCell<Vec<(String, String)>>,
    no_exec: bool,
}

impl Environment {
    /// Reads `.env` in `directory`, when there is one. `given` takes the place of the process's environment.
    pub(crate) fn read(
        given: Option<HashMap<String, String>>,
        directory: &Path,
    ) -> Result<Self, ConfigError> {
        let file = directory.join(".env");
        let text = match crate::input_file::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            // A folder called `.env` (a Python environment) is none of our business.
            Err(_) if file.is_dir() => String::new(),
            Err(source) => return Err(ConfigError::Unreadable { file, source }),
        };
        Ok(Self { given, file: RefCell::new(parse(&text)), no_exec: false })
    }

    /// Takes the variables of `file` in place of those of `.env`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn replace_file(&self, file: &Path) -> std::io::Result<()> {
        let bytes = crate::input_file::read(file)?;
        self.file.replace(parse(&String::from_utf8_lossy(&bytes)));
        Ok(())
    }

    /// The environment, in which variables of the project cannot run commands when `no_exec` is set.
    pub(crate) fn with_no_exec(self, no_exec: bool) -> Self {
        Self { no_exec, ..self }
    }

    /// Whether variables of the project may run commands.
    pub(crate) fn allows_commands(&self) -> bool {
        !self.no_exec
    }

    /// The value of `name`; an empty one counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(|(value, _)| value)
    }

    /// The value of `name` and which of the two it is from; an empty one counts as unset.
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

    /// The variables of `.env` that the process's environment does not have.
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
        // The standard library panics on names that no variable can have.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        match &self.given {
            Some(given) => given.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }
}

/// `NAME=VALUE` lines; `export`, comments, and values in quotes (with escapes in double ones) are known.
fn parse(text: &str) -> Vec<(String, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.contains([' ', '\0']) || value.contains('\0') {
        return None;
    }
    let value = if let Some(quoted) = value.strip_prefix('\'') {
        quoted.split('\'').next().unwrap_or_default().to_owned()
    } else if let Some(quoted) = value.strip_prefix('"') {
        unescape(quoted)
    } else {
        value.split(" #").next().unwrap_or_default().trim_end().to_owned()
    };
    Some((name.to_owned(), value))
}

/// The text up to the closing quote.
fn unescape(quoted: &str) -> String {
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(other) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_file_knows_quotes_comments_and_export() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = parse(text);
            let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("A=1\n# B=2\n\nexport C = 3 # no\n", &[("A", "1"), ("C", "3")]);
        check("A='x # y'\nB=\"a\\n\\\"b\\\"\" # c\n", &[("A", "x # y"), ("B", "a\n\"b\"")]);
        check("A=x#y\nnothing\n=1\n", &[("A", "x#y")]);
    }

    #[test]
    fn real_environment_wins_over_the_file() {
        let given = HashMap::from([("A".to_owned(), "real".to_owned()), ("E".to_owned(), String::new())]);
        let environment = Environment {
            given: Some(given),
            file: RefCell::new(parse("A=file\nB=file\nE=file")),
            no_exec: false,
        };
        assert_eq!(environment.get("A").as_deref(), Some("real"));
        assert_eq!(environment.get("B").as_deref(), Some("file"));
        assert_eq!(environment.get("E"), None);
        assert_eq!(environment.get("a=b"), None);
        assert_eq!(environment.additions(), [("B".to_owned(), "file".to_owned())]);
    }
}
