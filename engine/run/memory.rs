//! The records of earlier runs and the caches of a run: nothing is read or queried twice.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::{GitAnswer, Run, RunError};
use crate::event::Level;
use crate::image::context::{ContextDigest, Forest, KeptFiles};
use crate::image::{Dockerfile, ImageReference, Selection, StatIndex};
use crate::lock::lock;
use crate::state::{BaseLock, BaseMemory, FunctionStore, ImageStore, Record, ReleaseStore, TargetStore};

/// The records of earlier runs and the caches of a run.
pub struct Memory {
    /// The records of earlier builds.
    pub store: ImageStore,
    /// The functions of the default pipelines at the last run of the project.
    pub functions: FunctionStore,
    /// Where the project was deployed last.
    pub target: TargetStore,
    /// The records of deployed charts.
    pub releases: ReleaseStore,
    /// Known facts about base images.
    pub bases: BaseMemory,
    /// The lock file of base images.
    pub base_lock: BaseLock,
    /// The results of git, by arguments.
    pub(crate) git_answers: Mutex<HashMap<Vec<String>, GitAnswer>>,
    pub(super) dockerfiles: Mutex<HashMap<PathBuf, Result<Dockerfile, RunError>>>,
    /// The daemon's responses: the IDs of the references that it has.
    pub(super) in_daemon: Mutex<HashMap<ImageReference, Option<String>>>,
    /// The directories read since they may have been written last, and the [count](crate::host::Writes::count) at that
    /// time.
    forest: Mutex<(u64, Arc<Forest>, Instant)>,
    /// When the run started.
    started: Instant,
    /// The files of images that have been watched since an earlier run selected them.
    kept: Mutex<HashMap<String, KeptFiles>>,
    indexes: Mutex<HashMap<PathBuf, Arc<StatIndex>>>,
    records: Mutex<HashMap<String, Arc<Vec<Record>>>>,
    /// Whether a warning has reported that builds cannot be recorded.
    is_forgetful: AtomicBool,
}

impl Memory {
    /// The memory of the project in the directory `project`, whose records are in `store`, in the directory `root`. The
    /// directory `cache` is never part of a build context.
    pub(super) fn new(store: ImageStore, root: &Path, project: &Path, cache: PathBuf) -> Self {
        Self {
            base_lock: BaseLock::new(project, store.writes()),
            functions: FunctionStore::new(root, store.writes()),
            target: TargetStore::new(root, store.writes()),
            releases: ReleaseStore::new(root, store.writes()),
            store,
            bases: BaseMemory::new(root),
            git_answers: Mutex::default(),
            dockerfiles: Mutex::default(),
            in_daemon: Mutex::default(),
            forest: Mutex::new((0, Forest::without(cache), Instant::now())),
            started: Instant::now(),
            kept: Mutex::default(),
            indexes: Mutex::default(),
            records: Mutex::default(),
            is_forgetful: AtomicBool::new(false),
        }
    }
}

impl Run {
    /// The directories read in this run since its commands may have written to them last: earlier reads are repeated.
    pub fn forest(&self) -> Arc<Forest> {
        let count = self.session.host.writes.count();
        let mut forest = lock(&self.memory.forest);
        if forest.0 < count {
            *forest = (count, forest.1.anew(), Instant::now());
            lock(&self.memory.indexes).values().for_each(|index| index.look_again());
            lock(&self.memory.dockerfiles).clear();
        }
        Arc::clone(&forest.1)
    }

    /// Since when the directories were read that `seen` is: no earlier change was missed. The start of the run if they
    /// have been read again since.
    pub fn read_since(&self, seen: &Weak<Forest>) -> Instant {
        let forest = lock(&self.memory.forest);
        if seen.as_ptr() == Arc::as_ptr(&forest.1) { forest.2 } else { self.memory.started }
    }

    /// Lets the run select the files of `image` from `files` instead of reading directories.
    pub fn keep_files(&self, image: &str, files: KeptFiles) {
        lock(&self.memory.kept).insert(image.to_owned(), files);
    }

    /// The files of `image` that an earlier run selected, unless a command of this run may have written files.
    pub fn kept_files(&self, image: &str) -> Option<KeptFiles> {
        if self.session.host.writes.count() > 0 {
            return None;
        }
        lock(&self.memory.kept).get(image).cloned()
    }

