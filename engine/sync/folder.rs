//! One synced directory: its known state, and the passes that make both sides equal.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::base::{Base, BaseTree, Seen};
use super::changes::Changes;
use super::decide::{CompareOptions, Limit, SyncDecision, Ways, is_directory};
use super::error::SyncError;
use super::guard::{self, Side};
use super::local::{LocalFolder, LocalScan, RootState, is_same_file};
use super::options::{Batch, FolderOptions, SyncScript};
use super::reconcile::{CompareCause, Entries, Sides, SyncPlan, below};
use super::store::{ContainerKey, Known, Store, may_be_used, of_process};
use super::trash::Trash;
use super::{Pruned, RelativePath, Remote, RemoteError, SyncEntry, Tier};
use crate::config::InitialSync as Strategy;
use crate::event::{Events, Level, SyncChange};
use crate::held_file::{HeldFile, Hold};
use crate::image::Digest;
use crate::own_file;
use crate::plural::counted;

/// How long many deletions in the container wait for a second check, in nanoseconds.
const UNSURE: i128 = 2_000_000_000;
/// The number of files in one directory from which on it is reported.
const HUGE: usize = 50_000;
/// The maximum number of directories that a scan in the container skips.
const MOST_PRUNED: usize = 200;
/// How often a plan requests digests.
const COMPARISONS: usize = 3;

/// A synced directory between connections.
pub struct SyncedFolder {
    pub(super) options: FolderOptions,
    pub(super) local: Arc<LocalFolder>,
    pub(super) store: Store,
    /// The lock for downloads; `None` also if nothing is downloaded.
    _downloads: Option<HeldFile>,
    pub(super) trash: Trash,
    pub(super) conflicts: Trash,
    pub(super) hooks: Arc<dyn SyncScript>,
    pub(super) events: Events,
    /// The clock of this machine, in nanoseconds since the epoch.
    pub(super) clock: fn() -> i128,
    /// The entries on this machine at the last check.
    pub(super) here: Arc<Entries>,
    /// The identity of the directory on this machine at that time.
    root: Option<(u64, u64)>,
    /// Failed paths, with the state of both sides at that time: they are retried when it changes.
    pub(super) failed: HashMap<RelativePath, (Option<SyncEntry>, Option<SyncEntry>)>,
    /// Local changes that arrive while a long upload runs.
    pub(super) changes: Option<Changes>,
    /// Whether it is paused.
    paused: Option<watch::Receiver<bool>>,
    /// Directories in the container that were created although no rule selects them.
    pub(super) made: HashSet<RelativePath>,
    /// Paths that changed while they were sent.
    pub(super) later: BTreeSet<RelativePath>,
    /// Whether anything on this machine may have changed.
    pub(super) is_here_unknown: bool,
    /// Paths to check again.
    pub(super) again: BTreeSet<RelativePath>,
    /// Whether a path in the container is not as expected.
    pub(super) is_there_unknown: bool,
    /// Whether a new container gets everything again: the known state is that of the old one.
    pub(super) is_replay: bool,
    /// The changes that were synced since it was last taken.
    pub(super) batch: Batch,
    /// The directories in the container that no scan must read.
    pruned: Vec<Pruned>,
    /// Deletions in the container that wait for a second check, and refused ones on this machine.
    unsure: (i128, Vec<RelativePath>),
    refused: Vec<RelativePath>,
    /// The duration of the last scan of the container.
    pub(super) scan_took: std::time::Duration,
    is_halted: bool,
    told: HashSet<String>,
    last_failure: Option<String>,
}

/// The reason for a pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    First,
    Replay,
    Change,
}

/// The remaining work after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Whether deletions in the container wait for a check of this machine in two seconds.
    pub is_unsure: bool,
}

