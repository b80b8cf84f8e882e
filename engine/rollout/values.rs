//! The values of a chart.

use serde_json::{Map, Value};

use super::{Deployment, Rollout, chart};
use crate::deploy::chart::ValueLayers;
use crate::error::StageError;

/// The values of the user: those of `valuesFiles` in order, then `values`.
///
/// # Errors
/// `deploy::...` if a file is missing or invalid.
pub fn load_values(deployment: &Deployment) -> Result<Map<String, Value>, StageError> {
    Ok(ValueLayers::read(&chart::request(deployment)?)?.user_values())
}

/// The rollout of the chart of `deployment` with `values`. Helm gets the user's values as they are written, and
/// a last file with the differences.
///
/// # Errors
/// `deploy::...` if a values file is missing or invalid.
pub fn plan_chart(deployment: &Deployment, values: &Map<String, Value>) -> Result<Rollout, StageError> {
    let mut request = chart::request(deployment)?;
    if let Some(replaced) = difference(&ValueLayers::read(&request)?.user_values(), values) {
        request.replaced = Value::Object(replaced);
    }
    Ok(Rollout::of_chart(deployment, request))
}

/// The values to merge over `before` to get `after`: a removed value becomes null. `None` if they are equal.
fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Option<Map<String, Value>> {
    let removed = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = after.iter().filter_map(|(key, value)| match (before.get(key), value) {
        (Some(before), value) if before == value => None,
        (Some(Value::Object(before)), Value::Object(after)) => {
            difference(before, after).map(|difference| (key.clone(), Value::Object(difference)))
        }
        (_, value) => Some((key.clone(), value.clone())),
    });
    let difference: Map<_, _> = removed.chain(changed).collect();
    (!difference.is_empty()).then_some(difference)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn difference_merged_over_the_values_gives_the_result() {
        #[track_caller]
        fn check(before: Value, after: Value, expected: Value) {
            let (Value::Object(before), Value::Object(after)) = (before, after) else { panic!("maps") };
            assert_eq!(difference(&before, &after).map_or(Value::Null, Value::Object), expected);
        }
        check(json!({"a": 1}), json!({"a": 1}), Value::Null);
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), json!({"a": {"c": 3}}));
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), json!({"b": null}));
        check(json!({"a": [1]}), json!({"a": [1, 2], "b": {}}), json!({"a": [1, 2], "b": {}}));
        check(json!({"a": {"b": 1}}), json!({"a": 5}), json!({"a": 5}));
    }
}
