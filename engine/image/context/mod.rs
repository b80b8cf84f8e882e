//! Build contexts: which files of a directory a build can see, and how they are sent.

mod archive;
mod digest;
mod entry;
mod error;
mod exclusion;
mod file_now;
mod glob;
mod ignore;
mod kept;
mod listing;
mod name;
mod path_selection;
mod path_status;
mod pattern;
mod selection;
mod sent;
mod tree;
mod walk;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};

use super::dockerfile::ContextSources;
use ignore::Rules;
use path_selection::PathSelection;
use tree::{Tree, lock};

pub use archive::Unsendable;
pub use digest::{Change, ChangeKind, ContextDigest, ContextEntry};
pub use entry::{Content, DiskFile, Entry, EntryKind};
pub use error::{BadPattern, ContextError};
pub(crate) use exclusion::Exclusion;
pub use file_now::FileNow;
pub(crate) use glob::{Glob, has_wildcards};
pub use ignore::excluded;
pub use kept::KeptFiles;
pub(crate) use name::{bytes_of, path_of, shown, text_of, text_of_os};
pub use path_status::PathStatus;
pub use selection::{FolderSize, Selection};
pub(crate) use sent::SentFile;
pub use sent::{Changed, SentFiles};
pub use tree::Forest;

/// A build context: a directory with its ignore rules. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
    dockerfile: Option<Arc<Path>>,
}

struct Inner {
    forest: Weak<Forest>,
    tree: Arc<Tree>,
    ignore_file: Option<Arc<Path>>,
    ignore_text: Vec<u8>,
    rules: Arc<Rules>,
    selections: Mutex<Vec<(ContextSources, Slot)>>,
}

/// A selection, once it has been computed; other threads wait for the lock.
type Slot = Arc<Mutex<Option<Selection>>>;

impl Context {
    /// Opens the directory `root` (absolute, or relative to the working directory) with the ignore file for
    /// `dockerfile`: `devspace.dockerignore` in the directory, `<dockerfile>.dockerignore`, or
    /// `.dockerignore` in the directory; only the first one that exists.
    ///
    /// # Errors
    /// [`ContextError`] if the directory is missing or not a directory, or if its ignore file is unreadable or has a
    /// malformed pattern.
    pub fn open(forest: &Arc<Forest>, root: &Path, dockerfile: Option<&Path>) -> Result<Self, ContextError> {
        let absolute = std::fs::canonicalize(root).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ContextError::Missing { path: root.to_owned() },
            io::ErrorKind::NotADirectory => ContextError::NotAFolder { path: root.to_owned() },
            _ => ContextError::unreadable(root, error),
        })?;
        if !absolute.is_dir() {
            return Err(ContextError::NotAFolder { path: root.to_owned() });
        }
        let (ignore_file, ignore_text) = ignore::read(&absolute, dockerfile)?;
        let tree = forest.tree(absolute.clone());
        let mut contexts = forest.contexts();
        let is_same = |context: &&Self| {
            Arc::ptr_eq(&context.inner.tree, &tree)
                && context.inner.ignore_file == ignore_file
                && context.inner.ignore_text == ignore_text
        };
        let dockerfile = dockerfile.map(Arc::from);
        if let Some(context) = contexts.iter().find(is_same) {
            return Ok(Self { dockerfile, ..context.clone() });
        }
        let name = ignore_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let rules = Rules::parse(&name, &ignore_text)?.and_without(forest.own_below(&absolute)).into();
        let selections = Mutex::default();
        let forest = Arc::downgrade(forest);
        let inner = Arc::new(Inner { forest, tree, ignore_file, ignore_text, rules, selections });
        let context = Self { inner, dockerfile };
        contexts.push(context.clone());
        Ok(context)
    }

    /// The same directory as it is in `forest`; reads its ignore file again.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn open_again(&self, forest: &Arc<Forest>) -> Result<Self, ContextError> {
        Self::open(forest, self.root(), self.dockerfile.as_deref())
    }

    /// The same directory and rules without anything that was read: for questions about paths.
    pub fn unread(&self) -> Self {
        let Inner { ignore_file, ignore_text, rules, .. } = &*self.inner;
        let inner = Inner {
            forest: Weak::new(),
            tree: Arc::new(Tree::new(self.root().to_owned())),
            ignore_file: ignore_file.clone(),
            ignore_text: ignore_text.clone(),
            rules: Arc::clone(rules),
            selections: Mutex::default(),
        };
        Self { inner: Arc::new(inner), dockerfile: self.dockerfile.clone() }
    }

    /// Whether `other` is the same directory with the same ignore rules, possibly at another time.
    pub fn has_rules_of(&self, other: &Self) -> bool {
        self.root() == other.root()
            && self.inner.ignore_file == other.inner.ignore_file
            && self.inner.ignore_text == other.inner.ignore_text
    }

    /// The forest that it belongs to.
    pub fn forest(&self) -> &Weak<Forest> {
        &self.inner.forest
    }

    /// The directory: absolute, with symlinks resolved.
    pub fn root(&self) -> &Path {
        self.inner.tree.root()
    }

    /// The ignore file that is used, if there is one.
    pub fn ignore_file(&self) -> Option<&Path> {
        self.inner.ignore_file.as_deref()
    }

    /// Whether the ignore rules exclude `path` (relative to the directory, with `/`).
    pub fn ignores(&self, path: &str) -> bool {
        let rules = &self.inner.rules;
        rules.excludes(rules.last_match_of(path.trim_start_matches("./").trim_matches('/')))
    }

    /// The files in `reach` that the ignore rules do not exclude, and the directories above them.
    ///
    /// Symlinks along a source and at its end are followed inside the context, as in BuildKit: the link and
    /// its target are both included. Sockets are skipped silently; named pipes and devices are
    /// listed by [`Selection::left_out`]. Directories are read at most once per [`Forest`], and a repeated
    /// reach is served from memory. `progress` is called with the number of entries found, once
    /// for every 20,000 of them, from any thread.
    ///
    /// # Errors
    /// [`ContextError`] if a file that is not excluded cannot be read.
    pub fn select(
        &self,
        reach: &ContextSources,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Selection, ContextError> {
        let slot = {
            let mut selections = lock(&self.inner.selections);
            match selections.iter().find(|(known, _)| known == reach) {
                Some((_, slot)) => slot.clone(),
                None => {
                    let slot = Slot::default();
                    selections.push((reach.clone(), slot.clone()));
                    slot
                }
            }
        };
        let mut selection = lock(&slot);
        if let Some(selection) = &*selection {
            return Ok(selection.clone());
        }
        let Inner { tree, rules, .. } = &*self.inner;
        let marks = match reach {
            ContextSources::Whole { .. } => PathSelection::whole(),
            ContextSources::Sources(sources) => PathSelection::of_sources(tree, rules, sources)?,
        };
        let found = Selection::new(walk::walk(tree, rules, &marks, progress)?);
        Ok(selection.insert(found).clone())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Context");
        debug.field("root", &self.root()).field("ignore_file", &self.ignore_file()).finish()
    }
}

#[cfg(test)]
mod tests;