impl SyncedFolder {
    /// Opens the state of a directory.
    ///
    /// # Errors
    /// [`SyncError`] if another process has it, or it cannot be read.
    pub fn open(
        mut options: FolderOptions,
        hooks: Arc<dyn SyncScript>,
        events: Events,
        clock: fn() -> i128,
    ) -> Result<Self, SyncError> {
        let states = options.state_folder.join("sync");
        let store = Store::open(&states, &options.key)?;
        let (downloads, refused) = match options.disable_download {
            true => (None, None),
            false => claim_downloads(&options.claim_folder, &states, &options.key.here),
        };
        options.disable_download |= refused.is_some();
        let now = Timestamp::from_nanosecond(clock()).unwrap_or_default();
        let local = LocalFolder::new(options.key.here.clone(), options.exclude.clone());
        let local = local.with_stage(&options.key.file_name());
        local.remove_old_stages(|name| may_be_used(&states, name));
        let folder = Self {
            local: Arc::new(local),
            store,
            _downloads: downloads,
            trash: Trash::new(options.state_folder.join("trash"), now),
            conflicts: Trash::new(options.state_folder.join("conflicts"), now),
            hooks,
            events,
            clock,
            here: Arc::default(),
            root: None,
            failed: HashMap::new(),
            changes: None,
            paused: None,
            made: HashSet::new(),
            later: BTreeSet::new(),
            is_here_unknown: false,
            again: BTreeSet::new(),
            is_there_unknown: false,
            is_replay: false,
            batch: Batch::default(),
            pruned: options.exclude.pruned(),
            unsure: (0, Vec::new()),
            refused: Vec::new(),
            scan_took: std::time::Duration::ZERO,
            is_halted: false,
            told: HashSet::new(),
            last_failure: None,
            options,
        };
        if let Some(refused) = refused {
            folder.notice(Level::Warning, refused);
        }
        let rules =
            [&folder.options.exclude, &folder.options.upload_exclude, &folder.options.download_exclude];
        for pattern in rules.iter().flat_map(|rules| rules.invalid()) {
            folder.notice(
                Level::Warning,
                format!("the exclude pattern `{pattern}` is not valid and has no effect"),
            );
        }
        Ok(folder)
    }

    /// Whether the first sync with `container` is still to come.
    pub fn is_new(&self, container: &ContainerKey) -> bool {
        self.store.known().container.as_ref() != Some(container)
    }

    /// Makes both sides equal after connecting to `container`: with the initial strategy for the first container, with
    /// the changes for the last one, and otherwise by repeating all uploads.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended, or nothing can be compared.
    pub async fn connect(
        &mut self,
        remote: &Arc<dyn Remote>,
        container: &ContainerKey,
    ) -> Result<Pending, RemoteError> {
        self.failed.clear();
        self.made.clear();
        let known = self.store.known();
        let reason = match &known.container {
            Some(last) if last == container => Reason::Change,
            Some(_) => Reason::Replay,
            None => Reason::First,
        };
        if reason == Reason::First {
            self.store.begin();
        }
        self.report_tools(remote);
        self.batch.is_initial = reason != Reason::Change;
        self.is_replay = reason == Reason::Replay;
        let pending = self.full_pass(remote, reason).await?;
        self.is_replay = false;
        if reason != Reason::Change && !self.is_halted {
            let gone: Vec<_> = self
                .store
                .known()
                .base
                .iter()
                .filter(|(_, base)| base.here.is_none() && base.there.is_none())
                .map(|(path, _)| path.clone())
                .collect();
            gone.iter().for_each(|path| self.store.set(path, None));
            self.store.set_container(container.clone());
            self.saved(|store| store.rewrite());
        }
        Ok(pending)
    }

    /// Compares everything on both sides, and makes it equal.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended, or a first scan has gaps.
    pub(super) async fn full_pass(
        &mut self,
        remote: &Arc<dyn Remote>,
        reason: Reason,
    ) -> Result<Pending, RemoteError> {
        let has_scans = remote.facts().tier == Tier::Full;
        let scans = has_scans
            && (reason != Reason::Change || !self.options.disable_download || self.is_there_unknown);
        let there = if scans { self.scan_there(remote, reason).await? } else { None };
        let there = there.map(Arc::new);
        let known = there.as_ref().unwrap_or(&self.here).clone();
        if !self.look_here(known).await {
            return Ok(Pending::default());
        }
        let there = match (there, reason) {
            (Some(there), _) => Arc::unwrap_or_clone(there),
            // Without a scan, the container has its last known state.
            (None, Reason::Change) => self.known_there(),
            (None, _) if has_scans => return Ok(Pending::default()),
            (None, _) => Entries::new(),
        };
        if reason == Reason::First {
            self.report_huge();
        }
        self.is_there_unknown = false;
        let was = (reason == Reason::Replay).then(|| {
            let known = self.store.known();
            Known { container: None, base: known.base.clone(), sent: known.sent.clone() }
        });
        let here = self.here.clone();
        let pending = self.pass(remote, reason, here, there, was.as_ref(), None).await?;
        self.is_halted = false;
        Ok(pending)
    }

