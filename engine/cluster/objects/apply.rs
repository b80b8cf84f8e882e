//! Applies objects with server-side apply.

use serde_json::Value;

use super::super::{ClusterAccess, MANAGER};
use super::as_applied::is_as_applied;
use super::body::apply_body;
use super::immutable::with_changes;
use super::list::typed;
use super::request::{Call, Failure, Response, with_query};
use super::takeover::{has_client_side_fields, own_apply};
use super::{ApplyError, ObjectKey, OwnedField, ResourceType};

/// The effect of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// It created the object.
    Created,
    /// It changed the object.
    Changed,
    /// The object was as in the manifest before.
    Unchanged,
}

/// The result of an apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Its effect.
    pub outcome: ApplyOutcome,
    /// The resulting object.
    pub object: Value,
    /// The field managers from which fields were taken, other than a client-side apply.
    pub forced: Vec<String>,
}

/// An apply request.
struct Application<'a> {
    resource: ResourceType,
    key: ObjectKey,
    body: Value,
    live: Option<&'a Value>,
    is_dry_run: bool,
    doing: String,
}

impl ClusterAccess {
    /// A dry run of [`ClusterAccess::apply_object`]. Changes nothing, and sends no request for an object that is as the
    /// last apply has left it.
    ///
    /// # Errors
    /// [`ApplyError`]; [`ApplyError::NamespaceMissing`] if the namespace does not exist yet.
    pub async fn dry_run_object(&self, object: &Value, live: Option<&Value>) -> Result<Applied, ApplyError> {
        let application = self.application(object, live, true).await?;
        if let Some(live) = live.filter(|live| is_as_applied(&application.body, live)) {
            return Ok(Applied {
                outcome: ApplyOutcome::Unchanged,
                object: live.clone(),
                forced: Vec::new(),
            });
        }
        let (response, forced) = self.apply_or_force(&application).await?;
        let Application { resource, key, doing, .. } = &application;
        let object = match live.filter(|live| has_client_side_fields(live)) {
            Some(live) => self.dry_run_takeover(resource, key, live, response.body, doing).await?,
            None => response.body,
        };
        let object = typed(object, resource);
        let outcome = match live {
            None => ApplyOutcome::Created,
            Some(live) if has_same_content(live, &object) => ApplyOutcome::Unchanged,
            Some(live) if has_same_fields(&application.body, live, &object) => ApplyOutcome::Unchanged,
            Some(_) => ApplyOutcome::Changed,
        };
        Ok(Applied { outcome, object, forced })
    }

    /// Applies `object` with server-side apply; `live` is the object in the cluster, from
    /// [`ClusterAccess::list_objects`].
    ///
    /// Fields that kubectl or DevSpace applied client-side are taken over first, so that those that were removed from
    /// the manifest are removed. Fields of kubectl, helm, DevSpace and windlass are overwritten; those of others are
    /// not.
    ///
    /// # Errors
    /// [`ApplyError`]; [`ApplyError::FieldConflict`] if another field manager owns a field.
    pub async fn apply_object(&self, object: &Value, live: Option<&Value>) -> Result<Applied, ApplyError> {
        let application = self.application(object, live, false).await?;
        let Application { resource, key, doing, .. } = &application;
        if let Some(live) = live.filter(|live| has_client_side_fields(live)) {
            self.take_over(resource, key, live, doing).await?;
        }
        let (response, forced) = self.apply_or_force(&application).await?;
        let object = typed(response.body, resource);
        let outcome = match live {
            _ if response.is_created => ApplyOutcome::Created,
            Some(live) if is_unchanged(&application.body, live, &object) => ApplyOutcome::Unchanged,
            _ => ApplyOutcome::Changed,
        };
        Ok(Applied { outcome, object, forced })
    }

    async fn application<'a>(
        &self,
        object: &Value,
        live: Option<&'a Value>,
        is_dry_run: bool,
    ) -> Result<Application<'a>, ApplyError> {
        let (resource, key) = self.resolve_key(&ObjectKey::new(object)?).await?;
        let body = apply_body(object, &resource, &key);
        let doing = format!("apply {key}");
        Ok(Application { resource, key, body, live, is_dry_run, doing })
    }

    /// Applies, with force if only managers whose fields may be overwritten own fields; returns them.
    async fn apply_or_force(
        &self,
        application: &Application<'_>,
    ) -> Result<(Response, Vec<String>), ApplyError> {
        match self.try_to_apply(application, false).await {
            Ok(response) => Ok((response, Vec::new())),
            Err(ApplyError::FieldConflict { doing, mut fields }) => {
                if fields.iter().all(is_replaceable) {
                    let mut managers: Vec<_> = fields.into_iter().map(|field| field.manager).collect();
                    managers.sort();
                    managers.dedup();
                    return Ok((self.try_to_apply(application, true).await?, managers));
                }
                fields.retain(|field| !is_replaceable(field));
                Err(ApplyError::FieldConflict { doing, fields })
            }
            Err(error) => Err(error),
        }
    }

    async fn try_to_apply(
        &self,
        application: &Application<'_>,
        is_forced: bool,
    ) -> Result<Response, ApplyError> {
        let Application { resource, key, body, live, is_dry_run, doing } = application;
        let path = resource.object_path(key.namespace.as_deref(), &key.name);
        let path = with_query(
            &path,
            &[
                ("fieldManager", MANAGER),
                ("fieldValidation", "Strict"),
                ("dryRun", if *is_dry_run { "All" } else { "" }),
                ("force", if is_forced { "true" } else { "" }),
            ],
        );
        let error = match self.send(Call::apply(path, body)).await {
            Ok(response) => return Ok(response),
            // The kind is no longer served: its definition was deleted after the discovery.
            Err(Failure::Status(status))
                if status.code == 404 && status.message.contains("requested resource") =>
            {
                self.remove_resources();
                self.problem(Failure::Status(status), doing, Some(key))
            }
            Err(failure) => self.problem(failure, doing, Some(key)),
        };
        Err(match (error, live) {
            (ApplyError::Immutable { doing, object, fields }, Some(live)) if resource.kind != "Secret" => {
                let fields = with_changes(&fields, body, live);
                ApplyError::Immutable { doing, object, fields }
            }
            (ApplyError::NamespaceTerminating { doing, namespace, .. }, _) => {
                let remaining = self.remaining_in(&namespace).await;
                ApplyError::NamespaceTerminating { doing, namespace, remaining }
            }
            (error, _) => error,
        })
    }
}

