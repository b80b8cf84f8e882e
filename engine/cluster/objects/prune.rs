//! The members of a deployment that have left its manifests.

use std::collections::HashSet;

use serde_json::Value;

use super::ObjectKey;

/// The annotation that keeps an object from being deleted, as messages show it.
pub const KEEP_POLICY: &str = "`helm.sh/resource-policy: keep`";

/// The members of an ApplySet that were not applied: which ones to delete, and which to keep.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pruning {
    /// The members to delete, with their metadata.
    pub deleted: Vec<Value>,
    /// The members that are kept, each with the reason.
    pub kept: Vec<(Value, String)>,
}

impl Pruning {
    /// Compares the members of a set with the `applied` objects.
    ///
    /// Volume claims, volumes, namespaces, custom resource definitions, and objects with the annotation
    /// `helm.sh/resource-policy: keep` are kept. Objects that are being deleted, and those that controllers made with a
    /// copy of the label, are in neither list.
    pub fn new(members: Vec<Value>, applied: &[Value]) -> Self {
        let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
        let uids: HashSet<_> = applied.iter().filter_map(uid).collect();
        let keys: Vec<_> = applied.iter().filter_map(|object| ObjectKey::new(object).ok()).collect();
        let identities: HashSet<_> = keys.iter().map(ObjectKey::identity).collect();
        let mut pruning = Self::default();
        for member in members {
            let Ok(key) = ObjectKey::new(&member) else { continue };
            // The same object can be a member in two groups, as an Ingress was.
            let is_applied =
                uid(&member).is_some_and(|uid| uids.contains(&uid)) || identities.contains(&key.identity());
            if is_applied
                || is_copy(&member, &key, &identities)
                || !member["metadata"]["deletionTimestamp"].is_null()
            {
                continue;
            }
            match reason_to_keep(&member, &key) {
                Some(reason) => pruning.kept.push((member, reason)),
                None => pruning.deleted.push(member),
            }
        }
        pruning
    }
}

/// See [`ObjectKey::identity`].
type Identity<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

/// Whether a controller made the object and copied the labels.
fn is_copy(member: &Value, key: &ObjectKey, applied: &HashSet<Identity<'_>>) -> bool {
    let owners = member["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let service = ("", "Service", key.namespace.as_deref(), key.name.as_str());
    owners.into_iter().any(|owner| owner["controller"] == true)
        || key.kind == "Endpoints" && applied.contains(&service)
}

/// Whether `object` has the annotation [`KEEP_POLICY`].
pub fn has_keep_policy(object: &Value) -> bool {
    let policy = &object["metadata"]["annotations"]["helm.sh/resource-policy"];
    policy.as_str().is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

fn reason_to_keep(member: &Value, key: &ObjectKey) -> Option<String> {
    if has_keep_policy(member) {
        return Some(KEEP_POLICY.to_owned());
    }
    let is_data = matches!(
        (key.group(), key.kind.as_str()),
        ("", "PersistentVolumeClaim" | "PersistentVolume" | "Namespace")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
    );
    is_data.then(|| format!("a {} is never deleted with its manifest", key.kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_objects_that_can_be_created_again_are_deleted() {
        let object = |api_version: &str, kind: &str, name: &str, more: Value| {
            let mut object = json!({
                "apiVersion": api_version, "kind": kind,
                "metadata": { "name": name, "namespace": "dev", "uid": format!("{kind}-{name}") },
            });
            for (key, value) in more.as_object().expect("a map") {
                object["metadata"][key] = value.clone();
            }
            object
        };
        let none = || json!({});
        let members = vec![
            object("v1", "ConfigMap", "old", none()),
            object(
                "v1",
                "ConfigMap",
                "kept",
                json!({ "annotations": { "helm.sh/resource-policy": "keep" } }),
            ),
            object("v1", "ConfigMap", "going", json!({ "deletionTimestamp": "now" })),
            object("v1", "PersistentVolumeClaim", "data", none()),
            object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "crd", none()),
            object("apps/v1beta1", "Deployment", "web", json!({ "uid": "other" })),
            object("extensions/v1beta1", "Ingress", "web", json!({ "uid": "Ingress-web" })),
            object("v1", "Endpoints", "web", none()),
            object("apps/v1", "ReplicaSet", "web-1", json!({ "ownerReferences": [{ "controller": true }] })),
        ];
        let applied = [
            object("apps/v1", "Deployment", "web", none()),
            object("networking.k8s.io/v1", "Ingress", "web", none()),
            object("v1", "Service", "web", none()),
        ];
        let pruning = Pruning::new(members, &applied);
        let name = |object: &Value| object["metadata"]["name"].as_str().expect("a name").to_owned();
        assert_eq!(pruning.deleted.iter().map(name).collect::<Vec<_>>(), ["old"]);
        let kept: Vec<_> =
            pruning.kept.iter().map(|(object, reason)| format!("{}: {reason}", name(object))).collect();
        assert_eq!(
            kept,
            [
                "kept: `helm.sh/resource-policy: keep`",
                "data: a PersistentVolumeClaim is never deleted with its manifest",
                "crd: a CustomResourceDefinition is never deleted with its manifest",
            ]
        );
    }
}
