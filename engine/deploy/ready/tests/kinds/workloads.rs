use serde_json::{Value, json};

use super::*;
use crate::deploy::ready::ReadyState;

#[test]
fn deployments() {
    let ready = json!({
        "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "conditions": [
            { "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable" },
            { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
        ],
    });
    for (change, state, reason, count) in [
        (json!({}), ReadyState::Current, "Available", "3 of 3 ready"),
        (json!({ "replicas": 1 }), ReadyState::InProgress, "LessReplicas", "3 of 3 ready"),
        (json!({ "updatedReplicas": 2 }), ReadyState::InProgress, "LessUpdated", "2 of 3 ready"),
        (json!({ "replicas": 4 }), ReadyState::InProgress, "ExtraPods", "3 of 3 ready"),
        (json!({ "availableReplicas": 2 }), ReadyState::InProgress, "LessAvailable", "3 of 3 ready"),
        (json!({ "readyReplicas": 1 }), ReadyState::InProgress, "LessReady", "1 of 3 ready"),
        (
            conditions("Progressing", "False", "ProgressDeadlineExceeded"),
            ReadyState::Failed,
            "ProgressDeadlineExceeded",
            "3 of 3 ready",
        ),
        (
            conditions("Progressing", "True", "ReplicaSetUpdated"),
            ReadyState::InProgress,
            "ReplicaSetNotAvailable",
            "3 of 3 ready",
        ),
        (
            conditions("Progressing", "True", "NewReplicaSetAvailable"),
            ReadyState::InProgress,
            "DeploymentNotAvailable",
            "3 of 3 ready",
        ),
    ] {
        check(&deployment(&merged(ready.clone(), &change)), state, reason, Some(count));
    }
    // Without a deadline, its controller does not report the progress.
    let available = merged(ready.clone(), &conditions("Available", "True", "MinimumReplicasAvailable"));
    for deadline in [json!(null), json!(i32::MAX)] {
        let deployment =
            merged(deployment(&available), &json!({ "spec": { "progressDeadlineSeconds": deadline } }));
        check(&deployment, ReadyState::Current, "Available", Some("3 of 3 ready"));
    }
    let none = merged(
        deployment(&json!({ "replicas": 0, "updatedReplicas": 0 })),
        &json!({ "spec": { "replicas": 0 } }),
    );
    check(&none, ReadyState::InProgress, "ReplicaSetNotAvailable", Some("0 of 0 ready"));
}

