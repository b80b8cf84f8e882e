//! Pods that are not created, not scheduled, or cannot mount their volumes.

use serde_json::{Value, json};

use crate::deploy::ready::Permanence::{Repeated, Temporary};
use crate::deploy::ready::tests::fixture::*;

const POD: &str = "pod `web-7d9-x2k` of Deployment/web (namespace dev)";
const INSPECT: &str = "`kubectl -n dev describe pod web-7d9-x2k`";

/// A pod without a node.
fn unscheduled(message: &str) -> Value {
    merged(
        web_pod("Pending", &json!({})),
        &json!({
            "spec": { "nodeName": null },
            "status": {
                "containerStatuses": null,
                "conditions": [{
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                    "lastTransitionTime": "2026-11-02T11:59:30Z",
                }],
            },
        }),
    )
}

#[test]
fn rejected_pods() {
    let cases = [
        (
            "exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=1Gi, limited: limits.memory=1536Mi",
            "lower `resources` or `replicas`, or raise the quota (`kubectl -n dev describe quota`)",
        ),
        (
            "failed quota: compute: must specify limits.cpu for: web; limits.memory for: web",
            "set `resources.requests` and `resources.limits` of each container",
        ),
        (
            "maximum memory usage per Container is 512Mi, but limit is 1Gi",
            "change `resources` to fit the limit range (`kubectl -n dev describe limitrange`)",
        ),
        (
            "error looking up service account dev/robot: serviceaccount \"robot\" not found",
            "create the service account, or correct `serviceAccountName`",
        ),
        (
            "violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"web\" must set \
             securityContext.allowPrivilegeEscalation=false)",
            "change the `securityContext` of the pod, or use another namespace",
        ),
        (
            "admission webhook \"policy.acme.io\" denied the request: images must come from ghcr.io",
            "change the pod as the webhook requires",
        ),
        (
            "no PriorityClass with name high was found",
            "correct `priorityClassName` of the pod (`kubectl get priorityclass`)",
        ),
    ];
    for (reported, help) in cases {
        let condition = json!({ "conditions": [{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
            "message": format!("pods \"web-7d9-\" is forbidden: {reported}"),
        }] });
        let set = replica_set("web-7d9", "2", &condition);
        let cluster = Cluster::new([deployment(&json!({})), set]);
        cluster.has(
            "deploy::pods_rejected",
            Repeated,
            &format!("Deployment/web (namespace dev) cannot create pods: {reported}"),
            None,
            &format!("{help}; `kubectl -n dev describe deployment web`"),
        );
    }
}

#[test]
fn a_rejected_replica_set() {
    let reported = "Failed to create new replica set \"web-7d9\": replicasets.apps \"web-7d9\" is forbidden: exceeded quota: count";
    let deployment = deployment(&json!({ "conditions": [{
        "type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError", "message": reported,
    }] }));
    Cluster::new([deployment]).has(
        "deploy::pods_rejected",
        Repeated,
        &format!("Deployment/web (namespace dev) cannot create pods: {reported}"),
        None,
        "lower `resources` or `replicas`, or raise the quota (`kubectl -n dev describe quota`); `kubectl -n dev describe \
         deployment web`",
    );
}

#[test]
fn rejected_pods_of_other_kinds_are_in_events() {
    let rest = json!({
        "metadata": { "generation": 1 },
        "spec": { "replicas": 1 },
        "status": { "observedGeneration": 1, "replicas": 0 },
    });
    let set = object("apps/v1", "StatefulSet", "db", &rest);
    let reported = "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: exceeded quota: pods, requested: \
                pods=1, used: pods=5, limited: pods=5";
    let failed = event(&set, "FailedCreate", reported);
    Cluster::new([set.clone()]).with_event(failed.clone()).has(
        "deploy::pods_rejected",
        Repeated,
        "StatefulSet/db (namespace dev) cannot create pods: exceeded quota: pods, requested: pods=1, used: pods=5, limited: \
         pods=5",
        None,
        "lower `resources` or `replicas`, or raise the quota (`kubectl -n dev describe quota`); `kubectl -n dev describe \
         statefulset db`",
    );
    // It is over when a pod exists, and when the last attempt succeeded.
    let pod = pod("db-0", "StatefulSet-db", "Pending", &waiting("ContainerCreating", ""));
    assert_eq!(Cluster::new([set.clone(), pod]).with_event(failed.clone()).problems(), []);
    let later = json!({ "lastTimestamp": "2026-11-02T11:59:55Z" });
    let created = merged(event(&set, "SuccessfulCreate", "create Pod db-0"), &later);
    assert_eq!(Cluster::new([set]).with_event(created).with_event(failed).problems(), []);
}

