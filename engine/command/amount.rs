//! Ages and sizes in the form that people write.

use std::time::Duration;

use crate::plural::counted;

/// Reads an age: `90s`, `30m`, `12h`, `7d`, `4w`.
///
/// # Errors
/// A description of the expected form.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600), ("w", 7 * 24 * 3600)];
    number_of(text, &units)
        .map(Duration::from_secs)
        .ok_or_else(|| "expected an age such as 12h, 7d or 4w".to_owned())
}

/// Reads a size in bytes: `500MB`, `20GiB`, `1T`; units are powers of 1024.
///
/// # Errors
/// A description of the expected form.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let short = lower.trim_end_matches("ib").trim_end_matches('b');
    let units = [("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
    let size = short.parse().ok().or_else(|| number_of(short, &units));
    size.ok_or_else(|| "expected a size such as 500MB or 20GB".to_owned())
}

fn number_of(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(*factor))
}

/// A duration in its largest unit: `40 days`.
pub(super) fn shown(seconds: u64) -> String {
    let units = [("day", 24 * 3600), ("hour", 3600), ("minute", 60)];
    let found = units.into_iter().find(|(_, length)| seconds >= *length);
    let (unit, count) = found.map_or(("second", seconds), |(unit, length)| (unit, seconds / length));
    counted(count, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        let check = |text, expected: Option<u64>| {
            assert_eq!(age(text).ok().map(|age| age.as_secs()), expected, "{text}");
        };
        check("90s", Some(90));
        check("2h", Some(7200));
        check("1w", Some(7 * 24 * 3600));
        check("7", None);
        check("-1d", None);
        check("d", None);
        check("99999999999999999999w", None);
        check("9999999999999999999w", None);
    }

    #[test]
    fn sizes_may_do_without() {
        let check = |text, expected: Option<u64>| assert_eq!(size(text).ok(), expected, "{text}");
        check("1000", Some(1000));
        check("20GiB", Some(20 << 30));
        check("20 gb", Some(20 << 30));
        check("500m", Some(500 << 20));
        check("0", Some(0));
        check("much", None);
    }

    #[test]
    fn times_are_shown_in_their_largest_unit() {
        assert_eq!([shown(1), shown(3600), shown(200_000)], ["1 second", "1 hour", "2 days"]);
    }
}
