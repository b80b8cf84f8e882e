//! Errors from the status with which the API server rejects a request.

use kube::core::Status;
use kube::core::response::StatusCause;

use super::super::access::refusal;
use super::super::{ClusterContext, missing_right};
use super::admission::admission;
use super::field_problem::{FieldProblem, OwnedField};
use super::go_text::{without_structures, without_value};
use super::schema_problems::{strict, typed_patch};
use super::{ApplyError, ObjectKey};

/// The start of the message for fields that are unknown or of a wrong type.
const TYPED_PATCH: &str = "failed to create typed patch object";

/// The same from servers that validate fields.
const STRICT: &str = "strict decoding error: ";

/// The error for `status`; `doing` describes the operation, which concerns the object `key`.
pub(super) fn apply_error(
    status: Status,
    doing: &str,
    key: Option<&ObjectKey>,
    context: &ClusterContext,
) -> ApplyError {
    let doing = doing.to_owned();
    let is_secret = key.is_some_and(|key| key.kind == "Secret" && key.group().is_empty());
    let message = status.message.as_str();
    let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
    if let Some(text) = message.find(TYPED_PATCH).map(|at| &message[at + TYPED_PATCH.len()..]) {
        return ApplyError::Schema { doing, fields: typed_patch(text) };
    }
    if let Some((_, text)) = message.split_once(STRICT) {
        return ApplyError::Schema { doing, fields: strict(text) };
    }
    if message.contains("illegal base64 data") {
        let message = "a value is not base64; `stringData` takes plain text".to_owned();
        return ApplyError::Invalid {
            doing,
            fields: vec![FieldProblem { field: "data".to_owned(), message }],
        };
    }
    if let Some(error) = admission(message, &doing) {
        return error;
    }
    match status.code {
        403 => forbidden(&status, doing, key),
        404 => {
            let details = status.details.as_ref().filter(|details| details.kind == "namespaces");
            match details.map(|details| details.name.clone()) {
                Some(namespace) => ApplyError::NamespaceMissing { doing, namespace },
                None => refusal(status, &doing, context).into(),
            }
        }
        409 => {
            let fields: Vec<_> = causes.iter().filter_map(conflict).collect();
            match fields.is_empty() {
                true => ApplyError::Changed { doing, reason: message.to_owned() },
                false => ApplyError::FieldConflict { doing, fields },
            }
        }
        413 => ApplyError::TooLarge { doing, reason: message.to_owned() },
        422 => invalid(causes, message, doing, key, is_secret),
        429 | 503 | 504 => ApplyError::Overloaded { doing, reason: message.to_owned() },
        500 if message.ends_with("request is too large") => {
            ApplyError::TooLarge { doing, reason: message.to_owned() }
        }
        401 => refusal(status, &doing, context).into(),
        _ => ApplyError::Refused { doing, reason: without_structures(message) },
    }
}

fn forbidden(status: &Status, doing: String, key: Option<&ObjectKey>) -> ApplyError {
    let message = status.message.as_str();
    let causes = status.details.iter().flat_map(|details| &details.causes);
    if causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating") {
        let namespace = key.and_then(|key| key.namespace.clone()).unwrap_or_default();
        return ApplyError::NamespaceTerminating { doing, namespace, remaining: String::new() };
    }
    if let Some((_, quota)) = message.split_once("exceeded quota: ") {
        return ApplyError::Quota { doing, quota: quota.to_owned() };
    }
    match missing_right(message) {
        Some((verb, resource)) => {
            let scope = message.split_once("in the namespace \"").and_then(|(_, rest)| rest.split_once('"'));
            let scope = scope.map(|(namespace, _)| format!(" -n {namespace}")).unwrap_or_default();
            ApplyError::Forbidden { doing, user: user(message), verb, resource, scope }
        }
        None => ApplyError::Refused { doing, reason: without_structures(message) },
    }
}

/// The user in `User "ann" cannot ...`, as a phrase.
pub(super) fn user(message: &str) -> String {
    let name = message.split_once("User \"").and_then(|(_, rest)| rest.split_once('"'));
    name.map_or_else(|| "the user".to_owned(), |(name, _)| format!("the user `{name}`"))
}

