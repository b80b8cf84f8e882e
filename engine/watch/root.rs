//! The watched directories and files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::known::Contents;
use crate::image::context::text_of_os;

/// Whether a path below a root (relative, with `/`) is watched; for a directory, whether anything below it is.
type Filter = Arc<dyn Fn(&str, bool) -> bool + Send + Sync>;

/// A directory with everything below it that a filter accepts, or one file. It need not exist.
#[derive(Clone)]
pub struct WatchRoot {
    path: PathBuf,
    filter: Option<Filter>,
    contents: Contents,
}

/// Two directories are equal if they have the same filter, not only an equal one.
impl PartialEq for WatchRoot {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl WatchRoot {
    /// The directory `path` (absolute). `filter` gets a path below it (relative, with `/`) and whether it is a
    /// directory; a directory that it rejects is not entered.
    pub fn folder(path: PathBuf, filter: impl Fn(&str, bool) -> bool + Send + Sync + 'static) -> Self {
        Self { path, filter: Some(Arc::new(filter)), contents: Contents::Read }
    }

    /// The directory `path` (absolute) with everything below it.
    pub fn everything(path: PathBuf) -> Self {
        static ALL: LazyLock<Filter> = LazyLock::new(|| Arc::new(|_: &str, _| true));
        Self { path, filter: Some(Arc::clone(&ALL)), contents: Contents::Read }
    }

    /// The file `path` (absolute).
    pub fn file(path: PathBuf) -> Self {
        Self { path, filter: None, contents: Contents::Read }
    }

    /// The same root, whose files are not read: every write of a file is reported, even if its content stays.
    #[must_use]
    pub fn without_contents(self) -> Self {
        Self { contents: Contents::Ignored, ..self }
    }

    fn key(&self) -> (&Path, Contents, Option<*const ()>) {
        (&self.path, self.contents, self.filter.as_ref().map(|filter| Arc::as_ptr(filter).cast()))
    }

    /// The directory or file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn accepts(&self, path: &Path, is_folder: bool) -> bool {
        let Ok(inside) = path.strip_prefix(&self.path) else { return false };
        match &self.filter {
            None => inside.as_os_str().is_empty() && !is_folder,
            Some(_) if inside.as_os_str().is_empty() => is_folder,
            Some(filter) => filter(&text_of_os(inside.as_os_str()), is_folder),
        }
    }

    /// The directory to watch first: the root, or the nearest existing one above it.
    fn start(&self) -> Option<&Path> {
        let first = if self.filter.is_some() { Some(self.path.as_path()) } else { self.path.parent() };
        first?.ancestors().find(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir()))
    }
}

/// All roots of a watcher, each once, sorted.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Roots(pub(super) Vec<WatchRoot>);

impl Roots {
    /// These roots, in any order. Images of a project share many of them.
    pub(super) fn new(mut roots: Vec<WatchRoot>) -> Self {
        roots.sort_unstable_by(|one, other| one.key().cmp(&other.key()));
        roots.dedup();
        Self(roots)
    }

    /// Whether `folder` is watched: it is in a root, or leads to one.
    pub(super) fn enters(&self, folder: &Path) -> bool {
        self.0.iter().any(|root| root.path.starts_with(folder) && root.path != folder)
            || self.sees(folder, true)
    }

    /// Whether a change of `path` is reported.
    pub(super) fn sees(&self, path: &Path, is_folder: bool) -> bool {
        self.0.iter().any(|root| root.accepts(path, is_folder))
    }

    /// Which differences count as a change of `path`, which is not a directory: the strictest of its roots decides.
    pub(super) fn contents(&self, path: &Path) -> Contents {
        let reads = |root: &WatchRoot| root.contents == Contents::Read && root.accepts(path, false);
        if self.0.iter().any(reads) { Contents::Read } else { Contents::Ignored }
    }

    /// The directories from which the tree is read, none of them inside another.
    pub(super) fn starts(&self) -> Vec<PathBuf> {
        let mut starts: Vec<_> = self.0.iter().filter_map(WatchRoot::start).map(Path::to_owned).collect();
        starts.sort();
        starts.dedup();
        let all = starts.clone();
        // A directory inside another may not be entered from there.
        starts.retain(|start| {
            !all.iter().any(|other| {
                start != other
                    && start.starts_with(other)
                    && start
                        .ancestors()
                        .take_while(|folder| folder != other)
                        .all(|folder| self.enters(folder))
            })
        });
        starts
    }
}
