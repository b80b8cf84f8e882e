//! Names of objects in messages.

use std::fmt;

use serde_json::Value;

use super::fields::text;

/// Names an object in messages: `Deployment/web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The kind.
    pub kind: String,
    /// The namespace; empty for objects of the cluster.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectName {
    /// The name of `object`.
    pub fn new(object: &Value) -> Self {
        Self {
            kind: text(object, "/kind").to_owned(),
            namespace: text(object, "/metadata/namespace").to_owned(),
            name: text(object, "/metadata/name").to_owned(),
        }
    }

    /// The name with the namespace: `Deployment/web (namespace dev)`.
    pub fn with_namespace(&self) -> String {
        if self.namespace.is_empty() {
            self.to_string()
        } else {
            format!("{self} (namespace {})", self.namespace)
        }
    }

    /// `kubectl`, with the namespace of the object as option.
    pub(super) fn kubectl(&self) -> String {
        if self.namespace.is_empty() {
            "kubectl".to_owned()
        } else {
            format!("kubectl -n {}", self.namespace)
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}
