//! The files of a context that a build receives.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::ContextError;
use super::digest::{Change, ContextDigest};
use super::entry::{Content, Entry, EntryKind};
use super::file_now::FileNow;
use super::name::{order, path_of, shown, text_of_os};
use super::walk::WalkResult;
use crate::image::Digest;
use crate::plural::counted;

/// From this many files on, a context causes a hint.
const MANY_FILES: usize = 200_000;
/// From this many bytes on, a context causes a hint.
const MANY_BYTES: u64 = 1_000_000_000;

/// The size in bytes up to which a file is read to compare it.
const COMPARED: u64 = 16 << 20;

/// The files of a context that a build receives, sorted by path, parents before children. Cheap to clone.
///
/// The order is component by component (`a`, `a/b`, `a-b`), as BuildKit requires.
#[derive(Debug, Clone, Default)]
pub struct Selection(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    left_out: Vec<Arc<str>>,
    hashed: OnceLock<Hashed>,
    /// For a selection from [kept](super::KeptFiles) files.
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// The digest of the selection before the change.
    before: ContextDigest,
    /// The digest of each entry's content before the change.
    contents: Arc<[Option<Digest>]>,
    /// The positions of changed entries, sorted.
    changed: Vec<usize>,
    since: Instant,
}

/// A selection that was hashed.
#[derive(Debug)]
pub(super) struct Hashed {
    pub(super) digest: ContextDigest,
    /// The digest of each entry's content, `None` for entries that are not files.
    pub(super) contents: Arc<[Option<Digest>]>,
    /// A file that was hashed with other content than when it was selected.
    pub(super) changed: Option<Arc<str>>,
}

/// The size of the selected files in one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSize {
    /// The directory's path in the context.
    pub path: Arc<str>,
    /// Bytes in it and below it.
    pub bytes: u64,
    /// Files in it and below it.
    pub files: usize,
}

impl Selection {
    pub(super) fn new(found: WalkResult) -> Self {
        let WalkResult { entries, special } = found;
        Self(Arc::new(Inner { entries, left_out: special, ..Inner::default() }))
    }

