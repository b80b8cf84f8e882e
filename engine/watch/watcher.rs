//! Follows the watched files on a separate thread.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rayon::iter::{IntoParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};

use super::debounce::Debounce;
use super::file_system::without_events;
use super::git_lock::lock_file;
use super::known::Known;
use super::limit;
use super::poller::Poller;
use super::root::{Roots, WatchRoot};
use super::source::{Raw, Source, Wake};
use super::tree::{ChangedFile, FileChangeKind, Tree};
use crate::lock::lock;

/// The longest wait, after which the clock is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// A difference between the clocks that means that the machine slept, or that its time was set.
const JUMP: Duration = Duration::from_secs(5);
/// How often the tree is compared with the disk although there are events.
const COMPARE: Duration = Duration::from_secs(600);
/// How often it is compared without events, at least.
const POLL: Duration = Duration::from_secs(1);

/// From this many directories on, several threads watch them.
const MANY: usize = 32;

/// How much earlier a file system may date a change: its clock ticks at least a hundred times per second.
const TICK: Duration = Duration::from_millis(10);

/// A moment, by both clocks.
pub type Moment = (Instant, SystemTime);

/// A report of a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// All files were read: from now on, a file that is written without a change is not reported.
    Ready {
        /// How often roots were set so far.
        generation: u64,
        /// The number of files.
        files: usize,
        /// The number of directories.
        folders: usize,
        /// Whether the system reports every change; otherwise, changes are found by comparing with the disk.
        has_events: bool,
    },
    /// Files changed, by one save, checkout or similar action.
    Changed(Vec<ChangedFile>),
    /// A warning for the user, reported once.
    Warning(String),
}

/// Watches files until it is dropped.
pub struct Watcher {
    commands: Sender<Command>,
    wake: Wake,
    thread: Option<JoinHandle<()>>,
}

/// The result of a walk.
#[derive(Default)]
struct Found {
    /// The directories that are reported.
    folders: Vec<PathBuf>,
    /// Everything else in the directories that are watched: not filtered.
    files: Vec<PathBuf>,
}

/// The entries of a watched directory.
struct Listing {
    folders: Vec<PathBuf>,
    /// Everything else.
    files: Vec<PathBuf>,
    /// Why it cannot be watched.
    failure: Option<io::Error>,
}

impl Listing {
    fn watched(folder: &Path, source: &dyn Source) -> Self {
        // Watched first, so that nothing that comes later is missed.
        let failure = source.watch(folder).err();
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder { &mut folders } else { &mut files }.push(entry.path());
        }
        Self { folders, files, failure }
    }
}

enum Command {
    Roots(Vec<WatchRoot>, Option<Moment>, Sender<()>),
    /// The state that was read of the roots at that time.
    Baseline {
        known: Vec<(Box<Path>, Known)>,
        generation: u64,
        since: Option<Moment>,
    },
    Stop,
}

