//! From the states of both sides to the steps that make them equal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::base::{Base, BaseTree};
use super::decide::{
    At, CompareOptions, SyncDecision, Ways, decide_change, decide_first, decide_replay, is_directory,
};
use super::{Kind, RelativePath, SyncEntry};
use crate::config::InitialSync as Strategy;

/// The entries of a side that may be synced.
pub type Entries = BTreeMap<RelativePath, SyncEntry>;

/// Why the sides are compared.
#[derive(Clone, Copy)]
pub enum CompareCause<'a> {
    /// This is the first connection to a container.
    First(Strategy),
    /// The container is the one of the base.
    Change(&'a BaseTree),
    /// The container replaces the one of the base; windlass uploaded or deleted these paths at some time.
    Replay(&'a BaseTree, &'a BTreeSet<RelativePath>, Strategy),
}

/// The inputs of a reconciliation.
pub struct Sides<'a> {
    /// The entries on this machine.
    pub here: &'a Entries,
    /// The entries in the container.
    pub there: &'a Entries,
    /// Why they are compared.
    pub occasion: CompareCause<'a>,
    /// The allowed directions of a path.
    pub ways: &'a dyn Fn(&RelativePath, bool) -> Ways,
    /// Times and tools.
    pub comparison: CompareOptions,
    /// Whether names that differ only in case are one name on this machine.
    pub ignores_case: bool,
}

/// The decisions by path. Paths without a decision are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncPlan {
    /// The decisions.
    pub decisions: BTreeMap<RelativePath, SyncDecision>,
}

impl Sides<'_> {
    /// Decides about every path; then corrects what would contradict the decisions about other paths.
    pub fn reconcile(&self) -> SyncPlan {
        let empty = BaseTree::new();
        let base = match self.occasion {
            CompareCause::First(_) => &empty,
            CompareCause::Change(base) | CompareCause::Replay(base, ..) => base,
        };
        let known = if matches!(self.occasion, CompareCause::Change(_)) { base } else { &empty };
        let paths: BTreeSet<_> = self.here.keys().chain(self.there.keys()).chain(known.keys()).collect();
        let links = self.written_through();
        let mut decisions = BTreeMap::new();
        for path in paths {
            let decision = if is_in(&links, path) {
                match links.contains(path) {
                    true if known.contains_key(path) => SyncDecision::Nothing,
                    true => SyncDecision::Keep,
                    false => self.through_link(path, known),
                }
            } else {
                let decision = self.decide(path, base);
                // A link of the container that leaves the directory, or is absolute, cannot exist on this machine.
                match (decision, self.there.get(path).map(|entry| &entry.kind)) {
                    (SyncDecision::Download | SyncDecision::DownloadAgain, Some(Kind::Link(target)))
                        if !stays_inside(path, target) =>
                    {
                        SyncDecision::Keep
                    }
                    (decision, _) => decision,
                }
            };
            if decision != SyncDecision::Nothing {
                decisions.insert(path.clone(), decision);
            }
        }
        let mut plan = SyncPlan { decisions };
        self.hold_case_clashes(&mut plan);
        self.hold_different_kinds(&links, &mut plan);
        self.keep_parents(&mut plan);
        plan
    }

    fn decide(&self, path: &RelativePath, base: &BaseTree) -> SyncDecision {
        let (here, there) = (self.here.get(path), self.there.get(path));
        let is_folder = here.or(there).is_some_and(is_directory);
        let at = At { here, there, ways: (self.ways)(path, is_folder) };
        let base = base.get(path).map(Box::as_ref);
        match self.occasion {
            CompareCause::First(strategy) => decide_first(at, strategy, self.comparison),
            CompareCause::Change(_) => decide_change(at, base.unwrap_or(&Base::default()), self.comparison),
            CompareCause::Replay(_, sent, strategy) => {
                decide_replay(at, base, sent.contains(path), strategy, self.comparison)
            }
        }
    }

    /// The links in the container that represent a directory of this machine: paths below them are written through
    /// them, and scans do not list them.
    fn written_through(&self) -> BTreeSet<RelativePath> {
        let is_link = |entry: &SyncEntry| matches!(entry.kind, Kind::Link(_));
        let is_written = |path: &RelativePath| self.here.get(path).is_some_and(is_directory);
        let links = self.there.iter().filter(|(path, entry)| is_link(entry) && is_written(path));
        links.map(|(path, _)| path.clone()).collect()
    }

    /// The decision about a path that no scan lists: the container has its last known state.
    fn through_link(&self, path: &RelativePath, known: &BaseTree) -> SyncDecision {
        let unknown = Base::default();
        let base = known.get(path).map_or(&unknown, Box::as_ref);
        let here = self.here.get(path);
        let there = base.there.as_ref().map(|seen| &seen.entry);
        let ways = (self.ways)(path, here.or(there).is_some_and(is_directory));
        decide_change(At { here, there, ways }, base, self.comparison)
    }

    /// Holds downloads to a name that differs only in case from that of another file.
    fn hold_case_clashes(&self, plan: &mut SyncPlan) {
        if !self.ignores_case {
            return;
        }
        let mut owners: HashMap<String, &RelativePath> = HashMap::new();
        for path in self.here.keys().chain(self.there.keys()) {
            owners.entry(path.as_str().to_lowercase()).or_insert(path);
        }
        for (path, decision) in &mut plan.decisions {
            let is_new = matches!(decision, SyncDecision::Download | SyncDecision::DownloadAgain);
            if is_new && owners.get(&path.as_str().to_lowercase()).is_some_and(|owner| *owner != path) {
                *decision = SyncDecision::Hold;
            }
        }
    }

    /// Holds each path that is a directory on only one side, and all paths below it, unless one replaces the other and
    /// nothing in the directory stays. A held path has no known state, so that any later change of it is noticed.
    fn hold_different_kinds(&self, links: &BTreeSet<RelativePath>, plan: &mut SyncPlan) {
        use SyncDecision::{
            DeleteHere, DeleteThere, Download, DownloadAgain, Forget, Hold, Upload, UploadAgain,
        };
        let is_different = |path: &RelativePath| {
            let there = self.there.get(path);
            there.is_some_and(|there| is_directory(there) != self.here.get(path).is_some_and(is_directory))
        };
        let mut held: Vec<&RelativePath> = Vec::new();
        for path in self.here.keys().filter(|path| is_different(path) && !links.contains(*path)) {
            let (old, deletion) = match plan.decisions.get(path) {
                Some(Upload | UploadAgain) => (self.there, DeleteThere),
                Some(Download | DownloadAgain) => (self.here, DeleteHere),
                _ => {
                    held.push(path);
                    continue;
                }
            };
            if below(old, path).any(|(below, _)| plan.decisions.get(below) != Some(&deletion)) {
                held.push(path);
            }
        }
        for path in held {
            let inside: Vec<_> = below(&plan.decisions, path).map(|(path, _)| path.clone()).collect();
            plan.decisions.extend(inside.into_iter().map(|path| (path, Forget)));
            plan.decisions.insert(path.clone(), Hold);
        }
    }

    /// A directory is deleted only with all that is in it: the change of something in it wins.
    pub fn keep_parents(&self, plan: &mut SyncPlan) {
        use SyncDecision::{DeleteHere, DeleteThere, DownloadAgain, Keep, UploadAgain};
        let folders: Vec<_> = plan.decisions.keys().rev().cloned().collect();
        for path in folders {
            let (entries, deleted) = match plan.decisions.get(&path) {
                Some(DeleteThere) => (self.there, DeleteThere),
                Some(DeleteHere) => (self.here, DeleteHere),
                _ => continue,
            };
            if !entries.get(&path).is_some_and(is_directory) {
                continue;
            }
            let comes_back = |decision: Option<SyncDecision>| {
                matches!(
                    (deleted, decision),
                    (DeleteThere, Some(SyncDecision::Download | DownloadAgain))
                        | (DeleteHere, Some(SyncDecision::Upload | UploadAgain))
                )
            };
            let (mut stays, mut returns) = (false, false);
            for (below, _) in below(entries, &path) {
                let decision = plan.decisions.get(below).copied();
                stays |= decision != Some(deleted);
                returns |= comes_back(decision);
            }
            if stays {
                let again = if deleted == DeleteThere { DownloadAgain } else { UploadAgain };
                plan.decisions.insert(path, if returns { again } else { Keep });
            }
        }
    }
}