/// Whether the apply of `body` over `live` had no effect on `result`.
fn is_unchanged(body: &Value, live: &Value, result: &Value) -> bool {
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    version(live) == version(result) || has_same_fields(body, live, result)
}

/// Whether the fields of windlass are the same, also if a controller changed others between the two states.
fn has_same_fields(body: &Value, live: &Value, result: &Value) -> bool {
    let own = own_apply(result);
    own.is_some() && own == own_apply(live) && is_same_at(body, live, result)
}

/// Whether two states of an object are equal in the fields of `body`.
fn is_same_at(body: &Value, one: &Value, other: &Value) -> bool {
    let is_same_at_key = |key: &String, body: &Value| match (one.get(key), other.get(key)) {
        (Some(one), Some(other)) => is_same_at(body, one, other),
        (one, other) => one == other,
    };
    match body {
        Value::Object(fields) => fields.iter().all(|(key, body)| is_same_at_key(key, body)),
        _ => one == other,
    }
}

/// Whether the manager is a tool that windlass replaces.
fn is_replaceable(field: &OwnedField) -> bool {
    let manager = field.manager.as_str();
    let is_tool = |tool: &str| {
        manager.strip_prefix(tool).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    manager == "helm" || manager == MANAGER || is_tool("kubectl") || is_tool("devspace")
}

/// Whether two states of an object are equal, apart from the metadata that the cluster records.
pub fn has_same_content(one: &Value, other: &Value) -> bool {
    let fields = |object: &Value| object.as_object().cloned().unwrap_or_default();
    let (mut one, mut other) = (fields(one), fields(other));
    for object in [&mut one, &mut other] {
        object.remove("status");
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for name in
                ["managedFields", "resourceVersion", "generation", "selfLink", "uid", "creationTimestamp"]
            {
                metadata.remove(name);
            }
        }
    }
    one == other
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_other_tools_keep_their_fields() {
        let check = |manager: &str, expected| {
            let field = OwnedField { manager: manager.to_owned(), field: String::new() };
            assert_eq!(is_replaceable(&field), expected, "{manager}");
        };
        check("kubectl", true);
        check("kubectl-client-side-apply", true);
        check("kubectl.exe", true);
        check("devspace", true);
        check("helm", true);
        check("windlass", true);
        check("helm-controller", false);
        check("kubectlish", false);
        check("hpa", false);
    }

    #[test]
    fn changes_of_controllers_are_not_those_of_an_apply() {
        let object = |version: &str, a: u32, time: &str| {
            let entry = json!({ "manager": "windlass", "operation": "Apply", "time": time });
            json!({
                "metadata": { "resourceVersion": version, "managedFields": [entry] },
                "spec": { "a": a }, "status": { "v": version },
            })
        };
        let body = json!({ "spec": { "a": 1 } });
        assert!(is_unchanged(&body, &object("1", 1, "t"), &object("1", 1, "t")));
        assert!(is_unchanged(&body, &object("1", 1, "t"), &object("2", 1, "t")));
        assert!(!is_unchanged(&body, &object("1", 1, "t"), &object("2", 1, "u")));
        assert!(!is_unchanged(&body, &object("1", 0, "t"), &object("2", 1, "t")));
    }

    #[test]
    fn records_of_the_cluster_are_not_content() {
        let one = json!({ "metadata": { "name": "a", "resourceVersion": "1", "generation": 1 }, "spec": { "a": 1, "b": 2 } });
        let other = json!({ "spec": { "b": 2, "a": 1 }, "metadata": { "name": "a", "managedFields": [] }, "status": {} });
        assert!(has_same_content(&one, &other));
        let other = json!({ "metadata": { "name": "a", "labels": {} }, "spec": { "a": 1, "b": 2 } });
        assert!(!has_same_content(&one, &other));
    }
}