impl Watcher {
    /// Watches `roots` and reports to `report`, on a separate thread. When it returns, the directories are watched: no
    /// later change is missed.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(roots: Vec<WatchRoot>, report: impl Fn(WatchEvent) + Send + 'static) -> io::Result<Self> {
        let (source, warning) = best_source();
        Self::start_on(source, warning, roots, once(report))
    }

    /// Like [`Watcher::start`], with events from `source`, or with `warning` if it has no source.
    pub(super) fn start_on(
        source: Box<dyn Source>,
        warning: Option<String>,
        roots: Vec<WatchRoot>,
        report: impl Fn(WatchEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let wake = source.wake();
        let work = Work {
            source,
            commands: commands.clone(),
            inbox,
            report: Box::new(report),
            roots: Roots::default(),
            generation: 0,
            folders: HashSet::new(),
            locks: Vec::new(),
            tree: Tree::default(),
            debounce: Debounce::default(),
            start: Instant::now(),
            clocks: (Instant::now(), SystemTime::now()),
            is_reading: false,
            reads_again: false,
            since: None,
            unread: HashSet::new(),
            lost: HashSet::new(),
            polls: false,
            told: HashSet::new(),
            next_compare: None,
        };
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(move || work.run(warning))?;
        let watcher = Self { commands, wake, thread: Some(thread) };
        watcher.set_roots(roots, None);
        Ok(watcher)
    }

    /// Watches `roots` instead. Keeps the known state of files that are still watched. When it returns, the directories
    /// are watched.
    ///
    /// Files that no root had before are reported if they may have changed after `since`, when the caller read them.
    pub fn set_roots(&self, roots: Vec<WatchRoot>, since: Option<Moment>) {
        let (done, is_done) = mpsc::channel();
        self.send(Command::Roots(roots, since, done));
        // It fails if the thread has ended.
        let _ = is_done.recv();
    }

    fn send(&self, command: Command) {
        let _ = self.commands.send(command);
        (self.wake)();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A report without the warnings that any watcher of this process reported before.
fn once(report: impl Fn(WatchEvent) + Send + 'static) -> impl Fn(WatchEvent) + Send + 'static {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    move |event| {
        // Watchers count different numbers of directories.
        let key = |warning: &str| warning.replace(|letter: char| letter.is_ascii_digit(), "");
        match &event {
            WatchEvent::Warning(warning) if !lock(&TOLD).insert(key(warning)) => {}
            _ => report(event),
        }
    }
}

/// The events of the system; without them, a reason.
fn best_source() -> (Box<dyn Source>, Option<String>) {
    #[cfg(target_os = "linux")]
    match super::inotify::Inotify::new() {
        Ok(source) => (Box::new(source), None),
        Err(error) => {
            let reason = limit::exceeded(&error, 1);
            let reason = reason.unwrap_or_else(|| {
                format!(
                    "the system reports no events of files: {error}. Windlass compares with the disk instead"
                )
            });
            (Box::new(Poller::default()), Some(reason))
        }
    }
    #[cfg(not(target_os = "linux"))]
    (Box::new(Poller::default()), None)
}

/// The latest time at which `path` may have changed last, if that is after `since`.
fn changed_after(path: &Path, since: Moment) -> Option<Instant> {
    let found = path.symlink_metadata().ok()?;
    let after = (status_time(&found)? + TICK).duration_since(since.1).ok()?;
    let now = Instant::now();
    Some(since.0.checked_add(after).map_or(now, |at| at.min(now)))
}

/// When a file was written, replaced or moved last, whatever its modification time was set to.
#[cfg(unix)]
fn status_time(found: &std::fs::Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = Duration::from_secs(u64::try_from(found.ctime()).ok()?);
    let rest = Duration::from_nanos(u64::try_from(found.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds + rest)
}

/// When a file was written last.
#[cfg(not(unix))]
fn status_time(found: &std::fs::Metadata) -> Option<SystemTime> {
    found.modified().ok()
}

/// The state of the thread.
struct Work {
    source: Box<dyn Source>,
    commands: Sender<Command>,
    inbox: Receiver<Command>,
    report: Box<dyn Fn(WatchEvent) + Send>,
    roots: Roots,
    generation: u64,
    folders: HashSet<PathBuf>,
    /// The lock files of the git repositories.
    locks: Vec<PathBuf>,
    tree: Tree,
    debounce: Debounce,
    start: Instant,
    /// Both clocks at the same moment.
    clocks: (Instant, SystemTime),
    /// Whether files are being read for the first time.
    is_reading: bool,
    /// Whether the roots changed meanwhile.
    reads_again: bool,
    /// Since when files that are to be read for the first time count as changed.
    since: Option<Moment>,
    /// Those of them that were touched meanwhile: their known state may already be the new content.
    unread: HashSet<PathBuf>,
    /// Those of them that did not exist at the first event: they are reported, although their earlier state is unknown.
    lost: HashSet<PathBuf>,
    /// Whether events are missing, so that the disk is compared all the time.
    polls: bool,
    /// The warnings that were reported.
    told: HashSet<String>,
    next_compare: Option<Instant>,
}

impl Work {
    fn run(mut self, warning: Option<String>) {
        if let Some(warning) = warning {
            self.warn(warning);
        }
        self.polls = !self.source.has_events();
        loop {
            let events = self.source.wait(self.patience());
            self.take_in(events);
            while let Ok(command) = self.inbox.try_recv() {
                match command {
                    Command::Stop => return,
                    Command::Roots(roots, since, done) => {
                        self.replace_roots(roots, since);
                        let _ = done.send(());
                    }
                    Command::Baseline { known, generation, since } => self.learn(known, generation, since),
                }
            }
            self.compare_if_due();
            self.give();
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// How long to wait for an event.
    fn patience(&self) -> Duration {
        let due = self.debounce.due().map(|due| due.saturating_sub(self.now()));
        let compare = self.next_compare.map(|next| next.saturating_duration_since(Instant::now()));
        [due, compare].into_iter().flatten().fold(LOOK, Duration::min)
    }

    fn warn(&mut self, warning: String) {
        if self.told.insert(warning.clone()) {
            (self.report)(WatchEvent::Warning(warning));
        }
    }

    fn take_in(&mut self, events: Vec<Raw>) {
        for event in events {
            match event {
                Raw::Touched(path) => self.touch(path),
                Raw::FolderCame(folder) => {
                    // A directory of that name may have been there before.
                    self.touch_below(&folder);
                    let mut found = Found::default();
                    self.enter(&folder, &mut found);
                    found.folders.into_iter().chain(found.files).for_each(|path| self.touch(path));
                }
                Raw::FolderWent(folder) => {
                    self.source.remove(&folder);
                    self.folders.retain(|path| !path.starts_with(&folder));
                    self.touch_below(&folder);
                    self.touch(folder);
                }
                Raw::Overflow => self.next_compare = Some(Instant::now()),
            }
        }
    }

    fn touch(&mut self, path: PathBuf) {
        let found = path.symlink_metadata();
        let is_folder = match &found {
            Ok(found) => found.is_dir(),
            Err(_) => self.tree.get(&path).is_some_and(Known::is_folder),
        };
        if !self.roots.sees(&path, is_folder) {
            return;
        }
        if self.is_reading
            && !self.tree.has(&path)
            && self.unread.insert(path.clone())
            && found.is_err()
            && !self.debounce.has(&path)
        {
            self.lost.insert(path.clone());
        }
        let is_loss = found.is_err() && (self.tree.has(&path) || self.unread.contains(&path));
        let now = self.now();
        self.debounce.touch(path, is_loss, now);
    }

    fn touch_below(&mut self, folder: &Path) {
        self.tree.below(folder).into_iter().for_each(|path| self.touch(path));
    }

    /// Watches `folder` and the directories below it, and collects the paths that are reported.
    fn enter(&mut self, folder: &Path, found: &mut Found) {
        let mut open = vec![folder.to_owned()];
        while !open.is_empty() {
            open.retain(|folder| self.roots.enters(folder));
            let source = &*self.source;
            let listings: Vec<_> = match open.len() < MANY {
                true => open.iter().map(|folder| Listing::watched(folder, source)).collect(),
                false => open.par_iter().map(|folder| Listing::watched(folder, source)).collect(),
            };
            for (folder, listing) in std::mem::take(&mut open).into_iter().zip(listings) {
                let Listing { mut folders, mut files, failure } = listing;
                if let Some(error) = failure {
                    match limit::exceeded(&error, self.folders.len() + 1) {
                        // The number of all directories is known at the end.
                        Some(_) => self.polls = true,
                        // It was removed again, or is not a directory.
                        None => continue,
                    }
                }
                open.append(&mut folders);
                found.files.append(&mut files);
                if self.roots.sees(&folder, true) {
                    found.folders.push(folder.clone());
                }
                self.folders.insert(folder);
            }
        }
    }

    /// Walks all roots: watches every directory, and returns the result. Files are not filtered yet, so that the
    /// directories are watched soon.
    fn walk(&mut self) -> Found {
        let before = std::mem::take(&mut self.folders);
        let had_limit = self.polls;
        let mut found = Found::default();
        for start in self.roots.starts() {
            self.enter(&start, &mut found);
            if let Some(name) = without_events(&start) {
                self.polls = true;
                self.warn(format!(
                    "`{}` is on {name}, which reports no changes of other machines. Windlass compares with the disk \
                     instead, which is slower. Move the project to a local disk",
                    start.display()
                ));
            }
        }
        if self.polls && !had_limit && self.source.has_events() {
            self.warn_of_limit();
        }
        for gone in before.difference(&self.folders) {
            if !self.folders.iter().any(|folder| folder.starts_with(gone)) {
                self.source.remove(gone);
            }
        }
        found
    }

    /// Tells the limit that a directory exceeds, with the number of all.
    fn warn_of_limit(&mut self) {
        let wanted = self.folders.len();
        let folders: Vec<_> = self.folders.iter().cloned().collect();
        let refused = folders.iter().find_map(|folder| self.source.watch(folder).err());
        if let Some(warning) = refused.and_then(|error| limit::exceeded(&error, wanted)) {
            self.warn(warning);
        }
    }

    fn replace_roots(&mut self, roots: Vec<WatchRoot>, since: Option<Moment>) {
        let roots = Roots::new(roots);
        self.generation += 1;
        if self.generation > 1 && roots == self.roots {
            // Otherwise, it is reported after everything was read.
            if !self.is_reading {
                self.report_ready();
            }
            return;
        }
        self.roots = roots;
        self.since = [self.since, since].into_iter().flatten().min();
        let found = self.walk();
        let roots = &self.roots;
        self.tree.retain(|path, known| roots.sees(path, known.is_folder()));
        let mut locks: Vec<_> = self.roots.0.iter().filter_map(|root| lock_file(root.path())).collect();
        locks.sort();
        locks.dedup();
        self.locks = locks;
        self.plan_compare(Duration::ZERO);
        if self.is_reading {
            self.reads_again = true;
        } else {
            self.read_new(found);
        }
    }

    /// Reads the files of `found` that are not known, on other threads.
    fn read_new(&mut self, found: Found) {
        let Found { mut folders, mut files } = found;
        folders.retain(|path| !self.tree.has(path));
        files.retain(|path| !self.tree.has(path));
        self.is_reading = true;
        let since = self.since.take();
        let (commands, wake) = (self.commands.clone(), self.source.wake());
        let (roots, generation) = (self.roots.clone(), self.generation);
        rayon::spawn(move || {
            let read = |path: PathBuf| {
                let known = Known::read(&path, roots.contents(&path))?;
                Some((path.into_boxed_path(), known))
            };
            let seen = files.into_par_iter().filter(|path| roots.sees(path, false));
            let known = folders.into_par_iter().chain(seen).filter_map(read).collect();
            // It fails if the watcher has ended.
            let _ = commands.send(Command::Baseline { known, generation, since });
            wake();
        });
    }

    /// Adds the first known state of files, except those that were touched meanwhile. Reports those that may have
    /// changed after `since`, because no event reported that.
    fn learn(&mut self, known: Vec<(Box<Path>, Known)>, generation: u64, since: Option<Moment>) {
        // Whatever happened before the last file was read is in the queue.
        let events = self.source.wait(Duration::ZERO);
        self.take_in(events);
        self.is_reading = false;
        let unread = std::mem::take(&mut self.unread);
        let mut changed = Vec::new();
        let mut new = known;
        new.retain(|(path, known)| {
            let is_touched = unread.contains(&**path) || self.debounce.has(path);
            let is_current = generation == self.generation;
            !is_touched && (is_current || self.roots.sees(path, known.is_folder()))
        });
        if let Some(since) = since {
            for (path, _) in new.iter().filter(|(_, known)| !known.is_folder()) {
                if let Some(at) = changed_after(path, since) {
                    changed.push(ChangedFile { path: path.to_path_buf(), kind: FileChangeKind::Changed, at });
                }
            }
        }
        self.tree.add(new);
        if !changed.is_empty() {
            (self.report)(WatchEvent::Changed(changed));
        }
        if std::mem::take(&mut self.reads_again) {
            let found = self.walk();
            return self.read_new(found);
        }
        self.report_ready();
    }

    fn report_ready(&self) {
        let (generation, has_events) = (self.generation, !self.polls);
        let (files, folders) = (self.tree.files(), self.folders.len());
        (self.report)(WatchEvent::Ready { generation, files, folders, has_events });
    }

    /// Compares the tree with the disk after lost events and jumps of the clock, and from time to time.
    fn compare_if_due(&mut self) {
        let (steady, wall) = (self.clocks.0.elapsed(), self.clocks.1.elapsed());
        let drift = match &wall {
            Ok(wall) => wall.abs_diff(steady),
            Err(behind) => behind.duration() + steady,
        };
        self.clocks = (Instant::now(), SystemTime::now());
        let is_due = self.next_compare.is_some_and(|next| next <= Instant::now());
        if self.is_reading || !(is_due || drift > JUMP) {
            return;
        }
        let started = Instant::now();
        let Found { folders: mut found, files } = self.walk();
        found.extend(files.into_iter().filter(|path| self.roots.sees(path, false)));
        for path in &found {
            let is_same = match (self.tree.get(path), path.symlink_metadata()) {
                (Some(known), Ok(found)) => known.is_state_of(&found),
                _ => false,
            };
            if !is_same && !self.debounce.has(path) {
                self.touch(path.clone());
            }
        }
        let found: HashSet<_> = found.into_iter().collect();
        let gone: Vec<_> = self
            .tree
            .paths()
            .filter(|(path, _)| !found.contains(*path))
            .map(|(path, _)| path.to_path_buf())
            .collect();
        for path in gone {
            if !self.debounce.has(&path) {
                self.touch(path);
            }
        }
        self.plan_compare(started.elapsed());
    }

    /// Plans the next comparison; the last one took `duration`.
    fn plan_compare(&mut self, duration: Duration) {
        let pause = if self.polls { POLL.max(duration * 10) } else { COMPARE };
        self.next_compare = Some(Instant::now() + pause);
    }

    /// Reports the change that is complete.
    fn give(&mut self) {
        let (now, locks) = (self.now(), &self.locks);
        let due = self.debounce.take(|| locks.iter().any(|lock| lock.exists()), now);
        let mut changed = Vec::new();
        for (path, at) in due {
            let was_lost = self.lost.remove(&path);
            let kind = self.tree.compare(&path, self.roots.contents(&path));
            if let Some(kind) =
                kind.or((was_lost && !self.tree.has(&path)).then_some(FileChangeKind::Deleted))
            {
                changed.push(ChangedFile { path, kind, at: self.start + at });
            }
        }
        if !changed.is_empty() {
            (self.report)(WatchEvent::Changed(changed));
        }
    }
}