#[test]
fn only_pods_of_the_current_revision_are_counted_as_ready() {
    let updating = deployment(
        &json!({ "replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3 }),
    );
    check(&updating, ReadyState::InProgress, "LessUpdated", Some("1 of 3 ready"));
    let sets = [
        replica_set("web-5c8", "1", &json!({ "readyReplicas": 3 })),
        replica_set("web-7d9", "2", &json!({ "replicas": 1, "readyReplicas": 0 })),
    ];
    check_among(&updating, &sets, ReadyState::InProgress, "LessUpdated", Some("0 of 3 ready"));
}

#[test]
fn replica_sets() {
    let status = |ready: i64, available: i64, labelled: i64| json!({ "replicas": 2, "readyReplicas": ready, "availableReplicas": available, "fullyLabeledReplicas": labelled });
    for kind in [("apps/v1", "ReplicaSet"), ("v1", "ReplicationController")] {
        let set = |status: Value| seen(kind.0, kind.1, json!({ "replicas": 2 }), status);
        check(&set(status(2, 2, 2)), ReadyState::Current, "Available", Some("2 of 2 ready"));
        check(&set(status(1, 1, 1)), ReadyState::InProgress, "LessLabelled", Some("1 of 2 ready"));
        check(&set(status(2, 1, 2)), ReadyState::InProgress, "LessAvailable", Some("2 of 2 ready"));
        check(&set(status(1, 2, 2)), ReadyState::InProgress, "LessReady", Some("1 of 2 ready"));
        let extra = merged(status(2, 2, 2), &json!({ "replicas": 3 }));
        check(&set(extra), ReadyState::InProgress, "ExtraPods", Some("2 of 2 ready"));
        let failure = merged(status(0, 0, 0), &conditions("ReplicaFailure", "True", "FailedCreate"));
        check(&set(failure), ReadyState::InProgress, "ReplicaFailure", Some("0 of 2 ready"));
    }
}

#[test]
fn stateful_sets() {
    let ready = json!({
        "replicas": 3, "readyReplicas": 3, "currentReplicas": 3, "updatedReplicas": 3,
        "currentRevision": "db-2", "updateRevision": "db-2",
    });
    let set = |spec: Value, change: Value| {
        seen(
            "apps/v1",
            "StatefulSet",
            merged(json!({ "replicas": 3 }), &spec),
            merged(ready.clone(), &change),
        )
    };
    let old = json!({ "updateRevision": "db-3", "updatedReplicas": 1, "currentReplicas": 2 });
    for (spec, change, state, reason, count) in [
        (json!({}), json!({}), ReadyState::Current, "Available", "3 of 3 ready"),
        (
            json!({}),
            json!({ "replicas": 1, "readyReplicas": 1 }),
            ReadyState::InProgress,
            "LessReplicas",
            "1 of 3 ready",
        ),
        (json!({}), json!({ "readyReplicas": 2 }), ReadyState::InProgress, "LessReady", "2 of 3 ready"),
        (json!({}), json!({ "replicas": 4 }), ReadyState::InProgress, "ExtraPods", "3 of 3 ready"),
        (json!({}), json!({ "currentReplicas": 2 }), ReadyState::InProgress, "LessCurrent", "3 of 3 ready"),
        (json!({}), old.clone(), ReadyState::InProgress, "RevisionMismatch", "1 of 3 ready"),
        (
            json!({ "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } } }),
            old.clone(),
            ReadyState::InProgress,
            "RevisionMismatch",
            "1 of 3 ready",
        ),
        (
            json!({ "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } } }),
            old.clone(),
            ReadyState::Current,
            "PartitionRollout",
            "3 of 3 ready",
        ),
        (
            json!({ "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } } }),
            old.clone(),
            ReadyState::InProgress,
            "PartitionRollout",
            "3 of 3 ready",
        ),
        (
            json!({ "updateStrategy": { "type": "OnDelete" } }),
            json!({ "readyReplicas": 1 }),
            ReadyState::Current,
            "OnDelete",
            "1 of 3 ready",
        ),
    ] {
        check(&set(spec, change), state, reason, Some(count));
    }
}

#[test]
fn daemon_sets() {
    let ready = json!({
        "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2,
        "numberAvailable": 2,
    });
    let set = |change: Value| seen("apps/v1", "DaemonSet", json!({}), merged(ready.clone(), &change));
    for (change, state, reason, count) in [
        (json!({}), ReadyState::Current, "Available", Some("2 of 2 ready")),
        (json!({ "currentNumberScheduled": 1 }), ReadyState::InProgress, "LessCurrent", Some("2 of 2 ready")),
        (json!({ "updatedNumberScheduled": 1 }), ReadyState::InProgress, "LessUpdated", Some("1 of 2 ready")),
        (json!({ "numberAvailable": 1 }), ReadyState::InProgress, "LessAvailable", Some("2 of 2 ready")),
        (json!({ "numberReady": 1 }), ReadyState::InProgress, "LessReady", Some("1 of 2 ready")),
        (json!({ "desiredNumberScheduled": null }), ReadyState::InProgress, "NoDesiredNumber", None),
        (json!({ "observedGeneration": null }), ReadyState::InProgress, "NoObservedGeneration", None),
    ] {
        check(&set(change), state, reason, count);
    }
    let by_user = merged(
        set(json!({ "updatedNumberScheduled": 0 })),
        &json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }),
    );
    check(&by_user, ReadyState::Current, "Available", Some("2 of 2 ready"));
}
