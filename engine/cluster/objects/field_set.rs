//! Sets of fields in the format of `metadata.managedFields` (structured-merge-diff, FieldsV1).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A path of elements as in FieldsV1: `f:spec`, `k:{"name":"web"}`, `v:"a"`, `i:0`.
pub(super) type FieldPath = Vec<String>;

/// The union of two sets.
pub(super) fn union(one: &Value, other: &Value) -> Value {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return if one.is_object() { one.clone() } else { other.clone() };
    };
    Value::Object(union_of_maps(one, other))
}

fn union_of_maps(one: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let mut result = one.clone();
    for (name, fields) in other {
        match result.get_mut(name) {
            Some(existing) => {
                let (Some(left), Some(right)) = (existing.as_object(), fields.as_object()) else { continue };
                let mut merged = union_of_maps(left, right);
                // An empty map is the field itself, which is `.` in a map of its fields.
                if left.is_empty() != right.is_empty() {
                    merged.insert(".".to_owned(), Value::Object(Map::new()));
                }
                *existing = Value::Object(merged);
            }
            None => drop(result.insert(name.clone(), fields.clone())),
        }
    }
    result
}

/// The paths of all fields in a set.
pub(super) fn members(set: &Value) -> BTreeSet<FieldPath> {
    let mut paths = BTreeSet::new();
    if let Some(set) = set.as_object() {
        collect(set, &mut Vec::new(), &mut paths);
    }
    paths
}

fn collect(set: &Map<String, Value>, path: &mut FieldPath, paths: &mut BTreeSet<FieldPath>) {
    for (name, fields) in set {
        if name == "." {
            paths.insert(path.clone());
            continue;
        }
        path.push(name.clone());
        match fields.as_object() {
            Some(fields) if !fields.is_empty() => collect(fields, path, paths),
            _ => drop(paths.insert(path.clone())),
        }
        path.pop();
    }
}

/// Whether a set has the field `path`.
pub(super) fn contains(set: &Value, path: &[&str]) -> bool {
    let found = path.iter().try_fold(set, |set, element| set.get(*element));
    found.and_then(Value::as_object).is_some_and(|fields| fields.is_empty() || fields.contains_key("."))
}

/// Removes the field `path` of `object`, if it has it.
pub(super) fn remove(object: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut parent = object;
    for element in parents {
        let Some(child) = child(parent, element) else { return };
        parent = child;
    }
    match (parent, last.split_once(':')) {
        (Value::Object(fields), Some(("f", name))) => drop(fields.shift_remove(name)),
        (Value::Array(items), _) => {
            if let Some(index) = position(items, last) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

fn child<'a>(parent: &'a mut Value, element: &str) -> Option<&'a mut Value> {
    match parent {
        Value::Object(fields) => fields.get_mut(element.strip_prefix("f:")?),
        Value::Array(items) => {
            let index = position(items, element)?;
            items.get_mut(index)
        }
        _ => None,
    }
}

/// The index of the list element that `element` selects.
fn position(items: &[Value], element: &str) -> Option<usize> {
    let (kind, text) = element.split_once(':')?;
    match kind {
        "i" => text.parse().ok().filter(|index| *index < items.len()),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(text).ok()?;
            items.iter().position(|item| keys.iter().all(|(name, value)| item.get(name) == Some(value)))
        }
        "v" => {
            let value: Value = serde_json::from_str(text).ok()?;
            items.iter().position(|item| *item == value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unions_keep_fields_and_their_fields() {
        let check = |one: Value, other: Value, expected: Value| {
            assert_eq!(union(&one, &other), expected);
            assert_eq!(members(&union(&other, &one)), members(&expected));
        };
        check(json!({ "f:a": {} }), json!({ "f:b": {} }), json!({ "f:a": {}, "f:b": {} }));
        check(json!({ "f:a": {} }), json!({ "f:a": {} }), json!({ "f:a": {} }));
        check(
            json!({ "f:a": {} }),
            json!({ "f:a": { "f:b": {} } }),
            json!({ "f:a": { "f:b": {}, ".": {} } }),
        );
        check(
            json!({ "f:a": { ".": {}, "f:b": {} } }),
            json!({ "f:a": { "f:c": {} } }),
            json!({ "f:a": { ".": {}, "f:b": {}, "f:c": {} } }),
        );
    }

    #[test]
    fn fields_are_removed_by_path() {
        let set = json!({ "f:spec": { "f:list": { r#"k:{"name":"b"}"#: { ".": {}, "f:x": {} } }, "f:set": { "v:1": {} } } });
        assert!(contains(&set, &["f:spec", "f:list", r#"k:{"name":"b"}"#]));
        assert!(!contains(&set, &["f:spec", "f:list"]));
        let mut object =
            json!({ "spec": { "list": [{ "name": "a" }, { "name": "b", "x": 1 }], "set": [2, 1] } });
        for path in members(&set) {
            remove(&mut object, &path);
        }
        assert_eq!(object, json!({ "spec": { "list": [{ "name": "a" }], "set": [2] } }));
    }
}
