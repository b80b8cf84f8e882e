//! From marks and ignore rules to entries: the walk over a tree.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::ContextError;
use super::entry::{Content, DiskFile, Entry, EntryKind};
use super::ignore::{LastMatch, Rules};
use super::name::{is_plain, order};
use super::path_selection::{PathSelection, named};
use super::tree::{DirEntry, Directory, NodeKind, Tree, lock};

/// Directories that are read before other threads help: waking them costs more than a small walk.
const ALONE: usize = 32;
/// Progress is reported after each multiple of this number of entries.
const PROGRESS_STEP: u64 = 20_000;

/// The result of a walk.
#[derive(Debug, Default)]
pub(super) struct WalkResult {
    /// Sorted by [`order`].
    pub(super) entries: Vec<Entry>,
    /// Paths of named pipes and devices, which are skipped.
    pub(super) special: Vec<Arc<str>>,
}

/// Collects the entries of `tree` that `marks` and `rules` select; `progress` receives the number of entries so far.
pub(super) fn walk(
    tree: &Tree,
    rules: &Rules,
    marks: &PathSelection,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<WalkResult, ContextError> {
    let walk = Walk {
        tree,
        rules,
        progress,
        seen: AtomicU64::new(0),
        has_bytes: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let top = Arc::new(OnceLock::new());
    let mut jobs =
        vec![Job { directory: tree.top(), last: LastMatch::default(), marks, folder: top.clone() }];
    for _ in 0..ALONE {
        let Some(job) = jobs.pop() else { break };
        walk.visit(job, &mut |job| jobs.push(job));
    }
    if !jobs.is_empty() {
        rayon::scope(|scope| {
            for job in jobs {
                scope.spawn(|scope| walk.visit_all(job, scope));
            }
        });
    }
    match walk.failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(gather(top, walk.seen.into_inner(), walk.has_bytes.into_inner())),
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    rules: &'a Rules,
    progress: &'a (dyn Fn(u64) + Sync),
    seen: AtomicU64,
    /// Whether a name has bytes that are not UTF-8.
    has_bytes: AtomicBool,
    /// The error with the smallest path, regardless of which thread found it first.
    failure: Mutex<Option<(Arc<str>, ContextError)>>,
}

/// A directory to visit.
struct Job<'a> {
    directory: &'a Directory,
    last: LastMatch,
    marks: &'a PathSelection,
    folder: Slot,
}

/// Where a visit stores its result.
type Slot = Arc<OnceLock<Folder>>;

/// The selected entries of a directory, sorted by name.
#[derive(Debug, Default)]
struct Folder {
    entries: Vec<Entry>,
    special: Vec<Arc<str>>,
    below: Vec<Below>,
}

/// A directory in a [`Folder`].
#[derive(Debug)]
struct Below {
    /// The number of entries before its own.
    position: usize,
    entry: Entry,
    /// Whether it is selected itself, and not only because of its content.
    is_selected: bool,
    folder: Slot,
}

impl<'a> Walk<'a> {
    fn visit_all<'scope>(&'scope self, job: Job<'scope>, scope: &rayon::Scope<'scope>)
    where
        'a: 'scope,
    {
        self.visit(job, &mut |job| scope.spawn(|scope| self.visit_all(job, scope)));
    }

    fn visit<'job>(&'job self, job: Job<'job>, spawn: &mut dyn FnMut(Job<'job>)) {
        let Job { directory, last, marks, folder: slot } = job;
        let mut folder = Folder::default();
        let nodes = match self.tree.list(directory) {
            Ok(nodes) => nodes,
            Err(error) => return self.fail(directory.path(), error),
        };
        let on_disk: Arc<Path> = self.tree.on_disk(directory.path()).into();
        if marks.whole {
            folder.entries.reserve(nodes.len());
            for node in nodes {
                self.take(node, &on_disk, last, marks, &mut folder, spawn);
            }
        } else {
            for (name, marks) in &marks.children {
                for node in named(nodes, name) {
                    self.take(node, &on_disk, last, marks, &mut folder, spawn);
                }
            }
        }
        self.count(folder.entries.len() + folder.below.len());
        // This is the only visitor of the directory, so the slot is empty.
        let _ = slot.set(folder);
    }

    fn take<'job>(
        &'job self,
        node: &'job DirEntry,
        on_disk: &Arc<Path>,
        last: LastMatch,
        marks: &'job PathSelection,
        folder: &mut Folder,
        spawn: &mut dyn FnMut(Job<'job>),
    ) {
        let last = self.rules.last_match(last, &node.path);
        let is_excluded = self.rules.excludes(last);
        if is_excluded
            && !(matches!(node.kind, NodeKind::Directory(_))
                && self.rules.may_include_below(last, &node.path))
        {
            return;
        }
        if !is_plain(node.name()) {
            self.has_bytes.store(true, Ordering::Relaxed);
        }
        let entry = |kind| Entry {
            path: node.path.clone(),
            kind,
            mode: node.mode,
            modified: node.stamp.modified(),
            stamp: Some(node.stamp),
        };
        match &node.kind {
            NodeKind::Directory(directory) => {
                let slot = Slot::default();
                folder.below.push(Below {
                    position: folder.entries.len(),
                    entry: entry(EntryKind::Directory),
                    is_selected: marks.is_selected && !is_excluded,
                    folder: slot.clone(),
                });
                spawn(Job { directory, last, marks, folder: slot });
            }
            NodeKind::File => {
                let content = Content::Disk(DiskFile::within(Arc::clone(on_disk), node.path.clone()));
                folder.entries.push(entry(EntryKind::File { size: node.stamp.size, content }));
            }
            NodeKind::Symlink => match self.tree.link_target(&node.path) {
                Ok(target) => folder.entries.push(entry(EntryKind::Symlink { target })),
                Err(error) => self.fail(&node.path, error),
            },
            NodeKind::Special => folder.special.push(node.path.clone()),
            NodeKind::Socket => {}
        }
    }

    fn count(&self, entries: usize) {
        let entries = entries as u64;
        let seen = self.seen.fetch_add(entries, Ordering::Relaxed) + entries;
        if seen / PROGRESS_STEP > (seen - entries) / PROGRESS_STEP {
            (self.progress)(seen);
        }
    }

    fn fail(&self, path: &Arc<str>, error: ContextError) {
        let mut failure = lock(&self.failure);
        if failure.as_ref().is_none_or(|(first, _)| path < first) {
            *failure = Some((path.clone(), error));
        }
    }
}