impl SyncPlan {
    /// The paths with a decision that `is_wanted`, in their order.
    pub fn paths(&self, is_wanted: impl Fn(SyncDecision) -> bool) -> Vec<RelativePath> {
        let wanted = self.decisions.iter().filter(|(_, decision)| is_wanted(**decision));
        wanted.map(|(path, _)| path.clone()).collect()
    }

    /// The paths of the files whose digests decide: those here, and those there.
    pub fn comparisons(&self) -> (Vec<RelativePath>, Vec<RelativePath>) {
        let here = self.paths(|decision| matches!(decision, SyncDecision::Compare { here: true, .. }));
        (here, self.paths(|decision| matches!(decision, SyncDecision::Compare { there: true, .. })))
    }
}

/// The entries below the directory `path`.
pub fn below<'a, T>(
    tree: &'a BTreeMap<RelativePath, T>,
    path: &'a RelativePath,
) -> impl Iterator<Item = (&'a RelativePath, &'a T)> {
    // Names such as `a-b` sort between `a` and `a/b`.
    let start = format!("{path}/");
    let entries =
        tree.range::<str, _>((std::ops::Bound::Included(start.as_str()), std::ops::Bound::Unbounded));
    entries.take_while(move |(below, _)| below.is_below(path))
}

/// Whether `path` or a directory that contains it is in `paths`.
pub fn is_in(paths: &BTreeSet<RelativePath>, path: &RelativePath) -> bool {
    !paths.is_empty()
        && std::iter::successors(Some(path.clone()), RelativePath::parent).any(|path| paths.contains(&path))
}

/// Whether the link `path` with this target points to a path in the same synced directory.
pub fn stays_inside(path: &RelativePath, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\n', '\0']) {
        return false;
    }
    let mut depth = path.as_str().matches('/').count();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}
