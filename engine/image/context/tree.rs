//! The directories of one run, each read at most once.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::listing::{Found, FoundKind, list};
use super::name::{path_of, text_of_os};
use super::{Context, ContextError};
use crate::image::Stamp;

/// The directories that a run has read: images that share a context share them.
///
/// A directory is not read again, so a forest is valid for one scan of the disk: create a new one to see
/// later changes.
#[derive(Debug, Default)]
pub struct Forest {
    /// A directory of windlass: it is not part of any context.
    own: Option<PathBuf>,
    trees: Mutex<HashMap<PathBuf, Arc<Tree>>>,
    contexts: Mutex<Vec<Context>>,
}

impl Forest {
    /// A new, empty forest.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A new, empty forest that excludes `own`, a directory of windlass, from all contexts.
    pub fn without(own: PathBuf) -> Arc<Self> {
        Arc::new(Self { own: Some(own), ..Self::default() })
    }

    /// A new, empty forest with the same exclusion.
    pub fn anew(&self) -> Arc<Self> {
        Arc::new(Self { own: self.own.clone(), ..Self::default() })
    }

    /// The path of windlass's directory relative to `root`, if it is below `root`.
    pub(super) fn own_below(&self, root: &Path) -> Option<String> {
        let own = crate::cache_folder::without_links(self.own.as_ref()?);
        let inside = text_of_os(own.strip_prefix(root).ok()?.as_os_str());
        (!inside.is_empty()).then(|| inside.into_owned())
    }

    /// The tree below `root`, which is absolute with symlinks resolved.
    pub(super) fn tree(&self, root: PathBuf) -> Arc<Tree> {
        let mut trees = lock(&self.trees);
        trees.entry(root.clone()).or_insert_with(|| Arc::new(Tree::new(root))).clone()
    }

    /// The contexts that are open.
    pub(super) fn contexts(&self) -> MutexGuard<'_, Vec<Context>> {
        lock(&self.contexts)
    }
}

/// A directory, and the part of its content that has been read.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    top: Directory,
    opened: AtomicUsize,
}

/// A directory of a [`Tree`].
#[derive(Debug)]
pub(super) struct Directory {
    path: Arc<str>,
    listing: OnceLock<Result<Box<[DirEntry]>, Arc<io::Error>>>,
}

/// An entry of a directory.
#[derive(Debug)]
pub(super) struct DirEntry {
    /// The path below the tree's root, with `/`.
    pub(super) path: Arc<str>,
    name_start: usize,
    pub(super) kind: NodeKind,
    /// Permission bits, including setuid, setgid and sticky.
    pub(super) mode: u32,
    pub(super) stamp: Stamp,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    Directory(Directory),
    File,
    Symlink,
    /// A named pipe or device.
    Special,
    Socket,
}

impl Tree {
    pub(super) fn new(root: PathBuf) -> Self {
        let top = Directory { path: "".into(), listing: OnceLock::new() };
        Self { root, top, opened: AtomicUsize::new(0) }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn top(&self) -> &Directory {
        &self.top
    }

    /// The number of directories read.
    #[cfg(test)]
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// The entries of `directory`, sorted by name.
    pub(super) fn list<'tree>(&self, directory: &'tree Directory) -> Result<&'tree [DirEntry], ContextError> {
        let listing = directory.listing.get_or_init(|| {
            self.opened.fetch_add(1, Ordering::Relaxed);
            read(&self.on_disk(&directory.path), &directory.path).map_err(Arc::new)
        });
        match listing {
            Ok(nodes) => Ok(nodes),
            Err(error) => Err(ContextError::unreadable(self.on_disk(&directory.path), error.clone())),
        }
    }

    /// The target of the symlink `path`, as written.
    pub(super) fn link_target(&self, path: &str) -> Result<Arc<str>, ContextError> {
        let path = self.on_disk(path);
        match std::fs::read_link(&path) {
            Ok(target) => Ok(text_of_os(target.as_os_str()).into()),
            Err(error) => Err(ContextError::unreadable(path, error)),
        }
    }

    /// The location of `path` on disk.
    pub(super) fn on_disk(&self, path: &str) -> PathBuf {
        self.root.join(path_of(path))
    }
}

impl Directory {
    pub(super) fn path(&self) -> &Arc<str> {
        &self.path
    }
}

impl DirEntry {
    pub(super) fn name(&self) -> &str {
        &self.path[self.name_start..]
    }

    /// The entry `name` of the directory whose path and `/` are in `below`, a buffer that is left as it was.
    fn new(below: &mut String, name: &OsStr, found: Found) -> Self {
        let name_start = below.len();
        below.push_str(&text_of_os(name));
        let path: Arc<str> = below.as_str().into();
        below.truncate(name_start);
        let kind = NodeKind::of(&path, found.kind);
        Self { path, name_start, kind, mode: found.mode, stamp: found.stamp }
    }
}

impl NodeKind {
    fn of(path: &Arc<str>, kind: FoundKind) -> Self {
        match kind {
            FoundKind::Directory => {
                Self::Directory(Directory { path: path.clone(), listing: OnceLock::new() })
            }
            FoundKind::File => Self::File,
            FoundKind::Symlink => Self::Symlink,
            FoundKind::Socket => Self::Socket,
            FoundKind::Special => Self::Special,
        }
    }
}

fn read(path: &Path, folder: &str) -> io::Result<Box<[DirEntry]>> {
    let mut nodes = Vec::new();
    let mut below = folder.to_owned();
    if !folder.is_empty() {
        below.push('/');
    }
    list(path, &mut |name, found| nodes.push(DirEntry::new(&mut below, name, found)))?;
    nodes.sort_unstable_by(|one, other| one.name().cmp(other.name()));
    Ok(nodes.into())
}

#[cfg(unix)]
pub(super) fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777
}

/// Without permission bits everything is executable, as Docker does on Windows.
#[cfg(not(unix))]
pub(super) fn mode(_metadata: &Metadata) -> u32 {
    0o755
}

/// A thread that panicked leaves the lists consistent: every update is one insertion.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
