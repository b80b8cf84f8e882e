//! The changes of tag replacement in values.

use serde_json::{Map, Value};

use super::place::Place;
use super::report::ReplacedValue;

/// The parts of `after` that differ from `before`, to be merged over it; `None` if it is the same. A list with a
/// difference is a part as a whole, because Helm replaces lists. Nothing may have been removed.
pub(super) fn difference(
    before: Option<&Value>,
    after: &Value,
    place: &Place<'_>,
    changes: &mut Vec<ReplacedValue>,
) -> Option<Value> {
    match (before, after) {
        (Some(before), after) if before == after => None,
        (Some(Value::Object(old)), Value::Object(new)) => {
            let changed = |(key, value): (&String, &Value)| {
                Some((key.clone(), difference(old.get(key), value, &place.key(key), changes)?))
            };
            Some(Value::Object(new.iter().filter_map(changed).collect::<Map<_, _>>()))
        }
        (Some(Value::Array(old)), Value::Array(new)) => {
            for (index, value) in new.iter().enumerate() {
                difference(old.get(index), value, &place.item(index), changes);
            }
            Some(after.clone())
        }
        (before, after) => {
            changes.push(ReplacedValue { place: place.to_string(), old: before.map(text), new: text(after) });
            Some(after.clone())
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
