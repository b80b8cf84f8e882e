//! The nesting limit.

use serde_json::Value;

use super::error::ReplaceError;

/// The deepest nesting. The recursion over manifests and values must end before the stack does.
const LIMIT: usize = 200;

/// Checks that `value` can be walked recursively.
///
/// # Errors
/// [`ReplaceError::Nesting`].
pub(super) fn check_depth(value: &Value, place: &str) -> Result<(), ReplaceError> {
    match fits(value, LIMIT) {
        true => Ok(()),
        false => Err(ReplaceError::Nesting { place: place.to_owned(), limit: LIMIT }),
    }
}

fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| fits(item, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|value| fits(value, levels - 1)),
        _ => true,
    }
}
