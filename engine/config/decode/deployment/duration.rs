//! Durations as Helm reads them: in the notation of Go.

use std::time::Duration;

/// The units and their nanoseconds; the first one that fits counts.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A duration such as `5m`, `1h30m` or `1.5s`. A number without a unit is in seconds: DevSpace 4 read it as
/// nanoseconds, and Helm refuses it, but everyone means seconds.
pub(super) fn parse(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let mut rest = text;
    let mut duration = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, nanoseconds) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        let part = Duration::try_from_secs_f64(number * *nanoseconds as f64 / 1e9).ok()?;
        duration = duration.checked_add(part)?;
    }
    Some(duration).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, seconds: Option<f64>) {
        assert_eq!(parse(text), seconds.map(Duration::from_secs_f64), "{text}");
    }

    #[test]
    fn notation_of_go_and_plain_seconds() {
        check("60", Some(60.0));
        check("0", Some(0.0));
        check("5m", Some(300.0));
        check("1h2m3s", Some(3723.0));
        check("1.5s", Some(1.5));
        check("300ms", Some(0.3));
        check("1m0.5s", Some(60.5));
        for wrong in ["", "m", "5 m", "5min", "-5s", "1.2.3s", "1.5", "5d", "99999999999999999999", "1e3s"] {
            check(wrong, None);
        }
    }
}
