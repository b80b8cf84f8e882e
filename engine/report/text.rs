//! Text that is safe and short enough to show.

use std::borrow::Cow;
use std::fmt::Write as _;

use indicatif::HumanBytes;

/// `line` without colors, cursor movements and other control characters except tabs.
///
/// Keeps only the part of a line with carriage returns that would remain on the screen.
pub(super) fn clean(line: &str) -> Cow<'_, str> {
    // Almost every line is clean already.
    if !line.chars().any(|character| character.is_control() && character != '\t') {
        return Cow::Borrowed(line);
    }
    let stripped = console::strip_ansi_codes(line);
    let shown = stripped.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    Cow::Owned(shown.chars().filter(|character| !character.is_control() || *character == '\t').collect())
}

/// `text` on one line without tabs, so that its width is known; very long text is truncated, because its end is never
/// visible.
pub(super) fn one_line(text: &str) -> String {
    const SEEN: usize = 500;
    clean(text.lines().next().unwrap_or_default())
        .chars()
        .take(SEEN)
        .map(|character| if character == '\t' { ' ' } else { character })
        .collect()
}

/// A duration in readable form: `40ms`, `4.2s`, `1m 05s`, `2h 03m`.
pub(super) fn elapsed(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 0.9995 {
        return format!("{:.0}ms", seconds * 1000.0);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    match whole / 3600 {
        0 => format!("{}m {:02}s", whole / 60, whole % 60),
        hours => format!("{hours}h {:02}m", whole % 3600 / 60),
    }
}

/// The progress of a step: `1.50 MiB of 3.00 MiB`.
pub(super) fn amount(done: u64, total: Option<u64>) -> String {
    let mut text = HumanBytes(done).to_string();
    if let Some(total) = total {
        let _ = write!(text, " of {}", HumanBytes(total));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_reader() {
        #[track_caller]
        fn check(line: &str, expected: &str) {
            assert_eq!(clean(line), expected);
        }
        check("plain ünïcode\ttab", "plain ünïcode\ttab");
        check("\x1b[31mred\x1b[0m", "red");
        check("\x1b[2K\x1b[1Aup", "up");
        check("10%\r50%\r100%\r", "100%");
        check("bell\x07 nul\0 c1\u{9b}31m", "bell nul c1");
        check("two\nlines", "twolines");
        check("\r", "");
    }

    #[test]
    fn durations_read_naturally() {
        #[track_caller]
        fn check(seconds: f64, expected: &str) {
            assert_eq!(elapsed(seconds), expected);
        }
        check(0.0, "0ms");
        check(0.0404, "40ms");
        check(0.9996, "1.0s");
        check(4.24, "4.2s");
        check(59.94, "59.9s");
        check(59.96, "1m 00s");
        check(65.0, "1m 05s");
        check(7380.0, "2h 03m");
        check(-3.0, "0ms");
        check(f64::NAN, "0ms");
    }

    #[test]
    fn progress_names_the_total_when_it_is_known() {
        assert_eq!(amount(1536 << 10, Some(3 << 20)), "1.50 MiB of 3.00 MiB");
        assert_eq!(amount(12, None), "12 B");
    }
}
