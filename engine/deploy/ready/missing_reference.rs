//! Secrets, ConfigMaps and keys that pods use but do not exist.

use std::fmt;

/// An object that a pod uses, or a key of it, that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingReference {
    /// The kind: `Secret`, `ConfigMap`, `PersistentVolumeClaim`.
    pub kind: &'static str,
    /// The namespace.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
    /// The missing key, if the object exists.
    pub key: Option<String>,
    /// The existing name, or key, that is nearest to it.
    pub near: Option<String>,
}

impl fmt::Display for MissingReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, .. } = self;
        match &self.key {
            Some(key) => write!(formatter, "{kind}/{name} has no key `{key}`"),
            None => write!(formatter, "{kind}/{name} does not exist"),
        }
    }
}
