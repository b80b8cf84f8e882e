//! When a change is complete.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long nothing must happen.
const QUIET: Duration = Duration::from_millis(30);
/// The longest time from the first event on.
const LONGEST: Duration = Duration::from_millis(500);
/// How long a deletion waits for a new file of that name.
const RETURN: Duration = Duration::from_millis(200);
/// How long a lock of git delays everything.
const LOCKED: Duration = Duration::from_secs(10);
/// How often the lock is looked for.
const LOCK_CHECK: Duration = Duration::from_millis(20);

/// Collects events until the change that they are part of is complete. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    touched: BTreeMap<PathBuf, Touched>,
    first: Option<Duration>,
    last: Duration,
    locked_until: Option<Duration>,
}

/// The last event of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touched {
    /// Its time.
    pub(super) at: Duration,
    /// When an existing file disappeared.
    lost_at: Option<Duration>,
    /// Whether it was held back once, because it was lost just before the others were taken.
    is_held: bool,
}

impl Debounce {
    /// An event of `path`; `is_loss` if an existing file disappeared.
    pub(super) fn touch(&mut self, path: PathBuf, is_loss: bool, now: Duration) {
        let before = self.touched.get(&path).copied();
        let lost_at = is_loss.then(|| before.and_then(|before| before.lost_at).unwrap_or(now));
        let is_held = before.is_some_and(|before| before.is_held);
        self.touched.insert(path, Touched { at: now, lost_at, is_held });
        self.first.get_or_insert(now);
        self.last = now;
    }

    /// Whether `path` waits.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.touched.contains_key(path)
    }

    /// When the waiting paths are to be taken; `None` without any.
    pub(super) fn due(&self) -> Option<Duration> {
        let first = self.first?;
        if let Some(until) = self.locked_until {
            return Some(until);
        }
        let losses = self.touched.values().filter_map(|touched| touched.lost_at);
        let quiet = self.last + QUIET;
        let due = losses.max().map_or(quiet, |loss| quiet.max(loss + RETURN));
        Some(due.min(first + LONGEST))
    }

    /// The paths that are due, with the times of their last events. While git `is_locked`, none, for at most 10
    /// seconds.
    pub(super) fn take(
        &mut self,
        is_locked: impl FnOnce() -> bool,
        now: Duration,
    ) -> Vec<(PathBuf, Duration)> {
        let (Some(due), Some(first)) = (self.due(), self.first) else { return Vec::new() };
        if now < due {
            return Vec::new();
        }
        if now < first + LOCKED && is_locked() {
            self.locked_until = Some((now + LOCK_CHECK).min(first + LOCKED));
            return Vec::new();
        }
        self.locked_until = None;
        let all = std::mem::take(&mut self.touched);
        let is_young = |touched: &Touched| {
            !touched.is_held && touched.lost_at.is_some_and(|lost_at| now < lost_at + RETURN)
        };
        let (mut young, due): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(_, touched)| is_young(touched));
        young.values_mut().for_each(|touched| touched.is_held = true);
        self.first = young.values().map(|touched| touched.at).min();
        self.last = young.values().map(|touched| touched.at).max().unwrap_or_default();
        self.touched = young;
        due.into_iter().map(|(path, touched)| (path, touched.at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// The paths that are taken at each time, for `events` of path, loss and time, without a lock.
    fn played(events: &[(&str, bool, u64)]) -> Vec<(u64, Vec<String>)> {
        let mut debounce = Debounce::default();
        let mut taken = Vec::new();
        let mut events = events.iter().peekable();
        for now in 0..3000 {
            while let Some((path, is_loss, _)) = events.next_if(|(.., at)| *at == now) {
                debounce.touch(PathBuf::from(path), *is_loss, ms(now));
            }
            let paths = debounce.take(|| false, ms(now));
            if !paths.is_empty() {
                taken.push((now, paths.iter().map(|(path, _)| path.display().to_string()).collect()));
            }
        }
        taken
    }

    #[track_caller]
    fn check(events: &[(&str, bool, u64)], expected: &[(u64, &[&str])]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(at, paths)| (*at, paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()))
            .collect();
        assert_eq!(played(events), expected, "{events:?}");
    }

    #[test]
    fn a_save_is_reported_when_nothing_follows() {
        check(&[("a", false, 5)], &[(35, &["a"])]);
        check(&[("a", false, 0), ("b", false, 25), ("a", false, 50)], &[(80, &["a", "b"])]);
    }

    #[test]
    fn steady_writing_is_reported_after_half_a_second() {
        let events: Vec<_> = (0..60).map(|step| ("a", false, step * 10)).collect();
        check(&events, &[(500, &["a"]), (620, &["a"])]);
    }

    #[test]
    fn a_deletion_waits_for_a_file_of_that_name() {
        check(&[("a", true, 0)], &[(200, &["a"])]);
        // As editors save: the file is renamed away, and written again.
        check(&[("a", true, 0), ("a~", false, 0), ("a", false, 40)], &[(70, &["a", "a~"])]);
        check(&[("a", true, 0), ("b", false, 1)], &[(200, &["a", "b"])]);
    }

    #[test]
    fn young_deletion_does_not_hold_back_steady_writing() {
        let mut events: Vec<_> = (0..50).map(|step| ("b", false, step * 10)).collect();
        events.push(("a", true, 495));
        check(&events, &[(500, &["b"]), (695, &["a"])]);
    }

    #[test]
    fn a_lock_of_git_delays_for_ten_seconds_at_most() {
        let mut debounce = Debounce::default();
        debounce.touch(PathBuf::from("a"), false, ms(0));
        assert!(debounce.take(|| true, ms(40)).is_empty());
        assert_eq!(debounce.due(), Some(ms(60)));
        assert_eq!(debounce.take(|| false, ms(70)).len(), 1);
        assert_eq!(debounce.due(), None);

        debounce.touch(PathBuf::from("a"), false, ms(100));
        for now in (130..10_100).step_by(20) {
            assert!(debounce.take(|| true, ms(now)).is_empty(), "{now}");
        }
        assert_eq!(debounce.take(|| true, ms(10_100)).len(), 1);
    }

    proptest! {
        /// Every path is taken after its last event, and within twice the longest time.
        #[test]
        fn nothing_is_lost_and_nothing_waits_long(
            events in proptest::collection::vec((0..4u8, any::<bool>(), 0..1500u64), 1..40)
        ) {
            let mut events: Vec<_> = events
                .into_iter()
                .map(|(path, is_loss, at)| (["a", "b", "c", "d"][usize::from(path)], is_loss, at))
                .collect();
            events.sort_by_key(|(.., at)| *at);
            let taken = played(&events);
            for (path, _, at) in &events {
                let found = taken.iter().find(|(time, paths)| time >= at && paths.iter().any(|one| one == path));
                prop_assert!(found.is_some_and(|(time, _)| time - at <= 1000), "{path} {at} {taken:?}");
            }
        }
    }
}