fn invalid(
    causes: &[StatusCause],
    message: &str,
    doing: String,
    key: Option<&ObjectKey>,
    is_secret: bool,
) -> ApplyError {
    let text = |message: &str| if is_secret { without_value(message) } else { without_structures(message) };
    let mut fields: Vec<_> = causes
        .iter()
        .map(|cause| FieldProblem { field: field_of(cause), message: text(&cause.message) })
        .collect();
    if fields.is_empty() {
        fields.push(FieldProblem { field: String::new(), message: text(message) });
    }
    // A client-side apply adds the manifest as an annotation, which is limited as well.
    if let Some(field) = fields.iter().find(|field| field.message.contains("must have at most")) {
        return ApplyError::TooLarge { doing, reason: field.to_string() };
    }
    let is_immutable = |field: &FieldProblem| {
        field.message.contains("immutable")
            || field.message.contains("updates to statefulset spec for fields other than")
    };
    match key {
        Some(key) if fields.iter().any(is_immutable) => {
            fields.retain(is_immutable);
            let object = format!("{}/{}", key.kind, key.name);
            ApplyError::Immutable { doing, object, fields }
        }
        _ => ApplyError::Invalid { doing, fields },
    }
}

/// The field of `cause`; empty for the whole object, which the API server calls `[]`.
fn field_of(cause: &StatusCause) -> String {
    if cause.field == "[]" { String::new() } else { cause.field.clone() }
}