    /// Drops the files that it read: for a run that stays only for queries about its project.
    pub fn remove_files(&self) {
        let mut forest = lock(&self.memory.forest);
        forest.1 = forest.1.anew();
        lock(&self.memory.kept).clear();
        lock(&self.memory.indexes).clear();
    }

    /// Never frees the directories read: for a process that ends. Freeing the paths of a large context one by one takes
    /// a tenth of the time of a run in which nothing changed.
    pub fn leak_files(&self) {
        std::mem::forget(self.forest());
    }

    /// The stat index for contexts in `root`.
    pub fn index(&self, root: &Path) -> Arc<StatIndex> {
        self.forest();
        let mut indexes = lock(&self.memory.indexes);
        let open = || {
            let (index, warning) = StatIndex::open(&self.memory.store.folder().join("index"), root);
            if let Some(warning) = warning {
                self.session.notice(Level::Warning, warning.to_string());
            }
            Arc::new(index)
        };
        indexes.entry(root.to_owned()).or_insert_with(open).clone()
    }

    /// Hashes `files`, which are below `root`, on another thread. `progress` gets the bytes done and in total.
    ///
    /// # Errors
    /// `run::cancelled`; [`RunError::Context`] if a file cannot be read.
    pub fn hash(
        &self,
        files: &Selection,
        root: &Path,
        progress: impl Fn(u64, u64) + Send + Sync + 'static,
    ) -> Result<ContextDigest, RunError> {
        let (files, index) = (files.clone(), self.index(root));
        Ok(self.session.apart(move || files.digest(&index, &progress))??)
    }

    /// The records of earlier builds of `image`, newest first.
    pub fn records(&self, image: &str) -> Arc<Vec<Record>> {
        let mut records = lock(&self.memory.records);
        let read = || {
            let (records, warning) = self.memory.store.records(image);
            if let Some(warning) = warning {
                self.session.events.of_image(image).notice(Level::Warning, warning);
            }
            Arc::new(records)
        };
        records.entry(image.to_owned()).or_insert_with(read).clone()
    }

    /// Rereads the records of earlier builds of `image`; returns whether another run changed them.
    pub fn reread_records(&self, image: &str) -> bool {
        let before = self.records(image);
        let (now, _) = self.memory.store.records(image);
        if *before == now {
            return false;
        }
        lock(&self.memory.records).insert(image.to_owned(), Arc::new(now));
        // The daemon's responses from before that run are out of date.
        lock(&self.memory.in_daemon).clear();
        true
    }

    /// Records a build. An unwritable state only slows down the next run, so it is a warning, once per run.
    pub fn record(&self, image: &str, record: &Record) {
        if let Err(error) = self.memory.store.record(image, record) {
            self.warn_of_lost_records(&error);
        }
        lock(&self.memory.records).remove(image);
    }

    pub(super) fn warn_of_lost_records(&self, error: &io::Error) {
        if !self.memory.is_forgetful.swap(true, Ordering::Relaxed) {
            let folder = self.memory.store.folder().display();
            let message = format!("the next run will rebuild: cannot write to {folder}: {error}");
            self.session.notice(Level::Warning, message);
        }
    }

    /// Writes caches for the next run: stat indexes, facts about base images.
    pub fn save(&self) {
        if self.memory.store.writes() {
            self.save_caches();
        }
    }

    /// Like [`Run::save`], also in a run that records nothing else.
    pub fn save_caches(&self) {
        if let Some(warning) = self.memory.bases.warning() {
            self.session.notice(Level::Warning, warning);
        }
        let indexes: Vec<_> = lock(&self.memory.indexes).values().cloned().collect();
        let saved = indexes.iter().map(|index| index.save()).chain([self.memory.bases.save()]);
        // If builds cannot be recorded either, one warning is enough.
        if let Some(error) = saved.filter_map(Result::err).next()
            && !self.memory.is_forgetful.load(Ordering::Relaxed)
        {
            let folder = self.memory.store.folder().display();
            let message = format!("the next run will be slower: cannot write to {folder}: {error}");
            self.session.notice(Level::Warning, message);
        }
    }
}
