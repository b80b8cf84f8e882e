//! Jobs, rollouts, StatefulSets and volumes.

use serde_json::{Value, json};

use crate::deploy::ready::Permanence::{Final, Temporary};
use crate::deploy::ready::tests::fixture::*;

fn job(annotations: &Value) -> Value {
    let rest = json!({
        "metadata": { "annotations": annotations },
        "spec": { "backoffLimit": 1 },
        "status": {
            "startTime": "2026-11-02T11:59:00Z", "failed": 2,
            "conditions": [{
                "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit",
            }],
        },
    });
    object("batch/v1", "Job", "migrate", &rest)
}

fn job_pod(name: &str, created: &str) -> Value {
    let state = json!({ "state": { "terminated": { "exitCode": 1, "reason": "Error" } } });
    merged(
        pod(name, "Job-migrate", "Failed", &state),
        &json!({ "metadata": { "creationTimestamp": created }, "spec": { "restartPolicy": "Never" } }),
    )
}

#[test]
fn failed_hooks_and_jobs() {
    let pods = [job_pod("migrate-b", "2026-11-02T11:59:20Z"), job_pod("migrate-a", "2026-11-02T11:59:10Z")];
    let problem = |job| Cluster::new([job].into_iter().chain(pods.clone())).problems().remove(0);
    let hook = problem(job(&json!({ "helm.sh/hook": "pre-upgrade" })));
    assert_eq!(hook.code(), "deploy::hook");
    assert_eq!(
        hook.message(),
        "Job/migrate (namespace dev) failed (a pre-upgrade hook), after exit code 1: Job has reached the specified backoff limit"
    );
    // The newest pod has the log.
    assert_eq!(hook.pod.as_deref(), Some("migrate-b"));
    assert_eq!(
        hook.help(),
        "correct the hook of the chart, or set `disableHooks: true`; `kubectl -n dev describe pod migrate-b`"
    );
    assert_eq!(hook.log.as_ref().map(|log| (log.container.as_str(), log.previous)), Some(("web", false)));
    assert_eq!(problem(job(&json!({}))).code(), "deploy::job");
}

#[test]
fn the_failure_of_a_job_is_more_important_than_that_of_its_pods() {
    let cluster = Cluster::new([job(&json!({})), job_pod("migrate-a", "2026-11-02T11:59:10Z")]);
    cluster.has(
        "deploy::job",
        Final,
        "Job/migrate (namespace dev) failed, after exit code 1: Job has reached the specified backoff limit",
        Some("-n dev migrate-a -c web"),
        "delete it before it is deployed again: `kubectl -n dev delete job migrate`; `kubectl -n dev describe pod migrate-a`",
    );
}

#[test]
fn attempts_of_a_running_job_are_temporary() {
    let running = merged(job(&json!({})), &json!({ "status": { "conditions": null } }));
    let cluster = Cluster::new([running, job_pod("migrate-a", "2026-11-02T11:59:10Z")]);
    cluster.has(
        "deploy::crash",
        Temporary,
        "container `web` of Job/migrate (namespace dev) failed with exit code 1",
        Some("-n dev migrate-a -c web"),
        "`kubectl -n dev describe pod migrate-a`",
    );
    let complete = merged(
        job(&json!({})),
        &json!({ "status": { "conditions": [{ "type": "Complete", "status": "True" }] } }),
    );
    assert_eq!(Cluster::new([complete, job_pod("migrate-a", "2026-11-02T11:59:10Z")]).problems(), []);
}

#[test]
fn exceeded_deadlines() {
    let slow = deployment(&json!({
        "readyReplicas": 2,
        "conditions": [{
            "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
            "message": "ReplicaSet \"web-7d9\" has timed out progressing.",
        }],
    }));
    let set = replica_set("web-7d9", "2", &json!({ "readyReplicas": 2 }));
    let creating = web_pod("Pending", &waiting("ContainerCreating", ""));
    Cluster::new([slow.clone(), set.clone(), creating]).has(
        "deploy::too_slow",
        Final,
        "Deployment/web (namespace dev) made no progress within its deadline: 2 of 3 ready (web-7d9-x2k: creating)",
        None,
        "raise `progressDeadlineSeconds` if it only needs more time; `kubectl -n dev describe deployment web`",
    );
    // The cause of the failure is more important.
    let crashing = web_pod("Running", &crash_loop(&json!({ "exitCode": 1 })));
    let problems = Cluster::new([slow, set, crashing]).problems();
    assert_eq!(
        problems.iter().map(|problem| problem.code()).collect::<Vec<_>>(),
        ["deploy::crash", "deploy::too_slow"]
    );
}

