//! The temporary files of one run of helm.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::ChartError;

/// A private directory, removed with this value: at the end, on errors and on cancel.
#[derive(Debug)]
pub(super) struct CallFiles(TempDir);

impl CallFiles {
    /// Creates the directory.
    pub(super) fn new() -> Result<Self, ChartError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("windlass-helm-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        builder.tempdir().map(Self).map_err(failed)
    }

    /// The path of the file `name`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the file `name`, which only the user can read, and returns its path.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<String, ChartError> {
        let path = self.path(name);
        write_private(&path, content).map_err(failed)?;
        Ok(path.display().to_string())
    }

    /// Writes `values` as the values file `name`; `None` without values.
    pub(super) fn write_values(&self, name: &str, values: &Value) -> Result<Option<String>, ChartError> {
        match values {
            Value::Null => Ok(None),
            Value::Object(entries) if entries.is_empty() => Ok(None),
            values => self.write(name, &yaml_safe(&values.to_string())).map(Some),
        }
    }
}

fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, content.as_bytes())
}

/// JSON that is YAML too: characters that YAML does not allow are escaped. They occur only in strings.
fn yaml_safe(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            other => text.push(other),
        }
    }
    text
}

fn failed(source: io::Error) -> ChartError {
    ChartError::TemporaryFiles { source }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_private_and_removed() {
        let files = CallFiles::new().unwrap();
        let path = files.write_values("values.json", &json!({ "a": "x\u{7f}" })).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), r#"{"a":"x\u007f"}"#);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(Path::new(&path)), 0o600);
        assert_eq!(mode(Path::new(&path).parent().unwrap()), 0o700);
        drop(files);
        assert!(!Path::new(&path).exists());
    }

    #[test]
    fn no_values_need_no_file() {
        let files = CallFiles::new().unwrap();
        assert_eq!(files.write_values("a", &Value::Null).unwrap(), None);
        assert_eq!(files.write_values("b", &json!({})).unwrap(), None);
    }
}