    /// Compares the container with its known state, and makes both sides equal where it changed. On this machine, it
    /// checks only the paths that the watcher named.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended.
    pub(super) async fn scan_pass(&mut self, remote: &Arc<dyn Remote>) -> Result<Pending, RemoteError> {
        let local = self.local.clone();
        let root = blocking(move || local.root_identity()).await.flatten();
        // Names that differ only in case are compared with all others.
        if root != self.root || self.options.ignores_case {
            return self.full_pass(remote, Reason::Change).await;
        }
        let Some(there) = self.scan_there(remote, Reason::Change).await? else {
            return Ok(Pending::default());
        };
        self.is_there_unknown = false;
        if guard::is_emptied(&self.here, &self.store.known().base, Side::Here) {
            return Ok(Pending::default());
        }
        let affected = self.affected_by(&there);
        let pending = if affected.is_empty() {
            Pending::default()
        } else {
            let pick = |entries: &Entries| -> Entries {
                let entry = |path: &RelativePath| Some((path.clone(), entries.get(path)?.clone()));
                affected.iter().filter_map(entry).collect()
            };
            let (here, there) = (pick(&self.here), pick(&there));
            self.pass(remote, Reason::Change, Arc::new(here), there, None, Some(&affected)).await?
        };
        self.is_halted = false;
        Ok(pending)
    }

    /// The paths that changed in the container, with all paths that are decided together with them.
    fn affected_by(&self, there: &Entries) -> BTreeSet<RelativePath> {
        let known = &self.store.known().base;
        let seen = |path: &RelativePath| known.get(path).and_then(|base| base.there.as_ref());
        let is_new = |path: &RelativePath, entry: &SyncEntry| {
            seen(path).is_none_or(|seen| seen.relation(entry) != super::base::Relation::Same)
        };
        let new = there.iter().filter(|(path, entry)| is_new(path, entry)).map(|(path, _)| path);
        let gone = known.iter().filter(|(path, base)| base.there.is_some() && !there.contains_key(*path));
        let changed: BTreeSet<_> = new.chain(gone.map(|(path, _)| path)).cloned().collect();
        let mut affected = changed.clone();
        for path in &changed {
            affected.extend(std::iter::successors(path.parent(), RelativePath::parent));
            let is_folder = |entries: &Entries| entries.get(path).is_some_and(is_directory);
            if is_folder(&self.here) != is_folder(there) {
                affected.extend(below(&self.here, path).map(|(path, _)| path.clone()));
                affected.extend(below(there, path).map(|(path, _)| path.clone()));
                affected.extend(below(known, path).map(|(path, _)| path.clone()));
            }
        }
        affected
    }