#[test]
fn stuck_stateful_sets() {
    let set = |policy: &str| {
        let rest = json!({
            "metadata": { "generation": 2 },
            "spec": { "replicas": 2, "podManagementPolicy": policy },
            "status": {
                "observedGeneration": 2, "replicas": 2, "readyReplicas": 1, "currentReplicas": 1,
                "currentRevision": "db-1", "updateRevision": "db-2",
            },
        });
        object("apps/v1", "StatefulSet", "db", &rest)
    };
    let old = merged(
        pod("db-1", "StatefulSet-db", "Pending", &waiting("ImagePullBackOff", "")),
        &json!({ "metadata": { "labels": { "controller-revision-hash": "db-1" } } }),
    );
    Cluster::new([set("OrderedReady"), old.clone()]).has(
        "deploy::stuck",
        Temporary,
        "pod `db-1` of StatefulSet/db (namespace dev) is without its image in the previous revision, and the cluster does not \
         replace it",
        None,
        "delete the pod: `kubectl -n dev delete pod db-1`; `kubectl -n dev describe pod db-1`",
    );
    assert_eq!(Cluster::new([set("Parallel"), old.clone()]).problems(), []);
    let new = merged(old, &json!({ "metadata": { "labels": { "controller-revision-hash": "db-2" } } }));
    assert_eq!(Cluster::new([set("OrderedReady"), new]).problems()[0].code(), "deploy::image_pull");
}

#[test]
fn pending_volumes() {
    let claim = object(
        "v1",
        "PersistentVolumeClaim",
        "data",
        &json!({ "spec": { "storageClassName": "fats" }, "status": { "phase": "Pending" } }),
    );
    Cluster::new([claim.clone()])
        .with_name("StorageClass", "fast")
        .with_event(event(&claim, "ProvisioningFailed", "storageclass.storage.k8s.io \"fats\" not found"))
        .has(
            "deploy::volume",
            Temporary,
            "PersistentVolumeClaim/data (namespace dev) has no volume (storage class `fats`): storageclass.storage.k8s.io \"fats\" not \
             found",
            None,
            "did you mean the storage class `fast`? (`kubectl -n dev describe persistentvolumeclaim data`)",
        );
    let pod = merged(
        web_pod("Pending", &json!({})),
        &json!({
            "spec": { "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }] },
            "status": { "conditions": null, "containerStatuses": null },
        }),
    );
    let mut cluster = Cluster::of_web(pod);
    cluster.objects.push(claim.clone());
    cluster.has(
        "deploy::volume",
        Temporary,
        "pod `web-7d9-x2k` of Deployment/web (namespace dev) has no volume for PersistentVolumeClaim/data (storage class `fats`): \
         none is available yet",
        None,
        "set an existing `storageClassName` (`kubectl get storageclass`); `kubectl -n dev describe persistentvolumeclaim data`",
    );
    let waits =
        event(&claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
    assert_eq!(Cluster::new([claim]).with_event(waits).problems(), []);
}

#[test]
fn failed_custom_resources() {
    let rest = json!({ "status": { "conditions": [{
        "type": "Stalled", "status": "True", "reason": "UpgradeFailed", "message": "chart not found",
    }] } });
    Cluster::new([object("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", &rest)]).has(
        "deploy::object_failed",
        Final,
        "HelmRelease/shop (namespace dev) failed (UpgradeFailed): chart not found",
        None,
        "`kubectl -n dev describe helmrelease shop`",
    );
}

#[test]
fn broken_pods_of_previous_revisions_are_ignored() {
    let crashing = pod("web-5c8-1", "ReplicaSet-web-5c8", "Running", &crash_loop(&json!({ "exitCode": 1 })));
    let old = replica_set("web-5c8", "1", &json!({}));
    let new = web_pod("Pending", &waiting("ContainerCreating", ""));
    let cluster =
        Cluster::new([deployment(&json!({})), replica_set("web-7d9", "2", &json!({})), new, old, crashing]);
    assert_eq!(cluster.problems(), []);
    // While its controller has not seen the last change, all pods are old.
    let pod = web_pod("Running", &crash_loop(&json!({ "exitCode": 1 })));
    let mut cluster = Cluster::of_web(pod);
    cluster.objects[0]["metadata"]["generation"] = json!(3);
    assert_eq!(cluster.problems(), []);
}

#[test]
fn ready_and_terminating_objects_have_no_problems() {
    let ready = deployment(&json!({
        "readyReplicas": 3, "availableReplicas": 3, "unavailableReplicas": 0,
        "conditions": [
            { "type": "Available", "status": "True" },
            { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
        ],
    }));
    let set = replica_set("web-7d9", "2", &json!({}));
    let crashing = web_pod("Running", &crash_loop(&json!({ "exitCode": 1 })));
    assert_eq!(Cluster::new([ready, set.clone(), crashing.clone()]).problems(), []);
    let deleted = merged(
        deployment(&json!({})),
        &json!({ "metadata": { "deletionTimestamp": "2026-11-02T12:00:00Z" } }),
    );
    assert_eq!(Cluster::new([deleted, set, crashing]).problems(), []);
}
