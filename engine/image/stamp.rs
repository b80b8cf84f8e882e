//! The identity and last change of a file, reported by the file system.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Identifies one state of a file: while the stamp is the same, so is the content, except for changes in
/// the last tick of the file system's clock (see [`Stamp::is_older_than`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The device, or 0 if the system has none.
    pub device: u64,
    /// The number of the file on its device, or 0 if the system has none.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// When the content changed, in nanoseconds since 1970.
    pub modified: i64,
    /// When anything changed, in nanoseconds since 1970; 0 if the system does not report it.
    pub changed: i64,
}

const SECOND: i64 = 1_000_000_000;

impl Stamp {
    /// The stamp of the file with this `metadata`.
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Self {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: Self::time(metadata.mtime(), metadata.mtime_nsec()),
                changed: Self::time(metadata.ctime(), metadata.ctime_nsec()),
            }
        }
        #[cfg(not(unix))]
        Self {
            device: 0,
            inode: 0,
            size: metadata.len(),
            modified: metadata.modified().map_or(0, nanoseconds_of),
            changed: 0,
        }
    }

    /// A time in nanoseconds since 1970; the nearest one if it is not within three centuries.
    #[cfg(unix)]
    pub fn time(seconds: i64, nanoseconds: i64) -> i64 {
        seconds.saturating_mul(SECOND).saturating_add(nanoseconds)
    }

    /// Whether the stamp distinguishes the file from others, so that its content may be recorded.
    pub fn is_identity(&self) -> bool {
        self.inode != 0
    }

    /// Whether both describe one state of a file. Some file systems report another inode number while a file is open,
    /// so the numbers are not compared.
    pub fn is_same_state(&self, other: &Self) -> bool {
        let state = |stamp: &Self| (stamp.size, stamp.modified, stamp.changed);
        state(self) == state(other)
    }

    /// When the content changed.
    pub fn modified(&self) -> SystemTime {
        system_time(self.modified).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Whether the last change is so long before `moment` (a time of [`file_clock`]) that a later change gets
    /// another stamp: git's rule against "racily clean" entries.
    ///
    /// The clocks of file systems tick every few milliseconds, or every one or two seconds if they store whole seconds.
    pub fn is_older_than(&self, moment: i64) -> bool {
        let coarse = self.modified % SECOND == 0 && self.changed % SECOND == 0;
        let tick = if coarse { 2 * SECOND } else { SECOND / 50 };
        self.modified.max(self.changed).saturating_add(tick) < moment
    }
}

/// The current time by the clock that stamps files, in nanoseconds since 1970.
///
/// On Linux this is the clock of the last timer interrupt. It is some milliseconds behind the system clock, and much
/// more when a hypervisor pauses the processor that keeps it: then files that are written a long time apart have equal
/// stamps.
pub(crate) fn file_clock() -> i64 {
    let now = nanoseconds_of(SystemTime::now());
    #[cfg(target_os = "linux")]
    {
        let tick = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        now.min(Stamp::time(tick.tv_sec, tick.tv_nsec))
    }
    #[cfg(not(target_os = "linux"))]
    now
}

/// The time with this number of nanoseconds since 1970; `None` if the system cannot represent it.
pub(crate) fn system_time(nanoseconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    match nanoseconds >= 0 {
        true => SystemTime::UNIX_EPOCH.checked_add(distance),
        false => SystemTime::UNIX_EPOCH.checked_sub(distance),
    }
}

/// A time in nanoseconds since 1970.
pub(crate) fn nanoseconds_of(time: SystemTime) -> i64 {
    let nanoseconds = |distance: Duration| i64::try_from(distance.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => nanoseconds(after),
        Err(before) => -nanoseconds(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_files_is_never_ahead_of_a_file_that_is_written_next() {
        for _ in 0..1_000 {
            let before = file_clock();
            let file = tempfile::tempfile().expect("a temporary file");
            let stamp = Stamp::of(&file.metadata().expect("its metadata"));
            assert!(before <= stamp.modified, "{before} {}", stamp.modified);
        }
    }

    fn check(modified: i64, changed: i64, moment: i64, expected: bool) {
        let stamp = Stamp { device: 1, inode: 1, size: 0, modified, changed };
        assert_eq!(stamp.is_older_than(moment), expected, "{modified} {changed} {moment}");
    }

    #[test]
    fn a_change_in_the_same_tick_is_not_older() {
        let base = 100 * SECOND + 7;
        check(base, base, base, false);
        check(base, base, base + SECOND / 100, false);
        check(base, base, base + SECOND / 10, true);
        check(0, base, base, false);
    }

    #[test]
    fn whole_seconds_need_two_more() {
        check(100 * SECOND, 100 * SECOND, 101 * SECOND, false);
        check(100 * SECOND, 100 * SECOND, 103 * SECOND, true);
    }
}
