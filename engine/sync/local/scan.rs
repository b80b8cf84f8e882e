//! Lists the directory on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::super::exclude::OWN_PREFIX;
use super::super::reconcile::Entries;
use super::super::{Kind, RelativePath, SyncEntry};
use super::{LocalFolder, is_absence};

/// How deep directories may be.
pub(super) const DEEPEST: usize = 100;

/// The state of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootState {
    /// A directory.
    Directory,
    /// Missing.
    Missing,
    /// Something else.
    Other,
    /// Not readable.
    Unreadable(String),
}

/// The content of the directory on this machine.
#[derive(Debug)]
pub struct LocalScan {
    /// The root itself.
    pub root: RootState,
    /// The entries that can be synced and are not excluded.
    pub entries: Entries,
    /// Names that cannot be synced: with a line feed, or not UTF-8; and links that lead back to a directory that
    /// contains them.
    pub unusable: Vec<String>,
    /// Directories that could not be read: their content is unknown.
    pub unreadable: Vec<(RelativePath, String)>,
}

/// The result so far.
struct Found<'known> {
    /// The paths that were known before: those that are found again share their memory.
    known: &'known Entries,
    entries: Vec<(RelativePath, SyncEntry)>,
    unusable: Vec<String>,
    unreadable: Vec<(RelativePath, String)>,
}

impl<'known> Found<'known> {
    fn new(known: &'known Entries) -> Self {
        // Most of the known paths will be found again.
        let entries = Vec::with_capacity(known.len());
        Self { known, entries, unusable: Vec::new(), unreadable: Vec::new() }
    }

    /// Everything, in a map that was built in one step: unlike one that grew, it has no gaps.
    fn scan(self, root: RootState) -> LocalScan {
        let Self { entries, unusable, unreadable, .. } = self;
        LocalScan { root, entries: entries.into_iter().collect(), unusable, unreadable }
    }
}

impl LocalFolder {
    /// Lists everything. Paths that are in `known` share its memory.
    pub fn scan(&self, known: &Entries) -> LocalScan {
        let mut root = self.root_state();
        let mut found = Found::new(known);
        if root == RootState::Directory {
            let mut chain: Vec<_> = identity(&self.root).into_iter().collect();
            if let Err(error) = self.list(None, &mut chain, &mut found) {
                root = RootState::Unreadable(error.to_string());
            }
        }
        found.scan(root)
    }

    fn root_state(&self) -> RootState {
        match fs::metadata(&self.root) {
            Ok(metadata) if metadata.is_dir() => RootState::Directory,
            Ok(_) => RootState::Other,
            Err(error) if is_absence(&error) => RootState::Missing,
            Err(error) => RootState::Unreadable(error.to_string()),
        }
    }

    /// The identity of the root; `None` if it is not a directory.
    pub fn root_identity(&self) -> Option<(u64, u64)> {
        identity(&self.root).filter(|_| self.root.is_dir())
    }

    /// Lists `paths` and everything below them. The result does not contain excluded paths, and paths below a link that
    /// is synced as a link.
    pub fn scan_paths(&self, paths: &BTreeSet<RelativePath>) -> LocalScan {
        let root = self.root_state();
        let none = Entries::new();
        let mut found = Found::new(&none);
        if root != RootState::Directory {
            return found.scan(root);
        }
        for path in paths {
            let mut parents = std::iter::successors(path.parent(), RelativePath::parent);
            let is_reached = parents.all(|parent| {
                !self.prunes(&parent)
                    && self
                        .entry(&parent)
                        .is_ok_and(|entry| entry.is_some_and(|entry| entry.kind == Kind::Directory))
            });
            if is_reached {
                // The directories from the root to here.
                let parents = std::iter::successors(path.parent(), RelativePath::parent);
                let mut chain: Vec<_> = identity(&self.root).into_iter().collect();
                chain.extend(parents.filter_map(|parent| identity(&self.on_disk(&parent))));
                self.visit(path.clone(), &mut chain, &mut found);
            }
        }
        found.scan(root)
    }

    fn list(
        &self,
        directory: Option<&RelativePath>,
        chain: &mut Vec<(u64, u64)>,
        found: &mut Found<'_>,
    ) -> io::Result<()> {
        let on_disk = directory.map_or_else(|| self.root.clone(), |path| self.on_disk(path));
        for item in fs::read_dir(on_disk)? {
            let item = item?;
            let name = item.file_name();
            let path = name.to_str().and_then(|name| match directory {
                Some(directory) => RelativePath::new_or_known(&format!("{directory}/{name}"), found.known),
                None => RelativePath::new_or_known(name, found.known),
            });
            let Some(path) = path else {
                let shown = directory.map_or_else(String::new, |path| format!("{path}/"));
                found.unusable.push(format!("{shown}{}", name.display()));
                continue;
            };
            self.visit(path, chain, found);
        }
        Ok(())
    }

    fn visit(&self, path: RelativePath, chain: &mut Vec<(u64, u64)>, found: &mut Found<'_>) {
        if path.name().starts_with(OWN_PREFIX) {
            return;
        }
        let entry = match self.entry(&path) {
            Ok(Some(entry)) => entry,
            Ok(None) => return,
            Err(error) => return found.unreadable.push((path, error.to_string())),
        };
        let is_directory = entry.kind == Kind::Directory;
        if is_directory && self.prunes(&path) {
            return;
        }
        if is_directory {
            let Some(identity) = identity(&self.on_disk(&path)) else { return };
            if chain.contains(&identity) || chain.len() > DEEPEST {
                found.unusable.push(format!("{path} (a link to a directory that contains it, or too deep)"));
                return;
            }
            chain.push(identity);
            if let Err(error) = self.list(Some(&path), chain, found) {
                found.unreadable.push((path.clone(), error.to_string()));
            }
            chain.pop();
        }
        if !self.excludes(&path, is_directory) {
            found.entries.push((path, entry));
        }
    }
}

/// The identity of a directory.
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    fs::canonicalize(path).ok()?.hash(&mut hasher);
    Some((0, hasher.finish()))
}
