//! The identity of a Kubernetes object.

use std::fmt;

use serde_json::Value as Json;

use crate::cluster::{group_of, write_object};

/// The identity of an object in a cluster. Displays as `Deployment/web (namespace dev)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// The API group, empty for the core group. Versions of one group have the same objects.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace; `None` for an object of the cluster, or one whose namespace is not set yet.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectId {
    /// The identity of `object`; `None` without a `kind` and a `metadata.name`.
    pub fn of(object: &Json) -> Option<Self> {
        let metadata = object.get("metadata")?;
        let text = |value: &Json, key: &str| {
            value.get(key).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Some(Self {
            group: group_of(object.get("apiVersion").and_then(Json::as_str).unwrap_or_default()).to_owned(),
            kind: text(object, "kind")?,
            namespace: text(metadata, "namespace"),
            name: text(metadata, "name")?,
        })
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_object(formatter, &self.kind, &self.name, self.namespace.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_of_a_group_are_one_object() {
        let object = |api_version: &str| json!({"apiVersion": api_version, "kind": "Deployment", "metadata": {"name": "web", "namespace": "dev"}});
        let id = ObjectId::of(&object("apps/v1")).expect("complete");
        assert_eq!(Some(id.clone()), ObjectId::of(&object("apps/v1beta1")));
        assert_ne!(Some(id.clone()), ObjectId::of(&object("extensions/v1beta1")));
        assert_eq!(id.to_string(), "Deployment/web (namespace dev)");
        assert_eq!(ObjectId::of(&json!({"kind": "Pod", "metadata": {"generateName": "a-"}})), None);
        assert_eq!(ObjectId::of(&json!("text")), None);
    }
}
