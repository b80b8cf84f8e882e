//! The images that objects use.

use serde_json::Value;

use super::position::Position;

/// The references in the image fields of `objects`, each once, in their order.
pub fn image_references(objects: &[Value]) -> Vec<String> {
    let mut references = Vec::new();
    for object in objects {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        collect(object, Position::of_object(text("apiVersion"), text("kind")), &mut references);
    }
    references
}

fn collect(value: &Value, position: Position, references: &mut Vec<String>) {
    match value {
        Value::String(text) if position.is_image() && !references.contains(text) => {
            references.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, position.item(), references)),
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(value, position.key(key), references))
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_image_fields_count_and_each_image_once() {
        let pods = json!({
            "initContainers": [{"image": "r.io/web:1"}],
            "containers": [{"image": "redis:7", "env": [{"value": "r.io/no:1"}]}, {"image": "r.io/web:1"}],
        });
        let objects = [
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pods}}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"image": "r.io/no:2"}}),
        ];
        assert_eq!(image_references(&objects), ["r.io/web:1", "redis:7"]);
    }
}
