//! The identity of an object.

use std::fmt;

use serde_json::Value;

use super::ApplyError;

/// The identity of an object. Displays as `Deployment/web (namespace dev)`, or `ClusterRole/web` without a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The API group and version: `apps/v1`, `v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; `None` for a cluster-scoped object, and for one in the namespace of the run.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The identity of `object`.
    ///
    /// # Errors
    /// [`ApplyError::Incomplete`] if `apiVersion`, `kind` or `metadata.name` is missing or empty,
    /// [`ApplyError::InvalidName`] if the name cannot be a part of a URL.
    pub fn new(object: &Value) -> Result<Self, ApplyError> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
        let missing = match (&api_version, &kind, &name) {
            (None, ..) => "apiVersion",
            (_, None, _) => "kind",
            (.., None) => "metadata.name",
            _ => "",
        };
        let (Some(api_version), Some(kind), Some(name)) = (api_version, kind, name) else {
            let shown = [text(&object["kind"]), text(&object["metadata"]["name"])];
            let object: Vec<_> = shown.into_iter().flatten().collect();
            let generates_name = object_generates_name(&object, missing);
            return Err(ApplyError::Incomplete { object: object.join("/"), missing, help: generates_name });
        };
        let key = Self { api_version, kind, namespace, name };
        let is_segment = |text: &str| !text.contains(['/', '%']) && text != "." && text != "..";
        let invalid = std::iter::once(&key.name).chain(&key.namespace).find(|text| !is_segment(text));
        match invalid {
            Some(name) => Err(ApplyError::InvalidName { object: key.to_string(), name: name.clone() }),
            None => Ok(key),
        }
    }

    /// The API group: `apps`; empty for the core group.
    pub fn group(&self) -> &str {
        group_of(&self.api_version)
    }

    /// The key without the version: group, kind, namespace and name.
    pub fn identity(&self) -> (&str, &str, Option<&str>, &str) {
        (self.group(), &self.kind, self.namespace.as_deref(), &self.name)
    }
}

/// The hint for an object without `missing`.
fn object_generates_name(shown: &[String], missing: &str) -> String {
    match missing {
        "metadata.name" if !shown.is_empty() => {
            "add `metadata.name`: `generateName` cannot be applied".to_owned()
        }
        _ => format!("add `{missing}` to the manifest"),
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_object(formatter, &self.kind, &self.name, self.namespace.as_deref())
    }
}

/// The group of `api_version`: `apps` of `apps/v1`, empty for `v1`.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Writes how people read the name of an object: `Deployment/web (namespace dev)`.
///
/// # Errors
/// If it cannot be written.
pub fn write_object(
    formatter: &mut fmt::Formatter<'_>,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
) -> fmt::Result {
    write!(formatter, "{kind}/{name}")?;
    match namespace {
        Some(namespace) => write!(formatter, " (namespace {namespace})"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_named_with_their_namespace() {
        let key = ObjectKey::new(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "dev" },
        }));
        let key = key.expect("complete");
        assert_eq!((key.to_string().as_str(), key.group()), ("Deployment/web (namespace dev)", "apps"));
        let role = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" } });
        let role = ObjectKey::new(&role).expect("complete");
        assert_eq!((role.to_string().as_str(), role.group()), ("Node/n", ""));
        let beta = ObjectKey { api_version: "apps/v1beta1".to_owned(), ..key.clone() };
        assert!(key.identity() == beta.identity() && key.identity() != role.identity());
    }

    #[test]
    fn incomplete_objects_are_errors() {
        let check = |object: Value, expected: &str| {
            assert_eq!(ObjectKey::new(&object).expect_err("invalid").to_string(), expected);
        };
        check(json!({ "kind": "Pod" }), "`Pod` has no `apiVersion`");
        check(json!({}), "an object has no `apiVersion`");
        check(
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "generateName": "a-" } }),
            "`Pod` has no `metadata.name`",
        );
        let name = |name: &str| json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name } });
        check(name("a/../b"), "cannot apply Pod/a/../b: invalid name `a/../b`");
        check(name(".."), "cannot apply Pod/..: invalid name `..`");
    }
}
