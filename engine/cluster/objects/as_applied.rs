//! Whether an object is as an apply of windlass has left it, so that another apply would change nothing.

use serde_json::{Map, Value};

use super::takeover::{has_client_side_fields, own_apply};

/// Whether an apply of `body` over `live` certainly changes nothing: `live` has every field of `body` with the same value,
/// and windlass has applied no other field. False if that is uncertain: the cluster may have normalized a value, such as a
/// quantity.
pub(super) fn is_as_applied(body: &Value, live: &Value) -> bool {
    let Some(owned) = own_apply(live) else { return false };
    !has_client_side_fields(live) && has_owned(&owned["fieldsV1"], body) && has_values(live, body)
}

/// Whether `object` has every field of the set `owned`, in the form of `managedFields`.
fn has_owned(owned: &Value, object: &Value) -> bool {
    let Value::Object(owned) = owned else { return false };
    owned.iter().all(|(step, below)| match step.split_once(':') {
        None => step == ".",
        Some(("f", name)) => object.get(name).is_some_and(|value| has_owned(below, value)),
        Some(("k", keys)) => {
            let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else { return false };
            let items = object.as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().any(|item| has_keys(item, &keys) && has_owned(below, item))
        }
        Some(("v", value)) => {
            let value: Option<Value> = serde_json::from_str(value).ok();
            object.as_array().zip(value).is_some_and(|(items, value)| items.contains(&value))
        }
        Some(_) => false,
    })
}

/// Whether the item of a list has these keys; the cluster adds the protocol of a port.
fn has_keys(item: &Value, keys: &Map<String, Value>) -> bool {
    keys.iter().all(|(name, value)| match item.get(name) {
        Some(found) => found == value,
        None => name == "protocol" && value == "TCP",
    })
}

/// Whether `live` has every value of `body`.
fn has_values(live: &Value, body: &Value) -> bool {
    match (live, body) {
        (Value::Object(live), Value::Object(body)) => {
            body.iter().all(|(key, value)| live.get(key).is_some_and(|live| has_values(live, value)))
        }
        (Value::Array(live), Value::Array(body)) => {
            live.len() == body.len() && live.iter().zip(body).all(|(live, body)| has_values(live, body))
        }
        (live, body) => live == body,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(owned: &Value) -> Value {
        json!({
            "kind": "Service",
            "metadata": { "name": "web", "uid": "1", "managedFields": [
                { "manager": "windlass", "operation": "Apply", "fieldsV1": owned },
            ] },
            "spec": {
                "clusterIP": "10.0.0.1",
                "ports": [{ "port": 80, "protocol": "TCP", "targetPort": 80 }],
                "selector": { "app": "web" },
            },
        })
    }

    #[test]
    fn only_an_object_that_is_exactly_as_applied_needs_no_request() {
        let port = "k:{\"port\":80,\"protocol\":\"TCP\"}";
        let owned = json!({ "f:spec": {
            "f:ports": { port: { ".": {}, "f:port": {} } },
            "f:selector": { "f:app": {} },
        } });
        let body = json!({ "kind": "Service", "metadata": { "name": "web" }, "spec": {
            "ports": [{ "port": 80 }], "selector": { "app": "web" },
        } });
        let live = live(&owned);
        assert!(is_as_applied(&body, &live));
        let differs = |change: &dyn Fn(&mut Value, &mut Value)| {
            let (mut body, mut live) = (body.clone(), live.clone());
            change(&mut body, &mut live);
            assert!(!is_as_applied(&body, &live), "{body}\n{live}");
        };
        differs(&|body, _| body["spec"]["selector"]["app"] = "api".into());
        differs(&|body, _| body["spec"]["type"] = "NodePort".into());
        // A field that has left the manifest would be removed.
        differs(&|body, _| body["spec"]["selector"] = json!({}));
        differs(&|body, _| body["spec"]["ports"][0]["port"] = 81.into());
        differs(&|_, live| live["spec"]["selector"] = json!({}));
        differs(&|_, live| live["spec"]["ports"] = json!([{ "port": 1 }, { "port": 80 }]));
        differs(&|_, live| live["metadata"]["managedFields"] = json!([]));
        differs(&|_, live| live["metadata"]["managedFields"][0]["manager"] = "helm".into());
        differs(&|_, live| {
            let kubectl =
                json!({ "manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {} });
            live["metadata"]["managedFields"].as_array_mut().expect("a list").push(kubectl);
        });
    }
}