    /// Compares `paths` on this machine with the known state, and uploads the changes.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended.
    pub async fn local_pass(
        &mut self,
        remote: &Arc<dyn Remote>,
        paths: &BTreeSet<RelativePath>,
    ) -> Result<Pending, RemoteError> {
        let mut wanted = paths.clone();
        wanted.append(&mut self.again);
        let local = self.local.clone();
        let scanned = wanted.clone();
        let Some(scan) = blocking(move || local.scan_paths(&scanned)).await else {
            return Ok(Pending::default());
        };
        if !self.is_usable(&scan.root) {
            return Ok(Pending::default());
        }
        self.report_scan(&scan);
        let mut affected = BTreeSet::new();
        for path in wanted {
            let is_unknown =
                scan.unreadable.iter().any(|(unread, _)| path == *unread || path.is_below(unread));
            if is_unknown {
                continue;
            }
            let known = &self.store.known().base;
            let old: Vec<_> = below(&self.here, &path).map(|(below, _)| below.clone()).collect();
            affected.extend(below(known, &path).map(|(below, _)| below.clone()));
            let here = Arc::make_mut(&mut self.here);
            for old in std::iter::once(path.clone()).chain(old) {
                if !scan.unreadable.iter().any(|(unread, _)| old.is_below(unread)) {
                    here.remove(&old);
                    affected.insert(old);
                }
            }
            affected.extend(std::iter::successors(path.parent(), RelativePath::parent));
        }
        affected.extend(scan.entries.keys().cloned());
        Arc::make_mut(&mut self.here).extend(scan.entries);
        if guard::is_emptied(&self.here, &self.store.known().base, Side::Here) {
            self.halt(format!(
                "`{}` is empty now: nothing is deleted in the container",
                self.local.root().display()
            ));
            return Ok(Pending::default());
        }
        let known = &self.store.known().base;
        let pick = |path: &RelativePath| self.here.get(path).map(|entry| (path.clone(), entry.clone()));
        let here: Entries = affected.iter().filter_map(pick).collect();
        let there = affected.iter().filter_map(|path| {
            let seen = known.get(path)?.there.as_ref()?;
            Some((path.clone(), seen.entry.clone()))
        });
        let there: Entries = there.collect();
        self.pass(remote, Reason::Change, Arc::new(here), there, None, Some(&affected)).await
    }

    /// Reconciles these entries, and executes the plan; with `only`, ignores all other paths.
    async fn pass(
        &mut self,
        remote: &Arc<dyn Remote>,
        reason: Reason,
        mut here: Arc<Entries>,
        mut there: Entries,
        was: Option<&Known>,
        only: Option<&BTreeSet<RelativePath>>,
    ) -> Result<Pending, RemoteError> {
        let facts = remote.facts();
        let mut comparison = CompareOptions {
            now: (self.clock)(),
            ahead: facts.clock_ahead,
            has_digests: facts.tier == Tier::Full && !facts.missing.iter().any(|tool| tool == "sha256sum"),
        };
        let base = &self.store.known().base;
        let known = match (reason, only) {
            (Reason::First, _) => Cow::Owned(BaseTree::new()),
            (_, Some(only)) => {
                let pick = |path: &RelativePath| Some((path.clone(), base.get(path)?.clone()));
                Cow::Owned(only.iter().filter_map(pick).collect())
            }
            (_, None) => Cow::Borrowed(base),
        };
        known_digests(&mut there, &known);
        let mut compared = BTreeSet::new();
        let mut plan = SyncPlan::default();
        for round in 0..=COMPARISONS {
            comparison.has_digests &= round < COMPARISONS;
            let occasion = match (reason, was) {
                (Reason::First, _) => CompareCause::First(self.strategy(remote)),
                (Reason::Replay, Some(was)) => {
                    CompareCause::Replay(&was.base, &was.sent, self.strategy(remote))
                }
                _ => CompareCause::Change(&known),
            };
            // In a separate block: borrows of closures must not be held across an await.
            let (ask_here, ask_there) = {
                let ways = |path: &RelativePath, is_folder| self.ways(path, is_folder);
                let ignores_case = self.options.ignores_case;
                let sides =
                    Sides { here: &here, there: &there, occasion, ways: &ways, comparison, ignores_case };
                plan = sides.reconcile();
                let asked = plan.comparisons();
                if asked.0.is_empty() && asked.1.is_empty() {
                    if reason != Reason::Change {
                        self.keep_installed(remote, &mut plan, &there);
                        sides.keep_parents(&mut plan);
                    }
                    break;
                }
                asked
            };
            compared.extend(ask_here.iter().chain(&ask_there).cloned());
            if !ask_here.is_empty() {
                add_digests(&self.local, &mut here, &mut self.here, ask_here).await;
            }
            if !ask_there.is_empty() {
                for (path, digest) in remote.digests(&ask_there).await? {
                    if let Some(entry) = there.get_mut(&path) {
                        entry.digest = Some(digest.into());
                    }
                }
            }
        }
        for path in &compared {
            if !Arc::ptr_eq(&here, &self.here)
                && let Some(entry) = here.get(path)
                && self.here.contains_key(path)
                && let Some(known) = Arc::make_mut(&mut self.here).get_mut(path)
            {
                known.digest = entry.digest.clone();
            }
            // It was touched, and has the same content, which need not be computed again.
            if !plan.decisions.contains_key(path)
                && let Some(base) = self.store.known().base.get(path).filter(|base| base.is_common)
                && base.here.is_some()
                && base.there.is_some()
            {
                self.record(path, here.get(path).cloned(), there.get(path).cloned(), true, comparison);
            }
        }
        let failed = &self.failed;
        let is_same = |then: &Option<SyncEntry>, now: Option<&SyncEntry>| match (then, now) {
            (Some(then), Some(now)) => then.kind == now.kind && is_same_file(then, now),
            (then, now) => then.is_some() == now.is_some(),
        };
        plan.decisions.retain(|path, _| {
            let is_again = |(then_here, then_there): &(_, _)| {
                is_same(then_here, here.get(path)) && is_same(then_there, there.get(path))
            };
            !failed.get(path).is_some_and(is_again)
        });
        let pending = self.guard(&mut plan, &there, reason).await;
        self.apply(remote, plan, &here, &there, comparison).await?;
        Ok(pending)
    }

