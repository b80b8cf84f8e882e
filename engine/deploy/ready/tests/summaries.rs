use serde_json::{Value, json};

use super::fixture::*;
use crate::deploy::ready::Summary;

/// Asserts the short and the plain line of the first object.
#[track_caller]
fn check(cluster: &Cluster, short: &str, plain: &str) {
    let summary = Summary::new(&cluster.objects[0], &cluster.view());
    assert_eq!((summary.to_string().as_str(), summary.plain().as_str()), (short, plain));
}

fn web(name: &str, phase: &str, container: &Value) -> Value {
    pod(name, "ReplicaSet-web-7d9", phase, container)
}

#[test]
fn workloads_list_the_states_of_their_pods() {
    let ready = merged(
        web("web-7d9-a", "Running", &json!({ "ready": true, "state": { "running": {} } })),
        &json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } }),
    );
    let pulling = web("web-7d9-b", "Pending", &waiting("ContainerCreating", ""));
    let crashing = web("web-7d9-c", "Running", &crash_loop(&json!({ "exitCode": 1 })));
    let set = replica_set("web-7d9", "2", &json!({ "readyReplicas": 1 }));
    let pull = container_event(&pulling, "Pulling", "Pulling image \"ghcr.io/shop/web:1.4\"");
    let cluster = Cluster::new([deployment(&json!({ "readyReplicas": 1 })), set, ready, pulling, crashing]);
    check(
        &cluster,
        "web 1/3 ready, 1 creating, 1 crashing",
        "Deployment/web (namespace dev): 1 of 3 ready, 1 creating (web-7d9-b), 1 crashing (web-7d9-c)",
    );
    check(
        &cluster.with_event(pull),
        "web 1/3 ready, 1 pulling, 1 crashing",
        "Deployment/web (namespace dev): 1 of 3 ready, 1 pulling (web-7d9-b), 1 crashing (web-7d9-c)",
    );
}

#[test]
fn phases_of_pods() {
    let unscheduled = json!({ "status": { "containerStatuses": null, "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
    }] } });
    let new = json!({ "status": { "containerStatuses": null, "conditions": null } });
    let initializing =
        json!({ "status": { "initContainerStatuses": [{ "name": "i", "state": { "running": {} } }] } });
    let deleted = json!({ "metadata": { "deletionTimestamp": "2026-11-02T12:00:00Z" } });
    for (pod, phase) in [
        (merged(web_pod("Pending", &json!({})), &new), "pending"),
        (merged(web_pod("Pending", &json!({})), &unscheduled), "unschedulable"),
        (merged(web_pod("Pending", &waiting("PodInitializing", "")), &initializing), "initializing"),
        (web_pod("Running", &json!({ "state": { "running": {} } })), "starting"),
        (web_pod("Pending", &waiting("ErrImagePull", "")), "not pulled"),
        (web_pod("Pending", &waiting("CreateContainerConfigError", "")), "misconfigured"),
    ] {
        let short = format!("web 0/3 ready, 1 {phase}");
        let plain = format!("Deployment/web (namespace dev): 0 of 3 ready, 1 {phase} (web-7d9-x2k)");
        check(&Cluster::of_web(pod), &short, &plain);
    }
    // A pod that is being deleted is replaced.
    let pod = merged(web_pod("Running", &json!({})), &deleted);
    check(
        &Cluster::of_web(pod),
        "web 0/3 ready",
        "Deployment/web (namespace dev): 0 of 3 ready, 0 of 3 pods available",
    );
    let unavailable = deployment(&json!({ "readyReplicas": 3, "availableReplicas": 2 }));
    check(
        &Cluster::new([unavailable]),
        "web 3/3 ready, 2 of 3 pods available",
        "Deployment/web (namespace dev): 3 of 3 ready, 2 of 3 pods available",
    );
}

#[test]
fn other_objects_have_a_state() {
    let object = |api_version, kind, rest| Cluster::new([object(api_version, kind, "x", &rest)]);
    check(&object("v1", "ConfigMap", json!({})), "x ready", "ConfigMap/x (namespace dev): ready");
    check(
        &object("v1", "PersistentVolumeClaim", json!({ "status": { "phase": "Pending" } })),
        "x waiting for a volume",
        "PersistentVolumeClaim/x (namespace dev): waiting for a volume",
    );
    check(
        &object("batch/v1", "Job", json!({ "status": { "startTime": "2026-11-02T12:00:00Z" } })),
        "x 0/1 completed",
        "Job/x (namespace dev): 0 of 1 completed",
    );
    let cluster_wide = json!({ "metadata": { "namespace": null } });
    check(&object("v1", "Namespace", cluster_wide), "x ready", "Namespace/x: ready");
    check(
        &Cluster::new([web_pod("Pending", &waiting("ContainerCreating", ""))]),
        "web-7d9-x2k creating",
        "Pod/web-7d9-x2k (namespace dev): creating",
    );
}
