//! The decision about one path: the tables of the initial strategies, of later changes, and of new containers.

use super::base::{Base, Relation, content, first_content};
use super::{ExcludePatterns, Kind, RelativePath, SyncEntry};
use crate::config::InitialSync as Strategy;

/// The decision about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncDecision {
    /// Nothing: nothing changed, or that direction is excluded.
    Nothing,
    /// Both are equal, which is recorded.
    Agree,
    /// Both may differ until one changes, which is recorded.
    Keep,
    /// The same, and the difference is reported.
    KeepDifferent,
    /// Both sides no longer have it.
    Forget,
    /// Upload the entry of this machine.
    Upload,
    /// Upload the entry of this machine, although the container deleted it.
    UploadAgain,
    /// Set the permission bits of this machine in the container.
    SetMode,
    /// Delete it in the container.
    DeleteThere,
    /// Download the entry of the container.
    Download,
    /// Download the entry of the container, although it was deleted on this machine.
    DownloadAgain,
    /// Delete it on this machine.
    DeleteHere,
    /// Both changed.
    Conflict,
    /// One is a directory and the other is not: neither is transferred.
    Hold,
    /// Digests of these sides decide.
    Compare {
        /// That of the file on this machine.
        here: bool,
        /// That of the file in the container.
        there: bool,
    },
}

/// The allowed directions of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// Upload.
    pub up: bool,
    /// Download.
    pub down: bool,
    /// Whether an exclude rule of one direction selects it: then a first connection does not delete it.
    pub is_restricted: bool,
}

/// The limits of one direction.
#[derive(Debug, Clone, Copy)]
pub struct Limit<'a> {
    /// Paths that are excluded.
    pub exclude: &'a ExcludePatterns,
    /// Whether everything is excluded.
    pub is_disabled: bool,
}

impl Ways {
    /// Both directions.
    #[cfg(test)]
    pub const BOTH: Self = Self { up: true, down: true, is_restricted: false };

    /// The directions of `path` within the limits of uploads and of downloads.
    pub fn of(path: &RelativePath, is_directory: bool, upload: Limit<'_>, download: Limit<'_>) -> Self {
        let up = !upload.exclude.excludes(path.as_str(), is_directory);
        let down = !download.exclude.excludes(path.as_str(), is_directory);
        Self {
            up: up && !upload.is_disabled,
            down: down && !download.is_disabled,
            is_restricted: !up || !down,
        }
    }
}

/// The entries of one path.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The entry on this machine.
    pub here: Option<&'a SyncEntry>,
    /// The entry in the container.
    pub there: Option<&'a SyncEntry>,
    /// The allowed directions.
    pub ways: Ways,
}

/// The times and tools that comparisons need.
#[derive(Debug, Clone, Copy)]
pub struct CompareOptions {
    /// The time on this machine, in nanoseconds since the epoch.
    pub now: i128,
    /// How far the clock of the container is ahead.
    pub ahead: i128,
    /// Whether the container can compute digests.
    pub has_digests: bool,
}

/// How an entry changed since it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    No,
    Mode,
    Yes,
    Unknown,
}

/// The decision about a change since the common state `base`.
pub fn decide_change(at: At<'_>, base: &Base, comparison: CompareOptions) -> SyncDecision {
    let seen = |seen: &Option<super::base::Seen>, entry: Option<&SyncEntry>| match (seen, entry) {
        (None, None) => Change::No,
        (Some(seen), Some(entry)) => match seen.relation(entry) {
            Relation::Same if seen.entry.mode != entry.mode => Change::Mode,
            Relation::Same => Change::No,
            Relation::Different => Change::Yes,
            Relation::Unknown => Change::Unknown,
        },
        _ => Change::Yes,
    };
    let changed_here = seen(&base.here, at.here);
    // Without digests, equal metadata means equal content.
    let changed_there = match seen(&base.there, at.there) {
        Change::Unknown if !comparison.has_digests => match (&base.there, at.there) {
            (Some(seen), Some(entry)) if seen.entry.mtime == entry.mtime => Change::No,
            _ => Change::Yes,
        },
        // Permission bits are not downloaded.
        Change::Mode => Change::No,
        change => change,
    };
    if changed_here == Change::Unknown || changed_there == Change::Unknown {
        let (here, there) = (changed_here == Change::Unknown, changed_there == Change::Unknown);
        return SyncDecision::Compare { here, there };
    }
    let (here_is_new, there_is_new) = (changed_here == Change::Yes, changed_there == Change::Yes);
    let decision = match (at.here, at.there) {
        (None, None) => return SyncDecision::Forget,
        (Some(here), Some(there)) => match content(here, there) {
            _ if !here_is_new && !there_is_new => match changed_here {
                Change::Mode if base.is_common && here.mode != there.mode => SyncDecision::SetMode,
                _ => SyncDecision::Nothing,
            },
            Relation::Same => SyncDecision::Agree,
            Relation::Unknown if comparison.has_digests => {
                return SyncDecision::Compare { here: here.digest.is_none(), there: there.digest.is_none() };
            }
            _ if base.is_common && !there_is_new => SyncDecision::Upload,
            _ if base.is_common && !here_is_new => SyncDecision::Download,
            _ if is_directory(here) != is_directory(there) => return SyncDecision::Hold,
            _ => SyncDecision::Conflict,
        },
        (None, Some(_)) => match (here_is_new, there_is_new) {
            (true, true) => SyncDecision::DownloadAgain,
            (false, true) => SyncDecision::Download,
            (true, false) if base.is_common => SyncDecision::DeleteThere,
            // It was never the same as the one that was deleted on this machine.
            (true, false) => SyncDecision::Keep,
            (false, false) => SyncDecision::Nothing,
        },
        (Some(_), None) => match (here_is_new, there_is_new) {
            (true, true) => SyncDecision::UploadAgain,
            (true, false) => SyncDecision::Upload,
            (false, true) if base.is_common => SyncDecision::DeleteHere,
            (false, true) => SyncDecision::Keep,
            (false, false) => SyncDecision::Nothing,
        },
    };
    // A path that never existed before was not deleted.
    let decision = match (decision, base.here.is_some() || base.there.is_some()) {
        (SyncDecision::UploadAgain, false) => SyncDecision::Upload,
        (SyncDecision::DownloadAgain, false) => SyncDecision::Download,
        (decision, _) => decision,
    };
    at.ways.restrict(decision, SyncDecision::Nothing)
}