    /// Drops deletions that need a second check, or consent.
    async fn guard(&mut self, plan: &mut SyncPlan, there: &Entries, reason: Reason) -> Pending {
        let mass_here = guard::mass_deletion(plan, Side::Here, || Cow::Borrowed(self.here.as_ref()));
        let mass_there = match reason {
            Reason::First => None,
            _ => guard::mass_deletion(plan, Side::There, || {
                let known = self.known_there();
                if there.len() < known.len() { Cow::Owned(known) } else { Cow::Borrowed(there) }
            }),
        };
        if let Some(paths) = mass_here {
            let is_allowed = self.refused != paths && self.hooks.on_mass_delete(&paths).await;
            if !is_allowed {
                plan.decisions.retain(|_, decision| *decision != SyncDecision::DeleteHere);
                if self.refused != paths {
                    let files = counted(paths.len(), "file");
                    self.emit(SyncChange::Halted {
                        reason: format!("the container deleted {files}: nothing is deleted on this machine without your consent"),
                    });
                }
                self.refused = paths;
            } else {
                self.refused.clear();
            }
        } else {
            self.refused.clear();
        }
        let Some(paths) = mass_there else {
            self.unsure.1.clear();
            return Pending::default();
        };
        let now = (self.clock)();
        if self.unsure.1 != paths {
            self.unsure = (now + UNSURE, paths);
        } else if self.unsure.0 <= now {
            self.unsure.1.clear();
            return Pending::default();
        }
        self.again.extend(self.unsure.1.iter().cloned());
        plan.decisions.retain(|_, decision| *decision != SyncDecision::DeleteThere);
        Pending { is_unsure: true }
    }

    fn keep_installed(&self, remote: &Arc<dyn Remote>, plan: &mut SyncPlan, there: &Entries) {
        let kept = guard::keep_installed(plan, there, remote.facts());
        if kept.is_empty() {
            return;
        }
        let files = counted(kept.len(), "file");
        let patterns =
            guard::patterns(&kept).iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>();
        self.notice(
            Level::Info,
            format!(
                "kept {files} that only the container has; to exclude them, add {} to `excludePaths`",
                patterns.join(", ")
            ),
        );
    }

