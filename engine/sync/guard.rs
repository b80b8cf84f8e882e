//! Halts before much is deleted.

use std::borrow::Cow;

use super::base::BaseTree;
use super::decide::{SyncDecision, is_directory};
use super::reconcile::{Entries, SyncPlan};
use super::{Facts, RelativePath};

/// The number of files that may be deleted without a prompt.
const FEW: usize = 20;
/// If the container has more files than this that this machine does not have, a first connection keeps them.
const MANY_THERE: usize = 100;
/// Directories of packages and build results: files in them that only the container has were installed in it.
const INSTALLED: [&str; 4] = ["node_modules", "vendor", ".venv", "target"];

/// The side that lost its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This machine.
    Here,
    /// The container.
    There,
}

/// Whether a side has nothing, although it had at least two entries: it is probably not mounted.
pub fn is_emptied(entries: &Entries, base: &BaseTree, side: Side) -> bool {
    let was = base.values().filter(|base| match side {
        Side::Here => base.here.is_some(),
        Side::There => base.there.is_some(),
    });
    entries.is_empty() && was.take(2).count() == 2
}

/// The files that a plan deletes on a side, if these are more than 20 and more than a quarter of its `entries`.
pub fn mass_deletion<'a>(
    plan: &SyncPlan,
    side: Side,
    entries: impl FnOnce() -> Cow<'a, Entries>,
) -> Option<Vec<RelativePath>> {
    let deletion = match side {
        Side::Here => SyncDecision::DeleteHere,
        Side::There => SyncDecision::DeleteThere,
    };
    let mut deleted = plan.paths(|decision| decision == deletion);
    if deleted.len() <= FEW {
        return None;
    }
    let entries = entries();
    let is_file = |path: &RelativePath| entries.get(path).is_some_and(|entry| !is_directory(entry));
    deleted.retain(is_file);
    let files = entries.values().filter(|entry| !is_directory(entry)).count();
    (deleted.len() > FEW && deleted.len() * 4 > files).then_some(deleted)
}

/// Keeps files that a first connection should not delete in the container; returns the kept files.
pub fn keep_installed(plan: &mut SyncPlan, there: &Entries, facts: &Facts) -> Vec<RelativePath> {
    let is_installed = |path: &RelativePath| {
        path.as_str().split('/').any(|name| INSTALLED.contains(&name))
            || facts.mounts.iter().any(|mount| path == mount || path.is_below(mount))
    };
    let mut deleted = plan.paths(|decision| decision == SyncDecision::DeleteThere);
    let is_file = |path: &RelativePath| there.get(path).is_some_and(|entry| !is_directory(entry));
    if deleted.iter().filter(|path| is_file(path) && !is_installed(path)).count() <= MANY_THERE {
        deleted.retain(is_installed);
    }
    for path in &deleted {
        plan.decisions.insert(path.clone(), SyncDecision::Keep);
    }
    deleted.retain(is_file);
    deleted
}

/// The topmost directories of `paths`, at most three, as exclude patterns.
pub fn patterns(paths: &[RelativePath]) -> Vec<String> {
    let mut patterns: Vec<String> = Vec::new();
    for path in paths {
        let pattern = match path.as_str().split_once('/') {
            Some((first, _)) => format!("/{first}/"),
            None => format!("/{path}"),
        };
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    patterns.truncate(3);
    patterns
}