/// Concatenates the directories, without those that were entered but have no selected content. `seen` entries are in
/// them at most; `has_bytes` if the name of one has bytes that are not UTF-8.
fn gather(top: Slot, seen: u64, has_bytes: bool) -> WalkResult {
    /// A partially processed directory: its remaining entries and directories.
    struct Open {
        entries: std::vec::IntoIter<Entry>,
        taken: usize,
        below: std::iter::Peekable<std::vec::IntoIter<Below>>,
        /// The number of entries before its own, and whether it is kept without further entries.
        start: usize,
        is_selected: bool,
    }
    let open = |slot: Slot, start, is_selected, special: &mut Vec<Arc<str>>| {
        let folder = Arc::into_inner(slot).and_then(OnceLock::into_inner).unwrap_or_default();
        special.extend(folder.special);
        let (entries, below) = (folder.entries.into_iter(), folder.below.into_iter().peekable());
        Open { entries, taken: 0, below, start, is_selected }
    };
    let entries = Vec::with_capacity(usize::try_from(seen).unwrap_or_default());
    let mut found = WalkResult { entries, special: Vec::new() };
    let mut stack = vec![open(top, 0, true, &mut found.special)];
    while let Some(current) = stack.last_mut() {
        match current.below.next_if(|below| below.position == current.taken) {
            Some(below) => {
                found.entries.push(below.entry);
                let start = found.entries.len();
                stack.push(open(below.folder, start, below.is_selected, &mut found.special));
            }
            None => match current.entries.next() {
                Some(entry) => {
                    current.taken += 1;
                    found.entries.push(entry);
                }
                None => {
                    if found.entries.len() == current.start && !current.is_selected {
                        found.entries.pop();
                    }
                    stack.pop();
                }
            },
        }
    }
    // Directories are listed in the order of their strings.
    if has_bytes {
        found.entries.sort_by(|one, other| order(&one.path, &other.path));
    }
    found
}