/// The owner of a field, from `conflict with "hpa" with subresource "scale" using apps/v1`.
fn conflict(cause: &StatusCause) -> Option<OwnedField> {
    if cause.reason != "FieldManagerConflict" {
        return None;
    }
    let manager = cause.message.split_once("conflict with \"").and_then(|(_, rest)| rest.split_once('"'));
    Some(OwnedField {
        manager: manager.map_or_else(|| cause.message.clone(), |(manager, _)| manager.to_owned()),
        field: cause.field.trim_start_matches('.').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(status: Value, expected: &str) {
        check_of("apps/v1", "Deployment", status, expected);
    }

    #[track_caller]
    fn check_of(api_version: &str, kind: &str, status: Value, expected: &str) {
        let key = ObjectKey {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some("dev".to_owned()),
            name: "web".to_owned(),
        };
        let context = ClusterContext {
            name: "c".to_owned(),
            cluster: "c".to_owned(),
            namespace: "dev".to_owned(),
            server: "https://localhost".to_owned(),
            provider: None,
        };
        let status: Status = serde_json::from_value(status).expect("a status");
        let error = apply_error(status, &format!("apply {key}"), Some(&key), &context);
        let help = miette::Diagnostic::help(&error).map(|help| format!("\n{help}")).unwrap_or_default();
        let code = miette::Diagnostic::code(&error).expect("a code").to_string();
        assert_eq!(format!("{code}: {error}{help}"), expected);
    }

    #[test]
    fn unknown_fields_are_named() {
        let message = "failed to create typed patch object: errors:\n  .spec.replicas: expected numeric (int or float), \
                       got *value.valueUnstructured\n  .spec.replica: field not declared in schema";
        check(
            json!({ "message": message, "code": 500 }),
            "deploy::schema: cannot apply Deployment/web (namespace dev): spec.replicas: expected numeric (int or \
             float), got another type; spec.replica: unknown field\n\
             correct the manifest (`kubectl explain` lists the fields of a kind)",
        );
        let newer = "failed to create typed patch object (dev/web; apps/v1, Kind=Deployment): .spec.replica: field not \
                     declared in schema";
        check(
            json!({ "message": newer, "code": 500 }),
            "deploy::schema: cannot apply Deployment/web (namespace dev): spec.replica: unknown field\n\
             correct the manifest (`kubectl explain` lists the fields of a kind)",
        );
        let strict = r#"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.a", unknown field "spec.b""#;
        check(
            json!({ "message": strict, "code": 400, "reason": "BadRequest" }),
            "deploy::schema: cannot apply Deployment/web (namespace dev): spec.a: unknown field; spec.b: unknown \
             field\ncorrect the manifest (`kubectl explain` lists the fields of a kind)",
        );
    }

    #[test]
    fn invalid_values_are_named_without_secrets() {
        let status = |message: &str, field: &str| {
            let causes = json!([{ "reason": "FieldValueInvalid", "message": message, "field": field }]);
            json!({ "message": "m", "reason": "Invalid", "code": 422, "details": { "causes": causes } })
        };
        check(
            status("Invalid value: -1: must be greater than or equal to 0", "spec.replicas"),
            "deploy::invalid: cannot apply Deployment/web (namespace dev): spec.replicas: Invalid value: -1: must be \
             greater than or equal to 0\ncorrect the manifest",
        );
        check_of(
            "v1",
            "Secret",
            status("Invalid value: \"pw\": is wrong", "data[a]"),
            "deploy::invalid: cannot apply Secret/web (namespace dev): data[a]: is wrong\ncorrect the manifest",
        );
        check_of(
            "v1",
            "Secret",
            json!({ "message": "failed to convert: unable to decode: illegal base64 data at input byte 7", "code": 500 }),
            "deploy::invalid: cannot apply Secret/web (namespace dev): data: a value is not base64; `stringData` takes plain \
             text\ncorrect the manifest",
        );
        check(
            status("Too long: must have at most 1048576 bytes", "[]"),
            "deploy::too_large: cannot apply Deployment/web (namespace dev): it is too large (Too long: must have at most \
             1048576 bytes)\nsplit it: the cluster limits an object to about 1 MiB",
        );
        check(
            status("Invalid value: core.PodTemplateSpec{A:\"b\"}: field is immutable", "spec.template"),
            "deploy::immutable: cannot apply Deployment/web (namespace dev): spec.template: field is immutable\nrevert \
             the change, or delete and create the object: `--recreate Deployment/web`",
        );
        check(
            status("Too long: must have at most 262144 bytes", "metadata.annotations"),
            "deploy::too_large: cannot apply Deployment/web (namespace dev): it is too large (metadata.annotations: Too \
             long: must have at most 262144 bytes)\nsplit it: the cluster limits an object to about 1 MiB",
        );
    }

    #[test]
    fn conflicts_name_the_owner() {
        let cause = json!({
            "reason": "FieldManagerConflict", "field": ".spec.replicas",
            "message": "conflict with \"hpa\" with subresource \"scale\" using apps/v1",
        });
        check(
            json!({ "message": "m", "reason": "Conflict", "code": 409, "details": { "causes": [cause] } }),
            "deploy::field_conflict: cannot apply Deployment/web (namespace dev): `hpa` owns `spec.replicas`\nremove the \
             field from the manifest, so that its owner keeps it, or remove it from the owner",
        );
    }

    #[test]
    fn refusals_are_distinguished() {
        let denied = r#"pods "a" is forbidden: User "ann" cannot patch resource "pods" in API group "" in the namespace "dev""#;
        check(
            json!({ "message": denied, "reason": "Forbidden", "code": 403 }),
            "cluster::forbidden: cannot apply Deployment/web (namespace dev): the user `ann` lacks the permission to \
             `patch` `pods`\nget permission to `patch` `pods` (check: `kubectl auth can-i patch pods -n dev`)",
        );
        let quota =
            "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0";
        check(
            json!({ "message": quota, "reason": "Forbidden", "code": 403 }),
            "deploy::quota: cannot apply Deployment/web (namespace dev): exceeded quota q, requested: pods=1, used: \
             pods=0, limited: pods=0\nlower what the manifest requests, or ask a cluster admin for a higher quota",
        );
        let webhook = "admission webhook \"w.acme.io\" denied the request: no `latest` tags";
        check(
            json!({ "message": webhook, "code": 400 }),
            "deploy::denied: cannot apply Deployment/web (namespace dev): the admission webhook `w.acme.io` denied it: no \
             `latest` tags\nchange the manifest as the admission webhook `w.acme.io` requires, or ask a cluster admin \
             about it",
        );
        let down = "Internal error occurred: failed calling webhook \"w.acme.io\": Post \
                    \"https://guard.ops.svc:443/?timeout=5s\": service \"guard\" not found";
        check(
            json!({ "message": down, "reason": "InternalError", "code": 500 }),
            "deploy::webhook: cannot apply Deployment/web (namespace dev): admission webhook `w.acme.io` failed: Post \
             \"https://guard.ops.svc:443/?timeout=5s\": service \"guard\" not found\ncheck the service `guard` in the \
             namespace `ops`, or ask a cluster admin about the webhook",
        );
    }
}