#[test]
fn unschedulable_pods() {
    let cases = [
        ("3 Insufficient cpu", "lower `resources.requests`, remove other pods, or add nodes"),
        (
            "3 node(s) had untolerated taint {dedicated: gpu}",
            "add `tolerations` to the pod, or remove the taint from a node",
        ),
        (
            "3 node(s) didn't match Pod's node affinity/selector",
            "correct `nodeSelector` or `affinity` of the pod (`kubectl get nodes --show-labels`)",
        ),
        (
            "3 node(s) didn't have free ports for the requested pod ports",
            "remove `hostPort` from the pod, or run fewer replicas than nodes",
        ),
    ];
    for (reason, help) in cases {
        let reported = format!(
            "0/3 nodes are available: {reason}. preemption: 0/3 nodes are available: 3 No preemption victims found for \
             incoming pod."
        );
        Cluster::of_web(unscheduled(&reported)).has(
            "deploy::unschedulable",
            Repeated,
            &format!("{POD} is unschedulable: 0/3 nodes are available: {reason}"),
            None,
            &format!("{help}; {INSPECT}"),
        );
    }
}

#[test]
fn pods_that_will_be_scheduled_are_waited_for() {
    let pod = unscheduled("0/3 nodes are available: 3 Insufficient cpu.");
    let permanence = |cluster: Cluster| cluster.problems().remove(0).permanence;
    let scales_up = event(&pod, "TriggeredScaleUp", "pod triggered scale-up: [{pool 1->2 (max: 5)}]");
    assert_eq!(permanence(Cluster::of_web(pod.clone()).with_event(scales_up)), Temporary);
    let too_small =
        event(&pod, "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached");
    assert_eq!(permanence(Cluster::of_web(pod.clone()).with_event(too_small)), Repeated);
    let preempting = merged(pod.clone(), &json!({ "status": { "nominatedNodeName": "n2" } }));
    assert_eq!(permanence(Cluster::of_web(preempting)), Temporary);
    let mut replacing = Cluster::of_web(pod);
    let old = self::pod("web-5c8-1", "ReplicaSet-web-5c8", "Running", &json!({}));
    let deleted = json!({ "metadata": { "deletionTimestamp": "2026-11-02T12:00:00Z" } });
    replacing.objects.extend([replica_set("web-5c8", "1", &json!({})), merged(old, &deleted)]);
    assert_eq!(permanence(replacing), Temporary);
    let binding = unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    assert_eq!(permanence(Cluster::of_web(binding)), Temporary);
    let gated = merged(
        unscheduled(""),
        &json!({ "status": { "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "SchedulingGated" }] } }),
    );
    assert_eq!(Cluster::of_web(gated).problems(), []);
}

#[test]
fn missing_claims() {
    let pod = unscheduled("0/1 nodes are available: persistentvolumeclaim \"dta\" not found.");
    Cluster::of_web(pod).with_name("PersistentVolumeClaim", "data").has(
        "deploy::missing_reference",
        Repeated,
        &format!("{POD} cannot start: PersistentVolumeClaim/dta does not exist"),
        None,
        "did you mean `data`? (`kubectl -n dev get persistentvolumeclaim`)",
    );
}

#[test]
fn volumes_that_cannot_be_mounted() {
    let pod = merged(
        web_pod("Pending", &waiting("ContainerCreating", "")),
        &json!({ "spec": { "volumes": [
            { "name": "tls", "secret": { "secretName": "web-tls" } },
            { "name": "all", "projected": { "sources": [{ "configMap": { "name": "app" } }] } },
        ] } }),
    );
    let timeout = "Unable to attach or mount volumes: unmounted volumes=[tls], unattached volumes=[tls]: timed out waiting for \
                   the condition";
    let cases = [
        (
            "MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found",
            "Secret/web-tls does not exist",
            "did you mean `web-tls2`? (`kubectl -n dev get secret`)",
        ),
        (
            "MountVolume.SetUp failed for volume \"tls\" : references non-existent secret key: tls.crt",
            "Secret/web-tls has no key `tls.crt`",
            "add the key to Secret/web-tls; `kubectl -n dev get secret`",
        ),
        (
            "MountVolume.SetUp failed for volume \"all\" : configmap references non-existent config key: a.yaml",
            "ConfigMap/app has no key `a.yaml`",
            "add the key to ConfigMap/app; `kubectl -n dev get configmap`",
        ),
    ];
    for (reported, cause, help) in cases {
        let cluster = Cluster::of_web(pod.clone())
            .with_event(event(&pod, "FailedMount", reported))
            .with_event(event(&pod, "FailedMount", timeout))
            .with_name("Secret", "web-tls2");
        cluster.has(
            "deploy::missing_reference",
            Repeated,
            &format!("{POD} cannot start: {cause}"),
            None,
            help,
        );
    }
    let reported = "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) web-5c8-1";
    Cluster::of_web(pod.clone()).with_event(event(&pod, "FailedAttachVolume", reported)).has(
        "deploy::mount",
        Temporary,
        &format!("{POD} cannot mount its volumes: {reported}"),
        None,
        &format!(
            "use the strategy `Recreate`, because the volume can be mounted by only one node; {INSPECT}"
        ),
    );
    // Once a container runs, they are mounted.
    let running = merged(
        pod.clone(),
        &json!({ "status": { "phase": "Running", "containerStatuses": [{ "name": "web", "state": { "running": {} } }] } }),
    );
    let problems = Cluster::of_web(running).with_event(event(&pod, "FailedMount", timeout)).problems();
    assert_eq!(problems.iter().map(|problem| problem.code()).collect::<Vec<_>>(), ["deploy::not_ready"]);
}
