//! No interleaving of changes loses content.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::base::{Base, BaseTree, Seen};
use super::super::decide::{CompareOptions, SyncDecision, Ways};
use super::super::reconcile::{CompareCause, Entries, Sides, below};
use super::super::{Kind, RelativePath, SyncEntry};
use crate::image::Digest;

const NOW: i128 = 1_000_000_000_000;
const PATHS: [&str; 6] = ["a", "b", "d", "d/x", "d/y", "d/e/z"];

/// Both sides, the common state, and every content that was ever on a side at a path.
#[derive(Default)]
struct Model {
    sides: [Entries; 2],
    base: BaseTree,
    seen: [BTreeMap<RelativePath, BTreeSet<Digest>>; 2],
    copies: BTreeSet<Digest>,
    held: BTreeSet<RelativePath>,
    next: u64,
}

fn entry(kind: Kind, number: u64) -> SyncEntry {
    let digest = (kind == Kind::File).then(|| Digest::of(number.to_string()).into());
    SyncEntry {
        kind,
        mode: 0o644,
        size: 1,
        mtime: number.cast_signed(),
        inode: number,
        owner: (0, 0),
        digest,
    }
}

impl Model {
    /// A user writes a file on a side, and the directories that contain it; files in the way are replaced knowingly.
    fn write(&mut self, side: usize, path: &str) {
        let path = RelativePath::new(path).expect("a path");
        self.next += 1;
        for parent in std::iter::successors(path.parent(), RelativePath::parent) {
            let is_directory =
                self.sides[side].get(&parent).is_some_and(|entry| entry.kind == Kind::Directory);
            if !is_directory {
                self.sides[side].insert(parent, entry(Kind::Directory, 0));
            }
        }
        self.delete(side, path.as_str());
        self.put(side, path, entry(Kind::File, self.next));
    }

    fn delete(&mut self, side: usize, path: &str) {
        let path = RelativePath::new(path).expect("a path");
        self.sides[side].retain(|other, _| *other != path && !other.is_below(&path));
    }

    fn put(&mut self, side: usize, path: RelativePath, entry: SyncEntry) {
        if let Some(digest) = entry.digest.clone() {
            self.seen[side].entry(path.clone()).or_default().insert(digest.into());
        }
        self.sides[side].insert(path, entry);
    }

    /// The engine replaces or removes an entry of a side: the other side must have had it, or a copy is kept.
    fn engine_removes(&mut self, side: usize, path: &RelativePath) {
        let Some(entry) = self.sides[side].remove(path) else { return };
        assert!(below(&self.sides[side], path).next().is_none(), "{path} is not empty");
        let Some(digest) = entry.digest.map(Digest::from) else { return };
        let was_common = self.seen[1 - side].get(path).is_some_and(|seen| seen.contains(&digest));
        // Files that are replaced or deleted on this machine always go to the trash.
        if side == 0 {
            self.copies.insert(digest);
        }
        assert!(was_common || self.copies.contains(&digest), "{path} is lost on side {side}");
    }

    fn record(&mut self, path: &RelativePath, is_common: bool) {
        let seen = |entry: Option<&SyncEntry>| entry.map(|entry| Seen::new(entry.clone(), NOW));
        let base =
            Base { here: seen(self.sides[0].get(path)), there: seen(self.sides[1].get(path)), is_common };
        match base.here.is_some() || base.there.is_some() {
            true => drop(self.base.insert(path.clone(), Box::new(base))),
            false => drop(self.base.remove(path)),
        }
    }

    fn copy(&mut self, from: usize, path: &RelativePath) {
        let Some(entry) = self.sides[from].get(path).cloned() else { return };
        let is_directory =
            |entry: Option<&SyncEntry>| entry.is_some_and(|entry| entry.kind == Kind::Directory);
        if !(is_directory(Some(&entry)) && is_directory(self.sides[1 - from].get(path))) {
            self.engine_removes(1 - from, path);
        }
        let parent = path.parent();
        assert!(
            parent.is_none_or(|parent| is_directory(self.sides[1 - from].get(&parent))),
            "{path} has no directory"
        );
        self.put(1 - from, path.clone(), entry);
        self.record(path, true);
    }

    /// One pass over both sides, which stops after `limit` decisions, as at a lost connection.
    fn pass(&mut self, limit: usize) {
        let comparison = CompareOptions { now: NOW, ahead: 0, has_digests: true };
        let (here, there, base) = (self.sides[0].clone(), self.sides[1].clone(), self.base.clone());
        let ways = |_: &RelativePath, _: bool| Ways::BOTH;
        let occasion = CompareCause::Change(&base);
        let sides =
            Sides { here: &here, there: &there, occasion, ways: &ways, comparison, ignores_case: false };
        let plan = sides.reconcile();
        let deletions =
            plan.decisions.iter().rev().filter(|(_, decision)| {
                matches!(decision, SyncDecision::DeleteHere | SyncDecision::DeleteThere)
            });
        let others = plan.decisions.iter().filter(|(_, decision)| {
            !matches!(decision, SyncDecision::DeleteHere | SyncDecision::DeleteThere)
        });
        for (path, decision) in deletions.chain(others).take(limit) {
            match decision {
                SyncDecision::Upload | SyncDecision::UploadAgain => self.copy(0, path),
                SyncDecision::Download | SyncDecision::DownloadAgain => self.copy(1, path),
                SyncDecision::Conflict => {
                    self.copies.extend(there[path].digest.clone().map(Digest::from));
                    self.copy(0, path);
                }
                SyncDecision::DeleteThere | SyncDecision::DeleteHere => {
                    self.engine_removes(usize::from(*decision == SyncDecision::DeleteThere), path);
                    self.record(path, true);
                }
                SyncDecision::Agree => self.record(path, true),
                SyncDecision::Forget => drop(self.base.remove(path)),
                SyncDecision::Hold => {
                    self.held.insert(path.clone());
                    self.base.remove(path);
                }
                SyncDecision::Keep | SyncDecision::KeepDifferent => {
                    self.held.insert(path.clone());
                    self.record(path, false);
                }
                SyncDecision::Nothing | SyncDecision::SetMode => {}
                SyncDecision::Compare { .. } => panic!("all digests are known"),
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize, usize),
    Delete(usize, usize),
    Pass(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2_usize, 0..PATHS.len()).prop_map(|(side, path)| Step::Write(side, path)),
        2 => (0..2_usize, 0..PATHS.len()).prop_map(|(side, path)| Step::Delete(side, path)),
        2 => (0..8_usize).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_both_sides_become_equal_or_are_named(steps in prop::collection::vec(step(), 1..24)) {
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Write(side, path) => model.write(side, PATHS[path]),
                Step::Delete(side, path) => model.delete(side, PATHS[path]),
                Step::Pass(limit) => model.pass(limit),
            }
        }
        for _ in 0..3 {
            model.pass(usize::MAX);
        }
        let differs = |path: &&RelativePath| {
            let content = |side: usize| model.sides[side].get(*path).map(|entry| (&entry.kind, &entry.digest));
            content(0) != content(1)
        };
        let paths: BTreeSet<_> = model.sides.iter().flat_map(Entries::keys).collect();
        for path in paths.into_iter().filter(differs) {
            let is_named = std::iter::successors(Some(path.clone()), RelativePath::parent)
                .any(|path| model.held.contains(&path));
            prop_assert!(is_named, "{} differs", path);
        }
        let before = model.sides.clone();
        model.pass(usize::MAX);
        prop_assert_eq!(before, model.sides, "a pass without changes does nothing");
    }
}
