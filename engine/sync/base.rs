//! The last known state of both sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, RelativePath, SyncEntry};

/// How long after its modification a file may change again without a new modification time, in nanoseconds.
const YOUNG: i128 = 2_000_000_000;

/// The last known state of every path. In boxes: a map has gaps, and states are large.
pub type BaseTree = BTreeMap<RelativePath, Box<Base>>;

/// The last known state of a path, on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The entry on this machine.
    pub here: Option<Seen>,
    /// The entry in the container.
    pub there: Option<Seen>,
    /// Whether both had the same content; if not, the sides differ on purpose until one changes.
    pub is_common: bool,
}

/// An entry as it was when it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The entry.
    pub entry: SyncEntry,
    /// Whether it was so young that it may have changed since without a trace in its metadata.
    pub is_young: bool,
}

/// The relation of an entry to an earlier one, or to the one of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same content.
    Same,
    /// Another content.
    Different,
    /// Unknown without digests.
    Unknown,
}

impl Base {
    /// Makes both sides share the memory of their digest, if it is one.
    pub fn share_digest(&mut self) {
        if let (Some(here), Some(there)) = (&self.here, &mut self.there)
            && here.entry.digest == there.entry.digest
        {
            there.entry.digest.clone_from(&here.entry.digest);
        }
    }
}

impl Seen {
    /// `entry`, seen at the time `now` of its side.
    pub fn new(entry: SyncEntry, now: i128) -> Self {
        let is_young = entry.kind == Kind::File && entry.modified() + YOUNG > now;
        Self { entry, is_young }
    }

    /// Whether `entry`, of the same side, has the content of this one.
    pub fn relation(&self, entry: &SyncEntry) -> Relation {
        let is_stat_equal = self.entry.mtime == entry.mtime
            && (self.entry.inode == entry.inode || self.entry.inode == 0 || entry.inode == 0);
        match content(&self.entry, entry) {
            Relation::Unknown if is_stat_equal && (!self.is_young || self.entry.digest.is_none()) => {
                Relation::Same
            }
            // Without a digest of the earlier content, another digest is useless.
            Relation::Unknown if self.entry.digest.is_none() => Relation::Different,
            relation => relation,
        }
    }
}

/// How the contents of two entries relate.
pub fn content(one: &SyncEntry, other: &SyncEntry) -> Relation {
    match (&one.kind, &other.kind) {
        (Kind::File, Kind::File) if one.size != other.size => Relation::Different,
        (Kind::File, Kind::File) => match (&one.digest, &other.digest) {
            (Some(one), Some(other)) if one == other => Relation::Same,
            (Some(_), Some(_)) => Relation::Different,
            _ => Relation::Unknown,
        },
        (one, other) if one == other => Relation::Same,
        _ => Relation::Different,
    }
}

/// Like [`content`], for entries of both sides that were never compared: files of the same size and time are equal,
/// unless they were written just before `now`. `ahead` is how far the container's clock is ahead of this machine's.
pub fn first_content(here: &SyncEntry, there: &SyncEntry, ahead: i128, now: i128) -> Relation {
    const SECOND: i128 = 1_000_000_000;
    let seconds = here.modified().div_euclid(SECOND);
    let is_same_time =
        [there.modified(), there.modified() - ahead].iter().any(|time| time.div_euclid(SECOND) == seconds);
    match content(here, there) {
        Relation::Unknown if is_same_time && here.modified() + YOUNG <= now => Relation::Same,
        relation => relation,
    }
}
