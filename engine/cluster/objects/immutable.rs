//! The changes that immutable fields reject.

use std::collections::BTreeSet;

use serde_json::Value;

use super::field_path::locate;
use super::field_problem::FieldProblem;

/// The maximum number of changes that are named.
const SHOWN: usize = 3;

/// The problems with immutable fields, with the old and new values: `wanted` was applied over `live`. Values of Secrets
/// are not shown by the caller.
pub(super) fn with_changes(problems: &[FieldProblem], wanted: &Value, live: &Value) -> Vec<FieldProblem> {
    problems.iter().flat_map(|problem| changes(problem, wanted, live)).collect()
}

fn changes(problem: &FieldProblem, wanted: &Value, live: &Value) -> Vec<FieldProblem> {
    let (new, old) = (at(&problem.field, wanted), at(&problem.field, live));
    // A StatefulSet names the fields that may change.
    let mutable: BTreeSet<_> = problem.message.split('\'').skip(1).step_by(2).collect();
    let mut found = Vec::new();
    if let (Some(new), Some(old)) = (new, old) {
        collect(&problem.field, new, old, &mutable, &mut found);
    }
    let message = if mutable.is_empty() { problem.message.as_str() } else { "field is immutable" };
    if found.is_empty() {
        return vec![FieldProblem { field: problem.field.clone(), message: message.to_owned() }];
    }
    let with_values =
        |(field, change): (String, String)| FieldProblem { field, message: format!("{message} ({change})") };
    found.into_iter().take(SHOWN).map(with_values).collect()
}

fn at<'a>(field: &str, object: &'a Value) -> Option<&'a Value> {
    let located = locate(field, object);
    if located.missing.is_some() {
        return None;
    }
    located.path.iter().try_fold(object, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// The fields of `new` with another value in `old`. Fields that only `old` has are mostly defaults.
fn collect(
    field: &str,
    new: &Value,
    old: &Value,
    mutable: &BTreeSet<&str>,
    found: &mut Vec<(String, String)>,
) {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            for (key, new) in new.iter().filter(|(key, _)| !mutable.contains(key.as_str())) {
                let old = old.get(key).unwrap_or(&Value::Null);
                collect(&format!("{field}.{key}"), new, old, &BTreeSet::new(), found);
            }
        }
        (Value::Array(new), Value::Array(old)) if new.len() == old.len() => {
            for (index, (new, old)) in new.iter().zip(old).enumerate() {
                collect(&format!("{field}[{index}]"), new, old, &BTreeSet::new(), found);
            }
        }
        (new, old) if new != old => {
            let change = format!("{} -> {}", shown(old), shown(new));
            found.push((field.to_owned(), change));
        }
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => format!("`{scalar}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_named() {
        let wanted = json!({ "spec": { "replicas": 2, "serviceName": "b", "template": { "c": [{ "image": "x:2" }] } } });
        let live = json!({ "spec": { "replicas": 1, "serviceName": "a", "template": { "c": [{ "image": "x:1", "p": 1 }] } } });
        let check = |field: &str, message: &str, expected: &str| {
            let problem = FieldProblem { field: field.to_owned(), message: message.to_owned() };
            let found = with_changes(&[problem], &wanted, &live);
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.join("; "), expected);
        };
        check(
            "spec.template",
            "field is immutable",
            "spec.template.c[0].image: field is immutable (`x:1` -> `x:2`)",
        );
        check(
            "spec",
            "Forbidden: updates to statefulset spec for fields other than 'replicas', 'template', and 'updateStrategy' \
             are forbidden",
            "spec.serviceName: field is immutable (`a` -> `b`)",
        );
        check("spec.selector", "field is immutable", "spec.selector: field is immutable");
    }
}
