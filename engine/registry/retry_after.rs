//! The `Retry-After` header.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::plural::counted;

/// The wait that `headers` request, in seconds or until a date (RFC 9110, section 10.2.3). A date is compared with the
/// response's `Date` header if it has one, because the local clock may differ.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits for a number mean a long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let now = headers.get(DATE).and_then(|now| date(now.to_str().ok()?.trim()));
    let until = date(text)?;
    Some(until.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or(Duration::ZERO))
}

/// `1 second`, `90 seconds`, `5 minutes`, `2 hours`: rounded up.
pub(super) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    counted(count, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_seconds_or_a_date() {
        #[track_caller]
        fn check(value: &str, expected: Option<u64>) {
            let date = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().expect("a header"));
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a header")), date]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
        check("5", Some(5));
        check(" 120 ", Some(120));
        check("0", Some(0));
        check("99999999999999999999999", Some(u64::MAX));
        check("Sun, 06 Nov 1994 08:49:42 GMT", Some(5));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
        check("Sun Nov  6 08:49:38 1994", Some(1));
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(0));
        check("-5", None);
        check("1.5", None);
        check("soon", None);
        check("", None);
        let none = HeaderMap::new();
        assert_eq!(retry_after(&none), None);
        let future = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        let headers = HeaderMap::from_iter([(RETRY_AFTER, future.parse().expect("a header"))]);
        let asked = retry_after(&headers).expect("a time").as_secs();
        assert!((3500..=3600).contains(&asked), "by our own clock: {asked}");
    }

    #[test]
    fn a_time_is_displayed_in_round_numbers() {
        let said = [0, 1, 5, 119, 120, 301, 7200, 7201].map(|seconds| spoken(Duration::from_secs(seconds)));
        let expected = [
            "0 seconds",
            "1 second",
            "5 seconds",
            "119 seconds",
            "2 minutes",
            "6 minutes",
            "2 hours",
            "3 hours",
        ];
        assert_eq!(said, expected);
        assert_eq!(spoken(Duration::from_millis(4001)), "5 seconds");
    }
}
