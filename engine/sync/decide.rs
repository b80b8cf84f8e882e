//! What is done about one path: the tables of the initial strategies, of later changes, and of new containers.

use super::base::{Base, Relation, content, first_content};
use super::{Entry, ExcludeRules, Kind, RelativePath};
use crate::config::InitialSync as Strategy;

/// What is done about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: nothing changed, or the change may not go that way.
    Nothing,
    /// Both are equal: that is recorded.
    Agree,
    /// Both may differ until one changes: that is recorded.
    Keep,
    /// The same, and the difference is reported.
    KeepDifferent,
    /// Neither side has it any more.
    Forget,
    /// What is here goes there.
    Upload,
    /// What is here goes there, although it was deleted there.
    UploadAgain,
    /// The permission bits here are set there.
    SetMode,
    /// It is deleted there.
    DeleteThere,
    /// What is there comes here.
    Download,
    /// What is there comes here, although it was deleted here.
    DownloadAgain,
    /// It is deleted here.
    DeleteHere,
    /// Both changed.
    Conflict,
    /// One is a directory and the other is not: nothing moves.
    Hold,
    /// Digests of these sides decide.
    Compare {
        /// That of the file here.
        here: bool,
        /// That of the file there.
        there: bool,
    },
}

/// The ways that a path may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// From here to there.
    pub up: bool,
    /// From there to here.
    pub down: bool,
    /// Whether an exclude rule of one way selects it: then a first connection does not delete it.
    pub is_restricted: bool,
}

/// What limits one way.
#[derive(Debug, Clone, Copy)]
pub struct Limit<'a> {
    /// What does not go that way.
    pub exclude: &'a ExcludeRules,
    /// Whether nothing does.
    pub is_disabled: bool,
}

impl Ways {
    /// Both ways.
    #[cfg(test)]
    pub const BOTH: Self = Self { up: true, down: true, is_restricted: false };

    /// The ways that the limits of uploads and of downloads leave to `path`.
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

/// What is at one path.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// What is here.
    pub here: Option<&'a Entry>,
    /// What is there.
    pub there: Option<&'a Entry>,
    /// The ways it may go.
    pub ways: Ways,
}

/// The times and tools that comparisons need.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// The time here, in nanoseconds since the epoch.
    pub now: i128,
    /// How far the clock there is ahead.
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

/// What a change since the common state `base` leads to.
pub fn decide_change(at: At<'_>, base: &Base, comparison: Comparison) -> Decision {
    let seen = |seen: &Option<super::base::Seen>, entry: Option<&Entry>| match (seen, entry) {
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
        // Permission bits do not come here.
        Change::Mode => Change::No,
        change => change,
    };
    if changed_here == Change::Unknown || changed_there == Change::Unknown {
        let (here, there) = (changed_here == Change::Unknown, changed_there == Change::Unknown);
        return Decision::Compare { here, there };
    }
    let (here_is_new, there_is_new) = (changed_here == Change::Yes, changed_there == Change::Yes);
    let decision = match (at.here, at.there) {
        (None, None) => return Decision::Forget,
        (Some(here), Some(there)) => match content(here, there) {
            _ if !here_is_new && !there_is_new => match changed_here {
                Change::Mode if base.is_common && here.mode != there.mode => Decision::SetMode,
                _ => Decision::Nothing,
            },
            Relation::Same => Decision::Agree,
            Relation::Unknown if comparison.has_digests => {
                return Decision::Compare { here: here.digest.is_none(), there: there.digest.is_none() };
            }
            _ if base.is_common && !there_is_new => Decision::Upload,
            _ if base.is_common && !here_is_new => Decision::Download,
            _ if is_directory(here) != is_directory(there) => return Decision::Hold,
            _ => Decision::Conflict,
        },
        (None, Some(_)) => match (here_is_new, there_is_new) {
            (true, true) => Decision::DownloadAgain,
            (false, true) => Decision::Download,
            (true, false) if base.is_common => Decision::DeleteThere,
            // It was never the same as the one that was deleted here.
            (true, false) => Decision::Keep,
            (false, false) => Decision::Nothing,
        },
        (Some(_), None) => match (here_is_new, there_is_new) {
            (true, true) => Decision::UploadAgain,
            (true, false) => Decision::Upload,
            (false, true) if base.is_common => Decision::DeleteHere,
            (false, true) => Decision::Keep,
            (false, false) => Decision::Nothing,
        },
    };
    // What was never here or there before did not exist to be deleted.
    let decision = match (decision, base.here.is_some() || base.there.is_some()) {
        (Decision::UploadAgain, false) => Decision::Upload,
        (Decision::DownloadAgain, false) => Decision::Download,
        (decision, _) => decision,
    };
    at.ways.restrict(decision, Decision::Nothing)
}

