//! Ages in words.

use jiff::Timestamp;

use crate::plural::counted;

/// `3 hours ago`.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", counted(count, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_displayed_in_one_unit() {
        let check = |seconds: i64| {
            let at = |seconds| Timestamp::from_second(seconds).expect("a time");
            ago(at(0), at(seconds))
        };
        assert_eq!(check(-5), "just now");
        assert_eq!(check(61), "1 minute ago");
        assert_eq!(check(7300), "2 hours ago");
        assert_eq!(check(200_000), "2 days ago");
    }
}
