//! Merging of values, as Helm does it.

use serde_json::{Map, Value};

/// Merges `over` into `values`, as Helm merges values files: maps are merged, everything else is replaced.
///
/// A null replaces too. Helm then deletes the key before it renders templates, but where a tag was deleted is where
/// the tag of an image belongs.
pub fn merge_values(values: &mut Value, over: &Value) {
    match (values, over) {
        (Value::Object(map), Value::Object(over)) => {
            for (key, value) in over {
                match map.get_mut(key) {
                    Some(old) => merge_values(old, value),
                    None => {
                        map.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (values, over) => *values = over.clone(),
    }
}

/// `values` over the `defaults` of a chart. Anything that is not a map has no values.
pub(super) fn over_defaults(values: &Value, defaults: Option<&Value>) -> Value {
    let mut merged = Value::Object(Map::new());
    for layer in defaults.into_iter().chain([values]).filter(|layer| layer.is_object()) {
        merge_values(&mut merged, layer);
    }
    merged
}
