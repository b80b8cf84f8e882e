//! Takes over the fields that kubectl and DevSpace applied client-side.
//!
//! Server-side apply removes a field that has left the manifest only if no other field manager owns it. After a
//! client-side apply, the manager of kubectl owns all fields, and nothing removes them. Its entry becomes an apply
//! of windlass first, as client-go's `csaupgrade` does it for kubectl.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{ClusterAccess, MANAGER};
use super::field_set::{FieldPath, contains, members, remove, union};
use super::request::{Call, Failure, with_query};
use super::{ApplyError, ObjectKey, ResourceType};

/// The number of attempts while others change the object.
const ATTEMPTS: u32 = 5;

/// The managers of a client-side apply; the second one is that of kubectl before 1.18.
const CLIENT_SIDE: [&str; 2] = ["kubectl-client-side-apply", "kubectl"];

/// The annotation with the manifest of a client-side apply.
const LAST_APPLIED: [&str; 3] =
    ["f:metadata", "f:annotations", "f:kubectl.kubernetes.io/last-applied-configuration"];

impl ClusterAccess {
    /// Takes over the client-side fields of `live`; returns whether there were any.
    pub(super) async fn take_over(
        &self,
        resource: &ResourceType,
        key: &ObjectKey,
        live: &Value,
        doing: &str,
    ) -> Result<bool, ApplyError> {
        let mut newer;
        let mut live = live;
        let mut attempt = 1;
        loop {
            let Some(fields) = taken_over(live) else { return Ok(attempt > 1) };
            // The replaced version makes the cluster reject the patch if the object has changed.
            let patch = json!([
                { "op": "replace", "path": "/metadata/managedFields", "value": fields },
                { "op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] },
            ]);
            let path = resource.object_path(key.namespace.as_deref(), &key.name);
            match self.send(Call::json_patch(path, &patch)).await {
                Ok(_) => return Ok(true),
                Err(Failure::Status(status)) if status.code == 404 => return Ok(false),
                Err(Failure::Status(status)) if status.code == 409 && attempt < ATTEMPTS => {
                    attempt += 1;
                    match self.read(resource, key).await? {
                        Some(object) => newer = object,
                        None => return Ok(false),
                    }
                    live = &newer;
                }
                Err(failure) => return Err(self.problem(failure, doing, Some(key))),
            }
        }
    }

    /// Repeats the dry run of an apply over `live` with a takeover; `result` is the object without a takeover. The API
    /// server fills in the defaults of the fields that the takeover removes.
    pub(super) async fn dry_run_takeover(
        &self,
        resource: &ResourceType,
        key: &ObjectKey,
        live: &Value,
        mut result: Value,
        doing: &str,
    ) -> Result<Value, ApplyError> {
        let left = left_fields(&result, live);
        if left.is_empty() {
            return Ok(result);
        }
        for path in &left {
            remove(&mut result, path);
        }
        let path = resource.object_path(key.namespace.as_deref(), &key.name);
        let path = with_query(&path, &[("fieldManager", MANAGER), ("dryRun", "All")]);
        let patch = Call::json_patch(path, &content_patch(live, &result));
        let response = self.send(patch).await;
        response.map(|response| response.body).map_err(|failure| self.problem(failure, doing, Some(key)))
    }
}

/// Whether `live` has fields that [`ClusterAccess::take_over`] takes over.
pub(super) fn has_client_side_fields(live: &Value) -> bool {
    entries(live).iter().any(is_client_side)
}

fn entries(object: &Value) -> &[Value] {
    object["metadata"]["managedFields"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether a client-side apply wrote the entry: by its name, or because it owns the annotation.
fn is_client_side(entry: &Value) -> bool {
    let manager = entry["manager"].as_str().unwrap_or_default();
    is_operation(entry, "Update")
        && (CLIENT_SIDE.contains(&manager) || contains(&entry["fieldsV1"], &LAST_APPLIED))
}

/// Whether the entry is of this operation on the object, not on its status or scale.
fn is_operation(entry: &Value, operation: &str) -> bool {
    entry["operation"] == operation && entry["subresource"].as_str().unwrap_or_default().is_empty()
}

/// The entry for the applies of windlass.
pub(super) fn own_apply(object: &Value) -> Option<&Value> {
    entries(object).iter().find(|entry| is_own_apply(entry))
}

fn is_own_apply(entry: &Value) -> bool {
    entry["manager"] == MANAGER && is_operation(entry, "Apply")
}

/// The `managedFields` of `live` after the takeover; `None` if nothing is taken over.
fn taken_over(live: &Value) -> Option<Vec<Value>> {
    let mut entries = entries(live).to_vec();
    let managers: BTreeSet<_> = entries
        .iter()
        .filter(|entry| is_client_side(entry))
        .filter_map(|entry| entry["manager"].as_str().map(str::to_owned))
        .collect();
    for manager in &managers {
        merge(&mut entries, manager);
    }
    (!managers.is_empty()).then_some(entries)
}

/// Makes the client-side entries of `manager` part of the apply of windlass. Only an entry of the same API version can be
/// merged; the fields of others have other names.
fn merge(entries: &mut Vec<Value>, manager: &str) {
    let is_source = |entry: &Value| entry["manager"] == manager && is_operation(entry, "Update");
    let own = entries.iter().position(is_own_apply);
    let Some(target) = own.or_else(|| entries.iter().position(is_source)) else { return };
    entries[target]["manager"] = MANAGER.into();
    entries[target]["operation"] = "Apply".into();
    let version = entries[target]["apiVersion"].clone();
    let source = entries.iter().position(|entry| is_source(entry) && entry["apiVersion"] == version);
    if let Some(source) = source {
        let fields = union(&entries[target]["fieldsV1"], &entries[source]["fieldsV1"]);
        entries[target]["fieldsV1"] = fields;
    }
    entries.retain(|entry| !is_source(entry));
}

/// The fields of `result`, the dry run of an apply over `live`, that the takeover removes: a dry run is without one,
/// because it would need two requests.
fn left_fields(result: &Value, live: &Value) -> Vec<FieldPath> {
    let client_side = entries(live).iter().filter(|entry| is_client_side(entry));
    let taken: BTreeSet<FieldPath> = client_side.flat_map(|entry| members(&entry["fieldsV1"])).collect();
    let others = entries(result).iter().filter(|entry| !is_client_side(entry));
    let owned: BTreeSet<FieldPath> = others.flat_map(|entry| members(&entry["fieldsV1"])).collect();
    // A map or list element stays while others own a part of it.
    let is_owned =
        |path: &FieldPath| owned.range(path.clone()..).next().is_some_and(|next| next.starts_with(path));
    // Elements come before their fields, among which are the keys that select them.
    taken.into_iter().filter(|path| !is_owned(path)).collect()
}

/// The JSON patch that makes the content of an object that of `wanted`.
fn content_patch(live: &Value, wanted: &Value) -> Value {
    let mut operations = Vec::new();
    let mut compare = |root: &str, live: &Value, wanted: &Value, is_content: &dyn Fn(&str) -> bool| {
        let names: BTreeSet<_> = [live, wanted]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|fields| fields.keys())
            .collect();
        for name in names.into_iter().filter(|name| is_content(name)) {
            let path = format!("{root}/{}", name.replace('~', "~0").replace('/', "~1"));
            match wanted.get(name) {
                value if value == live.get(name) => {}
                Some(value) => operations.push(json!({ "op": "add", "path": path, "value": value })),
                None => operations.push(json!({ "op": "remove", "path": path })),
            }
        }
    };
    compare("", live, wanted, &|name| !matches!(name, "apiVersion" | "kind" | "metadata" | "status"));
    compare("/metadata", &live["metadata"], &wanted["metadata"], &|name| {
        matches!(name, "labels" | "annotations" | "finalizers" | "ownerReferences")
    });
    Value::Array(operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields })
    }