/// The decision of the first connection to a container.
pub fn decide_first(at: At<'_>, strategy: Strategy, comparison: CompareOptions) -> SyncDecision {
    use Strategy::{Disabled, KeepAll, MirrorLocal, MirrorRemote, PreferLocal, PreferNewest, PreferRemote};
    let decision = match (at.here, at.there) {
        (None, None) => return SyncDecision::Forget,
        (Some(here), Some(there)) => {
            match first_content(here, there, comparison.ahead, comparison.now) {
                Relation::Same => return SyncDecision::Agree,
                Relation::Unknown if comparison.has_digests => {
                    return SyncDecision::Compare {
                        here: here.digest.is_none(),
                        there: there.digest.is_none(),
                    };
                }
                Relation::Different | Relation::Unknown => {}
            }
            let is_newer_there = there.modified() - comparison.ahead > here.modified();
            match strategy {
                Disabled => SyncDecision::Keep,
                _ if is_directory(here) != is_directory(there) => return SyncDecision::Hold,
                MirrorLocal | PreferLocal => SyncDecision::Upload,
                MirrorRemote | PreferRemote => SyncDecision::Download,
                PreferNewest if is_newer_there => SyncDecision::Download,
                PreferNewest => SyncDecision::Upload,
                KeepAll => SyncDecision::KeepDifferent,
            }
        }
        (Some(_), None) => match strategy {
            MirrorRemote if at.ways.is_restricted => SyncDecision::Keep,
            MirrorRemote => SyncDecision::DeleteHere,
            Disabled => SyncDecision::Keep,
            _ => SyncDecision::Upload,
        },
        (None, Some(_)) => match strategy {
            MirrorLocal if at.ways.is_restricted => SyncDecision::Keep,
            MirrorLocal => SyncDecision::DeleteThere,
            Disabled => SyncDecision::Keep,
            _ => SyncDecision::Download,
        },
    };
    at.ways.restrict(decision, SyncDecision::Keep)
}

/// The decision for a new container of the same target: `was` is the state of the old one, and `was_sent` whether
/// windlass ever uploaded or deleted the path. An entry that is missing or older in the container is not a deletion and
/// not a change; one that is newer than the last known one was changed there, for example in a volume.
pub fn decide_replay(
    at: At<'_>,
    was: Option<&Base>,
    was_sent: bool,
    strategy: Strategy,
    comparison: CompareOptions,
) -> SyncDecision {
    let differs = match (at.here, was.and_then(|was| was.here.as_ref())) {
        (Some(here), Some(seen)) => seen.relation(here) != Relation::Same,
        (here, seen) => here.is_some() != seen.is_some(),
    };
    let is_from_here = was_sent || (was.is_some() && differs);
    let is_newer_there = match (was.and_then(|was| was.there.as_ref()), at.there) {
        (Some(seen), Some(there)) => there.modified() > seen.entry.modified() && !is_directory(there),
        _ => false,
    };
    match (decide_first(at, strategy, comparison), at.here, at.there) {
        (
            decision @ (SyncDecision::Compare { .. }
            | SyncDecision::Agree
            | SyncDecision::Forget
            | SyncDecision::Hold),
            ..,
        ) => decision,
        (_, Some(_), Some(_)) if is_from_here && is_newer_there => {
            at.ways.restrict(SyncDecision::Conflict, SyncDecision::Keep)
        }
        (_, None, Some(_)) if is_from_here && is_newer_there => {
            at.ways.restrict(SyncDecision::DownloadAgain, SyncDecision::Keep)
        }
        (_, Some(_), _) if is_from_here => at.ways.restrict(SyncDecision::Upload, SyncDecision::Keep),
        (_, None, Some(_)) if is_from_here => at.ways.restrict(SyncDecision::DeleteThere, SyncDecision::Keep),
        // Nothing is overwritten or deleted on this machine without consent of the user.
        (SyncDecision::Download, Some(_), _) if strategy != Strategy::PreferNewest => {
            SyncDecision::KeepDifferent
        }
        (SyncDecision::DeleteHere, ..) => SyncDecision::KeepDifferent,
        (decision, ..) => decision,
    }
}

impl Ways {
    /// `decision`, or `otherwise` if its direction is not allowed.
    fn restrict(self, decision: SyncDecision, otherwise: SyncDecision) -> SyncDecision {
        use SyncDecision::{
            Conflict, DeleteHere, DeleteThere, Download, DownloadAgain, SetMode, Upload, UploadAgain,
        };
        let is_open = match decision {
            Upload | UploadAgain | SetMode | DeleteThere => self.up,
            Download | DownloadAgain | DeleteHere => self.down,
            Conflict => self.up || self.down,
            _ => true,
        };
        if is_open { decision } else { otherwise }
    }
}

/// Whether `entry` is a directory.
pub fn is_directory(entry: &SyncEntry) -> bool {
    entry.kind == Kind::Directory
}
