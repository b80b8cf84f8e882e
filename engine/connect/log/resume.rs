//! Resumes an interrupted log without losing or repeating lines.

use std::collections::HashMap;

use jiff::Timestamp;

use super::lines::TimedLine;

/// How much earlier than the last line the log is requested again, in seconds: nodes write the lines of stdout and
/// stderr not exactly in the order of their times.
const MARGIN: i64 = 1;

/// The position in a log for the next request. The cluster repeats all lines from the beginning of a second; known
/// lines are skipped.
#[derive(Debug, Default)]
pub(super) struct LogResume {
    /// The latest time of a line.
    latest: Option<Timestamp>,
    /// The lines that a new request repeats, with their number.
    known: HashMap<TimedLine, usize>,
    /// The lines of `known` that the current request has not repeated yet.
    expected: HashMap<TimedLine, usize>,
}

impl LogResume {
    /// Begins another request; returns the time from which on lines are to be requested.
    pub(super) fn start(&mut self) -> Option<Timestamp> {
        self.expected = self.known.clone();
        self.since()
    }

    /// Takes a line of the current request; `true` if it is new.
    pub(super) fn take(&mut self, line: &TimedLine) -> bool {
        if let Some(count) = self.expected.get_mut(line) {
            *count -= 1;
            if *count == 0 {
                self.expected.remove(line);
            }
            return false;
        }
        let before = self.since();
        self.latest = self.latest.max(line.time);
        if self.since() != before
            && let Some(since) = self.since()
        {
            self.known.retain(|known, _| known.time.is_none_or(|time| time >= since));
        }
        *self.known.entry(line.clone()).or_default() += 1;
        true
    }

    /// Whether a line was accepted.
    pub(super) fn has_lines(&self) -> bool {
        self.latest.is_some()
    }

    fn since(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.latest?.as_second() - MARGIN).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The line with `text` at the time `millis`.
    fn line(millis: i64, text: &str) -> TimedLine {
        TimedLine::new(Timestamp::from_millisecond(millis).ok(), text)
    }

    #[test]
    fn only_lines_from_the_last_seconds_are_requested_again() {
        let mut resume = LogResume::default();
        assert_eq!(resume.start(), None);
        for millis in [100, 5_900, 6_100] {
            assert!(resume.take(&line(millis, "a")));
        }
        assert_eq!(resume.known.len(), 2, "lines before the requested time are forgotten");
        assert_eq!(resume.start(), Timestamp::from_second(5).ok());
        assert!(!resume.take(&line(5_900, "a")));
        // The same text at the same time once more is another line.
        assert!(resume.take(&line(5_900, "a")));
        assert!(!resume.take(&line(6_100, "a")));
    }

    proptest! {
        /// However often the connection breaks, each line is shown once, in order.
        #[test]
        fn nothing_is_lost_and_nothing_repeated(
            steps in prop::collection::vec((0..1_500_i64, 0..3_u8, -300..300_i64), 1..60),
            cuts in prop::collection::vec(0..60_usize, 0..12),
        ) {
            let mut millis = 10_000;
            let log: Vec<_> = steps.iter().map(|(step, text, jitter)| {
                // Half of the lines have the time of the line before.
                millis += if step % 2 == 0 { *step } else { 0 };
                line(millis + jitter, &text.to_string())
            }).collect();
            let mut resume = LogResume::default();
            let mut shown = Vec::new();
            let mut grown = 0;
            for cut in cuts.into_iter().chain([log.len()]) {
                let since = resume.start();
                // The log grows; the connection breaks after some of its lines.
                grown = grown.max(cut.min(log.len()));
                let sent = log[..grown].iter().filter(|line| line.time >= since || since.is_none());
                let sent: Vec<_> = sent.collect();
                let limit = if grown == log.len() { sent.len() } else { cut };
                for line in sent.into_iter().take(limit) {
                    if resume.take(line) {
                        shown.push(line.clone());
                    }
                }
            }
            prop_assert_eq!(shown, log);
        }
    }
}