    fn object(entries: &[Value]) -> Value {
        json!({ "metadata": { "managedFields": entries } })
    }

    #[track_caller]
    fn check(entries: &[Value], expected: Option<&[Value]>) {
        assert_eq!(taken_over(&object(entries)).as_deref(), expected);
    }

    #[test]
    fn client_side_entries_become_an_apply() {
        let kubectl = entry("kubectl-client-side-apply", "Update", json!({ "f:spec": { "f:a": {} } }));
        let controller = entry("kube-controller-manager", "Update", json!({ "f:status": {} }));
        let own = entry(MANAGER, "Apply", json!({ "f:spec": { "f:a": {} } }));
        check(&[kubectl.clone(), controller.clone()], Some(&[own, controller.clone()]));
        check(&[controller], None);
        check(&[], None);
    }

    #[test]
    fn client_side_entries_are_merged_into_an_apply() {
        let own = entry(MANAGER, "Apply", json!({ "f:spec": { "f:b": {} } }));
        let kubectl = entry("kubectl-client-side-apply", "Update", json!({ "f:spec": { "f:a": {} } }));
        let mut beta = kubectl.clone();
        beta["apiVersion"] = "apps/v1beta1".into();
        let annotation = json!({ "f:metadata": { "f:annotations": { "f:kubectl.kubernetes.io/last-applied-configuration": {} } } });
        let custom = entry("custom", "Update", annotation.clone());
        let mut scale = entry("kubectl", "Update", json!({ "f:spec": { "f:replicas": {} } }));
        scale["subresource"] = "scale".into();
        let merged =
            entry(MANAGER, "Apply", union(&json!({ "f:spec": { "f:b": {}, "f:a": {} } }), &annotation));
        check(&[own, beta, kubectl, custom, scale.clone()], Some(&[merged, scale]));
    }

    #[test]
    fn dry_runs_are_without_fields_that_leave() {
        let kubectl = entry(
            "kubectl-client-side-apply",
            "Update",
            json!({ "f:spec": { "f:a": {}, "f:b": {}, "f:map": { ".": {}, "f:x": {} }, "f:kept": { ".": {} } } }),
        );
        let own = entry(MANAGER, "Apply", json!({ "f:spec": { "f:a": {} } }));
        let other = entry("other", "Update", json!({ "f:spec": { "f:kept": { "f:y": {} } } }));
        let live = object(std::slice::from_ref(&kubectl));
        let mut result = object(&[own, kubectl, other]);
        result["spec"] = json!({ "a": 1, "b": 2, "map": { "x": 1 }, "kept": { "y": 1 }, "default": 3 });
        for path in left_fields(&result, &live) {
            remove(&mut result, &path);
        }
        assert_eq!(result["spec"], json!({ "a": 1, "kept": { "y": 1 }, "default": 3 }));
    }

    #[test]
    fn only_content_is_patched() {
        let live = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "status": {}, "data": { "a": "1" }, "binaryData": {},
            "metadata": { "name": "a", "resourceVersion": "1", "labels": { "x": "y" }, "annotations": {} },
        });
        let wanted = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "2" }, "a/b~": 1,
            "metadata": { "name": "a", "resourceVersion": "2", "labels": { "x": "y" } },
        });
        let expected = json!([
            { "op": "add", "path": "/a~1b~0", "value": 1 },
            { "op": "remove", "path": "/binaryData" },
            { "op": "add", "path": "/data", "value": { "a": "2" } },
            { "op": "remove", "path": "/metadata/annotations" },
        ]);
        assert_eq!(content_patch(&live, &wanted), expected);
    }
}
