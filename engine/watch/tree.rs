//! The watched files in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::known::{Contents, Known};

/// A file whose content, mode or existence changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path.
    pub path: PathBuf,
    /// The change.
    pub kind: FileChangeKind,
    /// When the last event about it arrived.
    pub at: Instant,
}

/// The change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChangeKind {
    /// It is new.
    Created,
    /// Its content, mode or kind is another one.
    Changed,
    /// It was removed.
    Deleted,
}

/// The watched files and directories.
#[derive(Debug, Default)]
pub(super) struct Tree {
    paths: BTreeMap<Box<Path>, Known>,
}

impl Tree {
    /// Adds what was read of paths, unless they are known already.
    pub(super) fn add(&mut self, known: Vec<(Box<Path>, Known)>) {
        if self.paths.is_empty() {
            // A map that is built in one step has no gaps.
            self.paths = known.into_iter().collect();
        } else {
            for (path, known) in known {
                self.paths.entry(path).or_insert(known);
            }
        }
    }

    /// Whether the path is known.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.paths.contains_key(path)
    }

    /// The known state of the path.
    pub(super) fn get(&self, path: &Path) -> Option<&Known> {
        self.paths.get(path)
    }

    /// The known paths in `folder`, at any depth, and itself.
    pub(super) fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let below = self
            .paths
            .range::<Path, _>((Bound::Included(folder), Bound::Unbounded))
            .take_while(|(path, _)| path.starts_with(folder));
        below.map(|(path, _)| path.to_path_buf()).collect()
    }

    /// Removes all paths that `keeps` rejects.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Path, &Known) -> bool) {
        self.paths.retain(|path, known| keeps(path, known));
    }

    /// All known paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Path, &Known)> {
        self.paths.iter().map(|(path, known)| (&**path, known))
    }

    /// The number of files, without directories.
    pub(super) fn files(&self) -> usize {
        self.paths.values().filter(|known| !known.is_folder()).count()
    }

    /// Compares `path` with the disk, remembers its state, and returns the change, if there was one.
    pub(super) fn compare(&mut self, path: &Path, contents: Contents) -> Option<FileChangeKind> {
        let Some(before) = self.paths.get(path) else {
            self.paths.insert(path.into(), Known::read(path, contents)?);
            return Some(FileChangeKind::Created);
        };
        let Some(now) = Known::again(path, contents, before) else {
            self.paths.remove(path);
            return Some(FileChangeKind::Deleted);
        };
        let is_like = now.is_like(before);
        self.paths.insert(path.into(), now);
        (!is_like).then_some(FileChangeKind::Changed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn without_contents_every_write_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "one").unwrap();
        let mut tree = Tree::default();
        assert_eq!(tree.compare(&file, Contents::Ignored), Some(FileChangeKind::Created));
        // Perhaps in the same tick of the clock.
        fs::write(&file, "two").unwrap();
        assert_eq!(tree.compare(&file, Contents::Ignored), Some(FileChangeKind::Changed));
    }

    #[test]
    fn content_and_mode_decide() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "one").unwrap();
        let mut tree = Tree::default();
        assert_eq!(tree.compare(&file, Contents::Read), Some(FileChangeKind::Created));
        assert_eq!(tree.compare(&file, Contents::Read), None);
        fs::write(&file, "one").unwrap();
        assert_eq!(tree.compare(&file, Contents::Read), None, "a save without a change");
        fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(tree.compare(&file, Contents::Read), None, "a touch");
        fs::write(&file, "two").unwrap();
        assert_eq!(
            tree.compare(&file, Contents::Read),
            Some(FileChangeKind::Changed),
            "the same size, perhaps in the same tick"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o711)).unwrap();
            assert_eq!(tree.compare(&file, Contents::Read), Some(FileChangeKind::Changed), "a mode");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(tree.compare(&file, Contents::Read), Some(FileChangeKind::Deleted));
        assert_eq!(tree.compare(&file, Contents::Read), None);
    }
}
