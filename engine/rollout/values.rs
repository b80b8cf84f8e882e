//! The values of a chart, and the objects that helm renders with them.

use serde_json::{Map, Value};

use super::{Deployment, Rollout, chart};
use crate::deploy::chart::{Helm, HelmRun, RenderOptions, ValueLayers, template};
use crate::deploy::manifest::{ManifestOrigin, load_text, sort_for_apply};
use crate::error::StageError;

/// The environment variable with the path of helm.
const HELM: &str = "WINDLASS_HELM";

/// The values of the user: those of `valuesFiles` in order, then `values`.
///
/// # Errors
/// `deploy::...` if a file is missing or invalid.
pub fn load_values(deployment: &Deployment) -> Result<Map<String, Value>, StageError> {
    Ok(ValueLayers::read(&chart::request(deployment)?)?.user_values())
}

/// The objects that helm renders for `deployment` with `values`. Helm gets the user's values as they are written, and
/// a last file with what differs from them.
///
/// # Errors
/// `deploy::...` if helm is missing or fails.
pub fn plan_chart(deployment: &Deployment, values: &Map<String, Value>) -> Result<Rollout, StageError> {
    let mut request = chart::request(deployment)?;
    if let Some(replaced) = difference(&ValueLayers::read(&request)?.user_values(), values) {
        request.replaced = Value::Object(replaced);
    }
    let session = &deployment.run().session;
    let (exec, cancel) = (&*session.host.exec, session.cancellation());
    let variable = deployment.run().variable(HELM);
    let text = session.wait_for_end(async {
        let program = request.program.as_deref();
        let helm = Helm::find(program, variable.as_deref(), &request.directory, exec, &cancel).await?;
        template(&request, &RenderOptions::default(), HelmRun { helm: &helm, exec, cancel: &cancel }).await
    })?;
    let mut documents = load_text(&text, ManifestOrigin::Script)?;
    sort_for_apply(&mut documents);
    let objects = documents.into_iter().map(|document| document.value).collect();
    Ok(Rollout { deployment: deployment.clone(), objects })
}

/// What must be merged over `before` to get `after`: a removed value becomes null. `None` if nothing differs.
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