/// What the first connection to a container does.
pub fn decide_first(at: At<'_>, strategy: Strategy, comparison: Comparison) -> Decision {
    use Strategy::{Disabled, KeepAll, MirrorLocal, MirrorRemote, PreferLocal, PreferNewest, PreferRemote};
    let decision = match (at.here, at.there) {
        (None, None) => return Decision::Forget,
        (Some(here), Some(there)) => {
            match first_content(here, there, comparison.ahead, comparison.now) {
                Relation::Same => return Decision::Agree,
                Relation::Unknown if comparison.has_digests => {
                    return Decision::Compare { here: here.digest.is_none(), there: there.digest.is_none() };
                }
                Relation::Different | Relation::Unknown => {}
            }
            let is_newer_there = there.modified() - comparison.ahead > here.modified();
            match strategy {
                Disabled => Decision::Keep,
                _ if is_directory(here) != is_directory(there) => return Decision::Hold,
                MirrorLocal | PreferLocal => Decision::Upload,
                MirrorRemote | PreferRemote => Decision::Download,
                PreferNewest if is_newer_there => Decision::Download,
                PreferNewest => Decision::Upload,
                KeepAll => Decision::KeepDifferent,
            }
        }
        (Some(_), None) => match strategy {
            MirrorRemote if at.ways.is_restricted => Decision::Keep,
            MirrorRemote => Decision::DeleteHere,
            Disabled => Decision::Keep,
            _ => Decision::Upload,
        },
        (None, Some(_)) => match strategy {
            MirrorLocal if at.ways.is_restricted => Decision::Keep,
            MirrorLocal => Decision::DeleteThere,
            Disabled => Decision::Keep,
            _ => Decision::Download,
        },
    };
    at.ways.restrict(decision, Decision::Keep)
}

/// What a new container of the same target gets: `was` is the state of the old one, and `was_sent` whether the path was
/// ever uploaded or deleted from here. What is missing or older there is neither a deletion nor a change.
pub fn decide_replay(
    at: At<'_>,
    was: Option<&Base>,
    was_sent: bool,
    strategy: Strategy,
    comparison: Comparison,
) -> Decision {
    let differs = match (at.here, was.and_then(|was| was.here.as_ref())) {
        (Some(here), Some(seen)) => seen.relation(here) != Relation::Same,
        (here, seen) => here.is_some() != seen.is_some(),
    };
    let is_from_here = was_sent || (was.is_some() && differs);
    match (decide_first(at, strategy, comparison), at.here, at.there) {
        (decision @ (Decision::Compare { .. } | Decision::Agree | Decision::Forget | Decision::Hold), ..) => {
            decision
        }
        (_, Some(_), _) if is_from_here => at.ways.restrict(Decision::Upload, Decision::Keep),
        (_, None, Some(_)) if is_from_here => at.ways.restrict(Decision::DeleteThere, Decision::Keep),
        // Nothing is overwritten or deleted here without a word of the user.
        (Decision::Download, Some(_), _) if strategy != Strategy::PreferNewest => Decision::KeepDifferent,
        (Decision::DeleteHere, ..) => Decision::KeepDifferent,
        (decision, ..) => decision,
    }
}

impl Ways {
    /// `decision`, or `otherwise` if it goes a way that is closed.
    fn restrict(self, decision: Decision, otherwise: Decision) -> Decision {
        use Decision::{
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
pub fn is_directory(entry: &Entry) -> bool {
    entry.kind == Kind::Directory
}
