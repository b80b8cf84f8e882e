//! Times as strings.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// `time` without fractions of a second.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// `time` in UTC in the given `format`.
///
/// # Errors
/// Why the format is invalid.
pub fn format(time: Timestamp, format: &str) -> Result<String, String> {
    let zoned = whole_seconds(time).to_zoned(TimeZone::UTC);
    strtime::format(format, &zoned).map_err(|error| error.to_string())
}
