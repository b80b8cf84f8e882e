//! Finds the configuration file.

use std::path::{Path, PathBuf};

use super::ConfigError;

/// The name of the configuration file.
pub(crate) const FILE: &str = "devspace.yaml";

/// The configuration file, as an absolute path: `config` if given, otherwise the first `devspace.yaml` from
/// `directory` upward. `home` itself is skipped: a file there would apply to every project below it.
pub(crate) fn locate(
    directory: &Path,
    config: Option<&Path>,
    home: Option<&Path>,
) -> Result<PathBuf, ConfigError> {
    let directory = std::path::absolute(directory)
        .map_err(|source| ConfigError::Unreadable { file: directory.to_owned(), source })?;
    if let Some(config) = config {
        return Ok(directory.join(config));
    }
    directory
        .ancestors()
        .filter(|folder| Some(*folder) != home)
        .map(|folder| folder.join(FILE))
        // A special file is found as well: reading it reports the error.
        .find(|file| file.exists() && !file.is_dir())
        .ok_or(ConfigError::NotFound { directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_searched_upward_but_not_in_the_home() {
        let home = tempfile::tempdir().expect("directory");
        let home = home.path();
        std::fs::create_dir_all(home.join("project/deep/er")).expect("directory");
        std::fs::write(home.join(FILE), "").expect("file");
        let found = |from: &str| locate(&home.join(from), None, Some(home)).ok();
        assert_eq!(found("project/deep"), None);
        std::fs::write(home.join("project").join(FILE), "").expect("file");
        assert_eq!(found("project/deep/er"), Some(home.join("project").join(FILE)));
        let given = locate(&home.join("project"), Some(Path::new("deep/other.yaml")), Some(home)).ok();
        assert_eq!(given, Some(home.join("project/deep/other.yaml")));
    }
}