    /// A selection of only these entries.
    pub fn from_entries(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|one, other| order(&one.path, &other.path));
        Self(Arc::new(Inner { entries, ..Inner::default() }))
    }

    /// A selection of the files at these absolute paths in their current state; their names are relative to `root`.
    ///
    /// # Errors
    /// [`ContextError`] if one cannot be read.
    pub fn of_files(root: &Path, files: &[PathBuf]) -> Result<Self, ContextError> {
        // Files of a directory share its path.
        let mut directory: Arc<Path> = Path::new("").into();
        let mut entry = |path: &PathBuf| {
            let unreadable = |source| ContextError::unreadable(path, source);
            let name = text_of_os(path.strip_prefix(root).unwrap_or(path).as_os_str());
            if let Some(parent) = path.parent().filter(|parent| **parent != *directory) {
                directory = parent.into();
            }
            Entry::on_disk(&name, Arc::clone(&directory), path).map_err(unreadable)
        };
        let mut entries = Vec::with_capacity(files.len());
        for file in files {
            entries.push(entry(file)?);
        }
        Ok(Self::from_entries(entries))
    }

    /// The entries, sorted by path, parents before children.
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// The entry at `path`.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.position(path).ok().map(|index| &self.0.entries[index])
    }

    /// Named pipes and devices, which are not selected: they have no content to build from.
    pub fn left_out(&self) -> &[Arc<str>] {
        &self.0.left_out
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.0.entries.iter().map(Entry::size).sum()
    }

    /// The number of files.
    pub fn files(&self) -> usize {
        self.0.entries.iter().filter(|entry| matches!(entry.kind, EntryKind::File { .. })).count()
    }

    /// A copy with one more file in memory, and the directories above it; replaces the entry at the path.
    /// Its modification time is 1970, so that it never changes a build by itself.
    pub fn with_file(&self, path: &str, mode: u32, content: impl Into<Bytes>) -> Self {
        let path = path.trim_matches('/');
        let content = content.into();
        let entry = |path: &str, kind, mode| Entry {
            path: path.into(),
            kind,
            mode,
            modified: SystemTime::UNIX_EPOCH,
            stamp: None,
        };
        let mut entries = self.0.entries.clone();
        for (end, _) in path.match_indices('/') {
            let folder = &path[..end];
            if let Err(index) = position(&entries, folder) {
                entries.insert(index, entry(folder, EntryKind::Directory, 0o755));
            }
        }
        let size = content.len() as u64;
        let file = entry(path, EntryKind::File { size, content: Content::Memory(content) }, mode);
        match position(&entries, path) {
            Ok(index) => entries[index] = file,
            Err(index) => entries.insert(index, file),
        }
        Self(Arc::new(Inner { entries, left_out: self.0.left_out.clone(), ..Inner::default() }))
    }

    /// A copy in which the file at `path` has this content instead of that on disk. Its mode and time are kept.
    pub fn with_content(&self, path: &str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let mut entries = self.0.entries.clone();
        if let Ok(index) = position(&entries, path) {
            let size = content.len() as u64;
            entries[index].kind = EntryKind::File { size, content: Content::Memory(content) };
        }
        Self(Arc::new(Inner { entries, left_out: self.0.left_out.clone(), ..Inner::default() }))
    }

    /// The same files after a change of those at the absolute paths `changed`, which lists all changes below `root`
    /// since `since`. `None` if the files are unknown without a walk: this selection was not hashed, or something other
    /// than a selected file changed.
    pub(super) fn refreshed(&self, root: &Path, changed: &[PathBuf], since: Instant) -> Option<Self> {
        let hashed = self.0.hashed.get().filter(|hashed| hashed.changed.is_none())?;
        let mut entries = self.0.entries.clone();
        let mut positions = Vec::with_capacity(changed.len());
        for path in changed {
            let path = text_of_os(path.strip_prefix(root).ok()?.as_os_str());
            let index = position(&entries, &path).ok()?;
            entries[index] = entries[index].file_again()?;
            positions.push(index);
            // The times of the directories above it may have changed.
            for (end, _) in path.match_indices('/') {
                if let Ok(index) = position(&entries, &path[..end]) {
                    entries[index] = entries[index].directory_again(&root.join(path_of(&path[..end])))?;
                }
            }
        }
        positions.sort_unstable();
        let (before, contents) = (hashed.digest.clone(), Arc::clone(&hashed.contents));
        let kept = Some(Kept { before, contents, changed: positions, since });
        let left_out = self.0.left_out.clone();
        Some(Self(Arc::new(Inner { entries, left_out, hashed: OnceLock::new(), kept })))
    }

    /// Whether `file`, which is in the directory `root`, is as it was selected: its kind, permission bits, and its content or
    /// target. Large files count as changed. So does everything if the selection was not hashed.
    pub fn is_as_selected(&self, root: &Path, file: &FileNow) -> bool {
        let path = file.path.strip_prefix(root).ok().filter(|_| self.changed().is_none());
        let index = path.and_then(|path| self.position(&text_of_os(path.as_os_str())).ok());
        let (Some(index), Ok(now)) = (index, file.path.symlink_metadata()) else { return false };
        let entry = &self.0.entries[index];
        if super::tree::mode(&now) != entry.mode && !now.is_symlink() {
            return false;
        }
        match &entry.kind {
            EntryKind::Directory => now.is_dir(),
            EntryKind::Symlink { target } => {
                let is_target = |now: PathBuf| text_of_os(now.as_os_str()) == **target;
                std::fs::read_link(&file.path).is_ok_and(is_target)
            }
            EntryKind::File { size, content: Content::Disk(_) } => {
                let is_similar = now.is_file() && now.len() == *size && *size <= COMPARED;
                let is_equal = |content| file.digest() == Some(content);
                is_similar && self.content_of(index).is_some_and(is_equal)
            }
            EntryKind::File { content: Content::Memory(_), .. } => false,
        }
    }

    /// Of a selection from [kept](super::KeptFiles) files: from when on changes were listed.
    pub fn kept_since(&self) -> Option<Instant> {
        self.0.kept.as_ref().map(|kept| kept.since)
    }

    /// The changes from the files with the digest `before` to `now`, the digest of this selection, without a look at
    /// those. `None` if the selection is not from [kept](super::KeptFiles) files with this digest.
    pub fn changes_since_kept(&self, before: &Digest, now: &ContextDigest) -> Option<Vec<Change>> {
        let kept = self.0.kept.as_ref().filter(|kept| kept.before.digest() == *before)?;
        Some(now.changes_since(&kept.before))
    }

    /// The digest of the content of the entry at `position`, if it was known before the selection is hashed.
    pub(super) fn known_content(&self, position: usize) -> Option<Digest> {
        let kept = self.0.kept.as_ref().filter(|kept| kept.changed.binary_search(&position).is_err())?;
        *kept.contents.get(position)?
    }

    /// The directories with the most bytes, largest first. A directory whose size comes almost entirely from one
    /// subdirectory is replaced by that subdirectory.
    pub fn largest_folders(&self, count: usize) -> Vec<FolderSize> {
        let mut sizes: HashMap<&str, (u64, usize)> = HashMap::new();
        for entry in self.entries() {
            if !matches!(entry.kind, EntryKind::File { .. }) {
                continue;
            }
            for (end, _) in entry.path.match_indices('/') {
                let (bytes, files) = sizes.entry(&entry.path[..end]).or_default();
                *bytes += entry.size();
                *files += 1;
            }
        }
        let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
        for folder in sizes.keys() {
            children.entry(folder.rsplit_once('/').map_or("", |(above, _)| above)).or_default().push(folder);
        }
        let bytes = |folder: &str| sizes.get(folder).map_or(0, |(bytes, _)| *bytes);
        let mut folders: Vec<FolderSize> = Vec::new();
        for mut folder in children.get("").into_iter().flatten().copied() {
            while let Some(below) =
                children.get(folder).into_iter().flatten().max_by_key(|below| (bytes(below), **below))
                && bytes(below) > 0
                && bytes(below) >= bytes(folder) / 10 * 9
            {
                folder = below;
            }
            let (bytes, files) = sizes[folder];
            folders.push(FolderSize { path: folder.into(), bytes, files });
        }
        folders.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.path.cmp(&other.path)));
        folders.truncate(count);
        folders
    }

    /// The hint for a huge selection: its size and its largest directories.
    pub fn hint(&self) -> Option<String> {
        let (files, bytes) = (self.files(), self.size());
        if files < MANY_FILES && bytes < MANY_BYTES {
            return None;
        }
        let folders: Vec<String> = self
            .largest_folders(3)
            .iter()
            .map(|folder| format!("`{}` ({})", shown(&folder.path), megabytes(folder.bytes)))
            .collect();
        let largest = match folders.is_empty() {
            true => String::new(),
            false => format!("; the largest directories are {}", folders.join(", ")),
        };
        Some(format!(
            "the build context has {}, {}{largest}; \
             exclude what the build does not need in .dockerignore",
            counted(files, "file"),
            megabytes(bytes),
        ))
    }

    /// The digest of the content of the entry at `position`, if the selection was [hashed](Selection::digest).
    pub fn content_of(&self, position: usize) -> Option<Digest> {
        *self.0.hashed.get()?.contents.get(position)?
    }

    /// A file that changed after it was selected and before it was hashed.
    pub fn changed(&self) -> Option<&str> {
        self.0.hashed.get()?.changed.as_deref()
    }

    pub(super) fn hashed(&self) -> &OnceLock<Hashed> {
        &self.0.hashed
    }

    fn position(&self, path: &str) -> Result<usize, usize> {
        position(&self.0.entries, path)
    }
}

