mod others;
mod workloads;

use serde_json::{Value, json};

use super::fixture::*;
use crate::deploy::ready::{ClusterView, ReadyState, readiness};

/// Asserts the state, the reason and the number of ready pods.
#[track_caller]
pub fn check(object: &Value, state: ReadyState, reason: &str, count: Option<&str>) {
    check_among(object, &[], state, reason, count);
}

#[track_caller]
pub fn check_among(object: &Value, others: &[Value], state: ReadyState, reason: &str, count: Option<&str>) {
    let view = ClusterView::new(at(0), others.iter().chain([object]), []);
    let found = readiness(object, &view);
    let shown = found.count.map(|count| count.to_string());
    assert_eq!((found.state, found.reason.as_str(), shown.as_deref()), (state, reason, count), "{found:?}");
    assert!(!found.message.is_empty() || state == ReadyState::Failed, "{found:?}");
}

/// An object of `kind` with `spec` and `status`, whose last change its controller has seen.
pub fn seen(api_version: &str, kind: &str, spec: Value, status: Value) -> Value {
    let status = merged(json!({ "observedGeneration": 3 }), &status);
    let rest = json!({ "metadata": { "generation": 3 }, "spec": spec, "status": status });
    object(api_version, kind, "x", &rest)
}

pub fn conditions(kind: &str, status: &str, reason: &str) -> Value {
    json!({ "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "the message" }] })
}

#[test]
fn deletion_and_generation_precede_the_kind() {
    let current = seen("acme.io/v1", "Thing", json!({}), json!({}));
    check(&current, ReadyState::Current, "Current", None);
    let deleted =
        merged(current.clone(), &json!({ "metadata": { "deletionTimestamp": "2026-11-02T11:00:00Z" } }));
    check(&deleted, ReadyState::Terminating, "Terminating", None);
    let changed = merged(current.clone(), &json!({ "metadata": { "generation": 4 } }));
    check(&changed, ReadyState::InProgress, "LatestGenerationNotObserved", None);
    let changed = merged(deployment(&json!({})), &json!({ "metadata": { "generation": 3 } }));
    check(&changed, ReadyState::InProgress, "LatestGenerationNotObserved", Some("0 of 3 ready"));
    for (condition, status, state, reason) in [
        ("Reconciling", "True", ReadyState::InProgress, "Busy"),
        ("Stalled", "True", ReadyState::Failed, "Busy"),
        ("Stalled", "False", ReadyState::Current, "Current"),
        ("Ready", "True", ReadyState::Current, "Ready"),
        ("Ready", "False", ReadyState::InProgress, "NotReady"),
        ("Ready", "Unknown", ReadyState::InProgress, "NotReady"),
    ] {
        let thing = merged(current.clone(), &json!({ "status": conditions(condition, status, "Busy") }));
        check(&thing, state, reason, None);
    }
    check(&json!(null), ReadyState::Unknown, "NotAnObject", None);
    check(&json!({ "metadata": { "name": "x" } }), ReadyState::Unknown, "NotAnObject", None);
}
