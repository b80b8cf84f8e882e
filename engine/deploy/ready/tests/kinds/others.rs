use serde_json::{Value, json};

use super::*;
use crate::deploy::ready::{ClusterView, ReadyState, readiness};

#[test]
fn jobs() {
    let job = |status: Value| {
        object("batch/v1", "Job", "migrate", &json!({ "spec": { "completions": 2 }, "status": status }))
    };
    let started = json!({ "startTime": "2026-11-02T12:00:00Z", "active": 1, "succeeded": 1 });
    check(&job(json!({})), ReadyState::InProgress, "JobNotStarted", Some("0 of 2 ready"));
    check(&job(started.clone()), ReadyState::Current, "Started", Some("1 of 2 ready"));
    check(
        &job(conditions("Suspended", "True", "JobSuspended")),
        ReadyState::Current,
        "Suspended",
        Some("0 of 2 ready"),
    );
    check(&job(conditions("Complete", "True", "")), ReadyState::Current, "Complete", Some("0 of 2 ready"));
    let owner = json!({ "metadata": { "uid": "j" } });
    for (phase, state, reason) in
        [("Pending", ReadyState::InProgress, "PodsPending"), ("Running", ReadyState::Current, "Started")]
    {
        let pod = pod("migrate-a", "j", phase, &json!({}));
        check_among(&merged(job(started.clone()), &owner), &[pod], state, reason, Some("1 of 2 ready"));
    }
    let failed = merged(started, &conditions("Failed", "True", "BackoffLimitExceeded"));
    check(&job(failed), ReadyState::Failed, "JobFailed", Some("1 of 2 ready"));
    check(
        &object("batch/v1", "CronJob", "x", &json!({ "status": {} })),
        ReadyState::Current,
        "Current",
        None,
    );
}

#[test]
fn pods() {
    check(&object("v1", "Pod", "x", &json!({})), ReadyState::InProgress, "PodNotObserved", None);
    check(&web_pod("Pending", &waiting("ContainerCreating", "")), ReadyState::InProgress, "PodPending", None);
    check(&web_pod("Succeeded", &json!({})), ReadyState::Current, "Succeeded", None);
    check(&web_pod("Unknown", &json!({})), ReadyState::Unknown, "UnknownPhase", None);
    let evicted = merged(web_pod("Failed", &json!({})), &json!({ "status": { "reason": "Evicted" } }));
    check(&evicted, ReadyState::Failed, "Evicted", None);
    let running = web_pod("Running", &json!({ "state": { "running": {} } }));
    check(&running, ReadyState::InProgress, "PodRunningNotReady", None);
    let ready = merged(running, &json!({ "status": conditions("Ready", "True", "") }));
    check(&ready, ReadyState::Current, "Ready", None);
    check(
        &web_pod("Running", &crash_loop(&json!({ "exitCode": 1 }))),
        ReadyState::Failed,
        "ContainerCrashLooping",
        None,
    );
    let unscheduled = merged(
        object("v1", "Pod", "x", &json!({ "status": { "phase": "Pending" } })),
        &json!({ "status": conditions("PodScheduled", "False", "Unschedulable") }),
    );
    check(&unscheduled, ReadyState::Failed, "PodUnschedulable", None);
    let young = merged(unscheduled, &json!({ "metadata": { "creationTimestamp": "2026-11-02T11:59:50Z" } }));
    check(&young, ReadyState::InProgress, "PodNotScheduled", None);
}

#[test]
fn volume_claims() {
    let claim = |phase: &str, class: Value| {
        let rest = json!({ "spec": { "storageClassName": class }, "status": { "phase": phase } });
        object("v1", "PersistentVolumeClaim", "data", &rest)
    };
    let class = |name: &str, mode: &str, default: &str| {
        let rest = json!({
            "metadata": { "namespace": null, "annotations": { "storageclass.kubernetes.io/is-default-class": default } },
            "volumeBindingMode": mode,
        });
        object("storage.k8s.io/v1", "StorageClass", name, &rest)
    };
    let classes = [class("fast", "Immediate", "false"), class("local", "WaitForFirstConsumer", "true")];
    check(&claim("Bound", json!("fast")), ReadyState::Current, "Bound", None);
    check(&claim("Lost", json!("fast")), ReadyState::Failed, "Lost", None);
    check(&claim("Pending", json!("local")), ReadyState::InProgress, "NotBound", None);
    check_among(&claim("Pending", json!("fast")), &classes, ReadyState::InProgress, "NotBound", None);
    check_among(
        &claim("Pending", json!("local")),
        &classes,
        ReadyState::Current,
        "WaitForFirstConsumer",
        None,
    );
    check_among(&claim("Pending", json!(null)), &classes, ReadyState::Current, "WaitForFirstConsumer", None);
    let used = merged(
        claim("Pending", json!("local")),
        &json!({ "metadata": { "annotations": { "volume.kubernetes.io/selected-node": "n1" } } }),
    );
    check_among(&used, &classes, ReadyState::InProgress, "NotBound", None);
    // Without permission to read storage classes, the event reveals it.
    let claim = claim("Pending", json!("local"));
    let event =
        event(&claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
    let view = ClusterView::new(at(0), [&claim], [&event]);
    assert_eq!(readiness(&claim, &view).reason, "WaitForFirstConsumer");
}

#[test]
fn other_kinds() {
    let service = |spec: Value| object("v1", "Service", "x", &json!({ "spec": spec }));
    check(&service(json!({ "type": "ClusterIP" })), ReadyState::Current, "Current", None);
    check(&service(json!({ "type": "LoadBalancer" })), ReadyState::InProgress, "NoIPAssigned", None);
    check(
        &service(json!({ "type": "LoadBalancer", "clusterIP": "10.0.0.7" })),
        ReadyState::Current,
        "Current",
        None,
    );
    check(
        &seen("policy/v1", "PodDisruptionBudget", json!({}), json!({})),
        ReadyState::Current,
        "Current",
        None,
    );
    // A Service of Knative is another kind.
    let knative =
        seen("serving.knative.dev/v1", "Service", json!({}), conditions("Ready", "False", "NoTraffic"));
    check(&knative, ReadyState::InProgress, "NotReady", None);
    let definition = |status: Value| {
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "things.acme.io",
            &json!({ "status": status }),
        )
    };
    check(&definition(json!({})), ReadyState::InProgress, "Installing", None);
    check(
        &definition(conditions("Established", "False", "Installing")),
        ReadyState::InProgress,
        "Installing",
        None,
    );
    check(
        &definition(conditions("Established", "False", "NotAccepted")),
        ReadyState::Failed,
        "NotAccepted",
        None,
    );
    check(
        &definition(conditions("Established", "True", "InitialNamesAccepted")),
        ReadyState::Current,
        "Established",
        None,
    );
    check(
        &definition(conditions("NamesAccepted", "False", "PluralConflict")),
        ReadyState::Failed,
        "PluralConflict",
        None,
    );
}