    /// Scans the container; `None` if the result proves nothing.
    async fn scan_there(
        &mut self,
        remote: &Arc<dyn Remote>,
        reason: Reason,
    ) -> Result<Option<Entries>, RemoteError> {
        let started = std::time::Instant::now();
        let scan = remote.scan(&self.pruned, &self.store.known().base).await?;
        self.scan_took = started.elapsed();
        for name in scan.unusable {
            self.report_once(
                Level::Warning,
                format!(
                    "the container's `{}` is not synced: its name has a line feed, or is not UTF-8",
                    name.escape_debug()
                ),
            );
        }
        if let Some(gap) = scan.gap {
            if reason == Reason::Change {
                self.report_once(Level::Warning, format!("the container's files cannot be listed completely, so nothing is downloaded or deleted: {gap}"));
                return Ok(None);
            }
            return Err(RemoteError::Failed { doing: "list the files".to_owned(), reason: gap });
        }
        let is_root_usable = scan.root.as_ref().is_none_or(is_directory);
        if !is_root_usable
            || (scan.root.is_none() && reason == Reason::Change && !self.store.known().base.is_empty())
        {
            self.halt(format!(
                "`{}` in the container does not exist or is not a directory: nothing is deleted on this machine",
                self.options.key.there
            ));
            return Ok(None);
        }
        let mut entries = scan.entries;
        let (local, pruned) = (&self.local, &mut self.pruned);
        entries.retain(|path, entry| {
            let is_folder = is_directory(entry);
            if !is_folder || !local.prunes(path) {
                return !local.excludes(path, is_folder);
            }
            let is_known = |known: &Pruned| matches!(known, Pruned::Path(known) if path.is_below(known) || path == known);
            if pruned.len() < MOST_PRUNED && !pruned.iter().any(is_known) {
                pruned.push(Pruned::Path(path.clone()));
            }
            false
        });
        if reason == Reason::Change && guard::is_emptied(&entries, &self.store.known().base, Side::There) {
            self.halt(format!(
                "`{}` in the container is empty now: nothing is deleted on this machine",
                self.options.key.there
            ));
            return Ok(None);
        }
        Ok(Some(entries))
    }

    /// Scans this machine; false if the result proves nothing. Paths that are in `known` share its memory.
    async fn look_here(&mut self, known: Arc<Entries>) -> bool {
        let local = self.local.clone();
        let scanned = blocking(move || (local.root_identity(), local.scan(&known)));
        let Some((root, scan)) = scanned.await else { return false };
        if !self.is_usable(&scan.root) {
            return false;
        }
        self.report_scan(&scan);
        let LocalScan { mut entries, unreadable, .. } = scan;
        for (path, _) in &unreadable {
            // Unreadable paths keep their known state.
            let known = &self.store.known().base;
            for (path, base) in known.get_key_value(path.as_str()).into_iter().chain(below(known, path)) {
                if let Some(seen) = &base.here {
                    entries.entry(path.clone()).or_insert_with(|| seen.entry.clone());
                }
            }
        }
        if guard::is_emptied(&entries, &self.store.known().base, Side::Here) {
            self.halt(format!(
                "`{}` is empty now: nothing is deleted in the container",
                self.local.root().display()
            ));
            return false;
        }
        self.here = Arc::new(entries);
        self.root = root;
        true
    }

    fn is_usable(&mut self, root: &RootState) -> bool {
        let reason = match root {
            RootState::Directory => return true,
            RootState::Missing => "does not exist".to_owned(),
            RootState::Other => "is not a directory".to_owned(),
            RootState::Unreadable(reason) => format!("cannot be read ({reason})"),
        };
        self.halt(format!("`{}` {reason}: nothing is deleted in the container", self.local.root().display()));
        false
    }

    /// The entries in the container if nothing changed.
    fn known_there(&self) -> Entries {
        let known = self.store.known().base.iter();
        known.filter_map(|(path, base)| Some((path.clone(), base.there.as_ref()?.entry.clone()))).collect()
    }

    pub(super) fn ways(&self, path: &RelativePath, is_directory: bool) -> Ways {
        let options = &self.options;
        let upload = Limit { exclude: &options.upload_exclude, is_disabled: options.disable_upload };
        let download = Limit { exclude: &options.download_exclude, is_disabled: options.disable_download };
        Ways::of(path, is_directory, upload, download)
    }

    /// The strategy: the configured one, if the container has all tools for it.
    fn strategy(&self, remote: &Arc<dyn Remote>) -> Strategy {
        match (remote.facts().tier, self.options.strategy) {
            (Tier::Full, strategy) => strategy,
            (_, Strategy::Disabled) => Strategy::Disabled,
            // The state of the container is unknown.
            _ => Strategy::PreferLocal,
        }
    }