fn position(entries: &[Entry], path: &str) -> Result<usize, usize> {
    entries.binary_search_by(|entry| order(&entry.path, path))
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, usize)], expected: &[(&str, u64)]) {
        let selection = files.iter().fold(Selection::default(), |selection, (path, size)| {
            selection.with_file(path, 0o644, vec![0; *size])
        });
        let largest = selection.largest_folders(2);
        let largest: Vec<_> = largest.iter().map(|folder| (&*folder.path, folder.bytes)).collect();
        assert_eq!(largest, expected);
    }

    #[test]
    fn an_added_file_adds_its_directories_and_stays_in_order() {
        let selection = Selection::default()
            .with_file("a-b", 0o644, "1")
            .with_file("/a/b/c", 0o755, "22")
            .with_file("a-b", 0o600, "333");
        let paths: Vec<_> = selection.entries().iter().map(|entry| &*entry.path).collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c", "a-b"]);
        assert_eq!((selection.size(), selection.files()), (5, 2));
        assert_eq!(selection.get("a-b").map(|entry| entry.mode), Some(0o600));
        assert!(selection.get("b").is_none());
    }

    #[test]
    fn the_largest_directories_are_named() {
        check(
            &[("a/node_modules/x/1", 50), ("a/node_modules/y/2", 50), ("a/i", 1), ("b/1", 7), ("c", 9)],
            &[("a/node_modules", 100), ("b", 7)],
        );
        check(&[("c", 9)], &[]);
    }

    #[test]
    fn only_a_huge_context_gets_a_hint() {
        let small = Selection::default().with_file("a/b", 0o644, "1");
        assert_eq!(small.hint(), None);
        let mut entry = small.entries()[1].clone();
        let content = Content::Memory(Bytes::new());
        entry.kind = EntryKind::File { size: 2_000_000_001, content };
        let huge = Selection::new(WalkResult { entries: vec![entry], special: Vec::new() });
        assert_eq!(
            huge.hint().as_deref(),
            Some(
                "the build context has 1 file, 2001 MB; the largest directories are `a` (2001 MB); \
                 exclude what the build does not need in .dockerignore"
            )
        );
    }
}
