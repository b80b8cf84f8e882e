//! The body of an apply request.

use serde_json::Value;

use super::{ObjectKey, ResourceType};

/// `object` as it is applied: in the namespace of `key`, without the fields that only the cluster writes, and with the
/// keys of list elements that older API servers require.
pub(super) fn apply_body(object: &Value, resource: &ResourceType, key: &ObjectKey) -> Value {
    let mut body = object.clone();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        match &key.namespace {
            Some(namespace) => drop(metadata.insert("namespace".to_owned(), namespace.clone().into())),
            None => drop(metadata.remove("namespace")),
        }
    }
    if resource.kind == "Service" && resource.api_version == "v1" {
        for port in body["spec"]["ports"].as_array_mut().into_iter().flatten() {
            // The protocol is a part of the key; Kubernetes before 1.21 does not default it.
            if let Some(port) = port.as_object_mut().filter(|port| !port.contains_key("protocol")) {
                port.insert("protocol".to_owned(), "TCP".into());
            }
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn service_ports_get_their_protocol() {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a", "managedFields": [] },
            "spec": { "ports": [{ "port": 80 }, { "port": 53, "protocol": "UDP" }] },
        });
        let resource = ResourceType {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            plural: "services".to_owned(),
            is_namespaced: true,
        };
        let mut key = ObjectKey::new(&service).expect("complete");
        key.namespace = Some("dev".to_owned());
        let body = apply_body(&service, &resource, &key);
        assert_eq!(body["metadata"], json!({ "name": "a", "namespace": "dev" }));
        let ports = json!([{ "port": 80, "protocol": "TCP" }, { "port": 53, "protocol": "UDP" }]);
        assert_eq!(body["spec"]["ports"], ports);
    }
}