    fn report_tools(&mut self, remote: &Arc<dyn Remote>) {
        let facts = remote.facts();
        if facts.tier != Tier::Full {
            let tools = facts.missing.join(", ");
            self.report_once(
                Level::Warning,
                format!("the container lacks {tools}: everything is uploaded, and nothing is downloaded; install them in the image"),
            );
        }
        if facts.clock_ahead != 0 && self.is_news("its clock".to_owned()) {
            let seconds = i64::try_from(facts.clock_ahead.unsigned_abs() / 1_000_000_000).unwrap_or(i64::MAX);
            // The measurement includes the delay of the connection.
            let seconds = if seconds < 120 { seconds } else { seconds.saturating_add(30) / 60 * 60 };
            let amount = SignedDuration::from_secs(seconds);
            let side = if facts.clock_ahead < 0 { "behind" } else { "ahead of" };
            let message = format!(
                "the container's clock is {amount:#} {side} the one of this machine: windlass corrects the times of files"
            );
            self.notice(Level::Info, message);
        }
    }

    /// Reports directories on this machine that are so large that the user probably does not want to sync them.
    fn report_huge(&mut self) {
        let here = Arc::clone(&self.here);
        let mut counts = BTreeMap::<&str, usize>::new();
        for (path, _) in here.iter().filter(|(_, entry)| !is_directory(entry)) {
            if let Some((top, _)) = path.as_str().split_once('/') {
                *counts.entry(top).or_default() += 1;
            }
        }
        for (top, count) in counts.into_iter().filter(|(_, count)| *count > HUGE) {
            let files = counted(count, "file");
            let message = format!(
                "`{top}` has {files}, which takes time: if the container does not need them, add `/{top}/` to `excludePaths`"
            );
            self.report_once(Level::Warning, message);
        }
    }

    fn report_scan(&mut self, scan: &LocalScan) {
        for name in &scan.unusable {
            self.report_once(
                Level::Warning,
                format!(
                    "`{}` is not synced: its name has a line feed, or is not UTF-8, or it is a cycle of links",
                    name.escape_debug()
                ),
            );
        }
        for (path, reason) in &scan.unreadable {
            self.report_once(Level::Warning, format!("cannot read `{path}`, so it is not synced: {reason}"));
        }
    }

    fn halt(&mut self, reason: String) {
        if !self.is_halted {
            self.is_halted = true;
            self.emit(SyncChange::Halted { reason });
        }
    }

    /// Records the state of a path.
    pub(super) fn record(
        &mut self,
        path: &RelativePath,
        here: Option<SyncEntry>,
        there: Option<SyncEntry>,
        is_common: bool,
        comparison: CompareOptions,
    ) {
        let now = (self.clock)();
        let (mut here, mut there) = (here, there);
        if is_common && let (Some(here), Some(there)) = (&mut here, &mut there) {
            let digest = here.digest.take().or(there.digest.take());
            (here.digest, there.digest) = (digest.clone(), digest);
        }
        let base = (here.is_some() || there.is_some()).then(|| Base {
            here: here.map(|entry| Seen::new(entry, now)),
            there: there.map(|entry| Seen::new(entry, now + comparison.ahead)),
            is_common,
        });
        if self.store.known().base.get(path).map(Box::as_ref) != base.as_ref() {
            self.store.set(path, base);
        }
    }

    pub(super) fn saved(
        &mut self,
        save: impl FnOnce(&mut Store) -> Result<(), super::store::SyncStoreError>,
    ) {
        if let Err(error) = save(&mut self.store) {
            self.report_once(
                Level::Warning,
                format!("{error}: after the next start, everything is compared again"),
            );
        }
    }

    /// Watches whether it is paused: meanwhile, nothing is sent or received.
    pub fn pause_with(&mut self, paused: watch::Receiver<bool>) {
        self.paused = Some(paused);
    }

    /// Waits until it is not paused.
    pub(super) async fn resumed(&mut self) {
        if let Some(paused) = &mut self.paused {
            // Fails if it can no longer be paused.
            let _ = paused.wait_for(|is_paused| !is_paused).await;
        }
    }

