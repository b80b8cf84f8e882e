//! A file inside the project.

use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Directories that scripts cannot write.
const RESERVED: [&str; 2] = [".git", ".windlass"];

/// A file inside the project: symlinks in its path are resolved and do not lead outside. Displays relative to the
/// project directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectPath {
    absolute: PathBuf,
    relative: PathBuf,
}

/// Why a path is not a file of the project.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum PathError {
    /// It leads out of the project.
    #[error("`{path}` is outside of the project")]
    #[diagnostic(
        code(files::outside),
        help("use a path below the project directory: scripts cannot read or write outside of it")
    )]
    Outside {
        /// The path as given.
        path: String,
    },

    /// It is reserved for git or windlass.
    #[error("scripts cannot write below `{folder}`")]
    #[diagnostic(code(files::reserved), help("choose a path outside of it"))]
    Reserved {
        /// The directory.
        folder: &'static str,
    },

    /// A part of it cannot be read.
    #[error("cannot look up `{path}`: {reason}")]
    #[diagnostic(code(files::unreadable))]
    Unreadable {
        /// The path as given.
        path: String,
        /// The reason.
        reason: String,
    },
}

impl ProjectPath {
    /// The file at `path`, relative to the project directory `root`. It might not exist yet.
    ///
    /// # Errors
    /// [`PathError`] if it leads out of the project: by `..`, as an absolute path, or through a symlink.
    pub fn new(root: &Path, path: &str) -> Result<Self, PathError> {
        let outside = || PathError::Outside { path: path.to_owned() };
        let unreadable =
            |error: io::Error| PathError::Unreadable { path: path.to_owned(), reason: error.to_string() };
        let mut relative = PathBuf::new();
        for component in Path::new(path).components() {
            match component {
                Component::Normal(name) => relative.push(name),
                Component::CurDir => {}
                Component::ParentDir if relative.pop() => {}
                _ => return Err(outside()),
            }
        }
        let real_root = root.canonicalize().map_err(unreadable)?;
        // The existing part of the path may contain symlinks; the rest cannot.
        let mut existing = real_root.join(&relative);
        let mut missing = Vec::new();
        while existing.symlink_metadata().is_err() {
            match (existing.file_name().map(ToOwned::to_owned), existing.pop()) {
                (Some(name), true) => missing.push(name),
                _ => return Err(outside()),
            }
        }
        let mut absolute = existing.canonicalize().map_err(|error| match error.kind() {
            // A dangling symlink may point anywhere.
            io::ErrorKind::NotFound => outside(),
            _ => unreadable(error),
        })?;
        if !absolute.starts_with(&real_root) {
            return Err(outside());
        }
        absolute.extend(missing.into_iter().rev());
        Ok(Self { absolute, relative })
    }

    /// As [`ProjectPath::new`], for a file to write. Rejects the directories of git and windlass: git's hooks may run
    /// later, and windlass's records are trusted.
    ///
    /// # Errors
    /// [`PathError`] also if it is in a directory of git or windlass.
    pub fn writable(root: &Path, path: &str) -> Result<Self, PathError> {
        let found = Self::new(root, path)?;
        let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let inside = found.absolute.strip_prefix(&real_root).unwrap_or(&found.relative);
        let names: Vec<_> = inside.components().map(|part| part.as_os_str().to_ascii_lowercase()).collect();
        match RESERVED.iter().find(|folder| names.iter().any(|name| name == **folder)) {
            Some(folder) => Err(PathError::Reserved { folder }),
            None => Ok(found),
        }
    }

    /// The absolute path.
    pub fn absolute(&self) -> &Path {
        &self.absolute
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.relative.display().fmt(formatter)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_lead_to_files_of_the_project_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(folder.path().join("secret"), "").unwrap();
        symlink("sub", root.join("inner")).unwrap();
        symlink("..", root.join("outer")).unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        let root = root.canonicalize().unwrap();
        let check = |path: &str, expected: Option<&str>| {
            let found = ProjectPath::new(&root, path).ok();
            let found =
                found.map(|found| found.absolute().strip_prefix(&root).unwrap().display().to_string());
            assert_eq!(found.as_deref(), expected, "{path}");
        };
        check("a.txt", Some("a.txt"));
        check("./new/folder/a.txt", Some("new/folder/a.txt"));
        check("sub/../a.txt", Some("a.txt"));
        check("inner/a.txt", Some("sub/a.txt"));
        check("../secret", None);
        check("sub/../../secret", None);
        check("/etc/passwd", None);
        check("outer/secret", None);
        check("outer/new", None);
        check("link", None);
        check("dangling", None);
    }
}
