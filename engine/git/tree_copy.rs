//! A copy of the files of a repository, which is planned instead of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// A directory with the files of another revision of a repository. A project in it has the values of the original
/// project that do not come from files: the outputs of its commands, and what git returns about it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TreeCopy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    copy: PathBuf,
    original: PathBuf,
    outputs: Mutex<HashMap<Vec<String>, String>>,
}

impl TreeCopy {
    /// The copy in `copy` of the repository in `original`. Both are absolute with symlinks resolved.
    pub fn new(copy: impl Into<PathBuf>, original: impl Into<PathBuf>) -> Self {
        let (copy, original) = (copy.into(), original.into());
        Self(Arc::new(Inner { copy, original, outputs: Mutex::default() }))
    }

    /// The path in the repository for `path` in the copy; any other path is returned unchanged.
    pub fn original_of(&self, path: &Path) -> PathBuf {
        exchanged(path, &self.0.copy, &self.0.original).unwrap_or_else(|| path.to_owned())
    }

    /// The path in the copy for `path` in the repository; `None` if it is elsewhere.
    pub fn copy_of(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize();
        exchanged(real.as_deref().unwrap_or(path), &self.0.original, &self.0.copy)
    }

    /// The output for `question` that was recorded before; otherwise records that of `ask`.
    ///
    /// # Errors
    /// Those of `ask`.
    pub fn output<E>(
        &self,
        question: Vec<String>,
        ask: impl FnOnce() -> Result<String, E>,
    ) -> Result<String, E> {
        if let Some(known) = lock(&self.0.outputs).get(&question) {
            return Ok(known.clone());
        }
        let output = ask()?;
        lock(&self.0.outputs).insert(question, output.clone());
        Ok(output)
    }
}

impl PartialEq for TreeCopy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// `path` in `to` instead of `from`.
fn exchanged(path: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let inside = path.strip_prefix(from).ok()?;
    Some(if inside.as_os_str().is_empty() { to.to_owned() } else { to.join(inside) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_exchanged_inside_the_directories() {
        let copy = TreeCopy::new("/cache/tree", "/src/shop");
        assert_eq!(copy.original_of(Path::new("/cache/tree")), Path::new("/src/shop"));
        assert_eq!(copy.original_of(Path::new("/cache/tree/api/a")), Path::new("/src/shop/api/a"));
        assert_eq!(copy.original_of(Path::new("/cache/trees")), Path::new("/cache/trees"));
        assert_eq!(copy.copy_of(Path::new("/src/shop/api")).as_deref(), Some(Path::new("/cache/tree/api")));
        assert_eq!(copy.copy_of(Path::new("/src/other")), None);
    }

    #[test]
    fn an_output_is_asked_for_once() {
        let copy = TreeCopy::new("/a", "/b");
        let asked = |text: &str| copy.output(vec!["date".to_owned()], || Ok::<_, ()>(text.to_owned()));
        assert_eq!((asked("1"), asked("2")), (Ok("1".to_owned()), Ok("1".to_owned())));
    }
}