    /// Takes the changes that were synced since the last call.
    pub fn take_batch(&mut self) -> Batch {
        std::mem::take(&mut self.batch)
    }

    /// Whether no path must be checked again before the next change.
    pub fn is_settled(&self) -> bool {
        self.again.is_empty() && !self.is_there_unknown
    }

    pub(super) fn emit(&self, change: SyncChange) {
        self.events.emit(crate::event::Event::Sync { folder: self.options.name.clone(), change });
    }

    pub(super) fn notice(&self, level: Level, message: String) {
        self.events.notice(level, format!("{}: {message}", self.options.name));
    }

    pub(super) fn report_once(&mut self, level: Level, message: String) {
        if self.is_news(message.clone()) {
            self.notice(level, message);
        }
    }

    /// Whether `message` was not reported yet.
    pub(super) fn is_news(&mut self, message: String) -> bool {
        self.told.insert(message)
    }

    /// Reports a failure, unless it equals the last one.
    pub(super) fn notice_failure(&mut self, message: String) {
        if self.last_failure.as_ref() != Some(&message) {
            self.notice(Level::Warning, message.clone());
            self.last_failure = Some(message);
        }
    }
}

/// Locks the directory `here` for downloads, which only one process at a time holds, also in other projects: two that
/// download would send each other's files back and forth. The lock is a file in `claims`, or in `states`
/// (`.windlass/sync`) if that is not writable. Returns the lock, `None` if the file system does not support locks, and
/// the reason if another process has it.
fn claim_downloads(claims: &Path, states: &Path, here: &Path) -> (Option<HeldFile>, Option<String>) {
    let name = format!("downloads-{}.lock", &Digest::of(here.display().to_string()).hex()[..24]);
    let claimed = own_file::create_folder(claims).and_then(|()| HeldFile::take(&claims.join(&name)));
    match claimed.or_else(|_| HeldFile::take(&states.join(&name))) {
        Ok(Hold::Acquired(held)) => (Some(held), None),
        // The directories of one process were compared before.
        Ok(Hold::HeldBy(Some(process))) if process == std::process::id() => (None, None),
        Ok(Hold::HeldBy(process)) => {
            let process = of_process(process);
            let refused = format!(
                "nothing is downloaded, because another windlass{process} downloads from another container into the same \
                 directory: to download from this one, end the other one and start again"
            );
            (None, Some(refused))
        }
        Err(_) => (None, None),
    }
}

/// Adds the known digests to unchanged entries.
fn known_digests(there: &mut Entries, known: &BaseTree) {
    for (path, entry) in there {
        if entry.digest.is_none()
            && let Some(seen) = known.get(path).and_then(|base| base.there.as_ref())
            && !seen.is_young
            && seen.relation(entry) == super::base::Relation::Same
        {
            entry.digest = seen.entry.digest.clone();
        }
    }
}

/// Adds the digests of the files at `paths` to `here`; `latest` may be the same map.
async fn add_digests(
    local: &Arc<LocalFolder>,
    here: &mut Arc<Entries>,
    latest: &mut Arc<Entries>,
    paths: Vec<RelativePath>,
) {
    let files: Vec<_> = paths
        .into_iter()
        .filter_map(|path| here.get(&path).map(|entry| (path.clone(), entry.clone())))
        .collect();
    let local = Arc::clone(local);
    let digests = blocking(move || {
        let digest = |(path, entry): (RelativePath, SyncEntry)| {
            local.digest(&path, &entry).ok().flatten().map(|digest| (path, digest))
        };
        files.into_iter().filter_map(digest).collect::<Vec<_>>()
    });
    let digests = digests.await.unwrap_or_default();
    let is_latest = Arc::ptr_eq(here, latest);
    if is_latest {
        // With two owners, the map would be copied, and it may be large.
        *latest = Arc::default();
    }
    let entries = Arc::make_mut(here);
    for (path, digest) in digests {
        if let Some(entry) = entries.get_mut(&path) {
            entry.digest = Some(digest.into());
        }
    }
    if is_latest {
        *latest = Arc::clone(here);
    }
}

/// Runs `work`, which waits for the disk; `None` if it panicked, or the runtime ends.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
