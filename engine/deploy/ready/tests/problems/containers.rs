//! Containers that cannot be created, or are not ready.

use serde_json::json;

use crate::deploy::ready::Permanence::{Repeated, Temporary};
use crate::deploy::ready::tests::fixture::*;

const CONTAINER: &str = "container `web` of Deployment/web (namespace dev)";
const INSPECT: &str = "`kubectl -n dev describe pod web-7d9-x2k`";

fn advice(advice: &str) -> String {
    format!("{advice}; {INSPECT}")
}

#[test]
fn missing_secrets_config_maps_and_keys() {
    let cases = [
        (
            "secret \"db-pasword\" not found",
            "Secret/db-pasword does not exist",
            "did you mean `db-password`?",
            "secret",
        ),
        (
            "secret \"unlike\" not found",
            "Secret/unlike does not exist",
            "create Secret/unlike, or correct its name",
            "secret",
        ),
        ("configmap \"ap\" not found", "ConfigMap/ap does not exist", "did you mean `app`?", "configmap"),
        (
            "couldn't find key LOG_LEVL in ConfigMap dev/app",
            "ConfigMap/app has no key `LOG_LEVL`",
            "did you mean `LOG_LEVEL`?",
            "configmap",
        ),
        (
            "couldn't find key token in Secret dev/db-password",
            "Secret/db-password has no key `token`",
            "add the key to Secret/db-password",
            "secret",
        ),
    ];
    for (reported, cause, help, kind) in cases {
        let mut cluster =
            Cluster::of_web(web_pod("Pending", &waiting("CreateContainerConfigError", reported)))
                .with_name("Secret", "db-password");
        cluster.objects.push(object("v1", "ConfigMap", "app", &json!({ "data": { "LOG_LEVEL": "info" } })));
        let inspect = format!("`kubectl -n dev get {kind}`");
        let help =
            if help.ends_with('?') { format!("{help} ({inspect})") } else { format!("{help}; {inspect}") };
        cluster.has(
            "deploy::missing_reference",
            Repeated,
            &format!("{CONTAINER} cannot start: {cause}"),
            None,
            &help,
        );
    }
}

#[test]
fn other_invalid_configurations() {
    let reported = "container has runAsNonRoot and image will run as root (pod: \"web-7d9-x2k_dev(9f)\", container: web)";
    Cluster::of_web(web_pod("Pending", &waiting("CreateContainerConfigError", reported))).has(
        "deploy::container_start",
        Repeated,
        &format!("{CONTAINER} cannot start: container has runAsNonRoot and image will run as root"),
        None,
        &advice("set a numeric `USER` in the Dockerfile, or `runAsUser` in the `securityContext`"),
    );
}

#[test]
fn failing_readiness_probes() {
    let pod = web_pod(
        "Running",
        &json!({ "started": true, "state": { "running": { "startedAt": "2026-11-02T11:59:40Z" } } }),
    );
    let log = Some("-n dev web-7d9-x2k -c web");
    let help = advice("correct the probe, or what it tests");
    let response = "Readiness probe failed: Get \"http://10.0.0.7:8080/healthz\": dial tcp 10.0.0.7:8080: connect: connection \
                  refused";
    Cluster::of_web(pod.clone()).with_event(container_event(&pod, "Unhealthy", response)).has(
        "deploy::not_ready",
        Temporary,
        &format!(
            "{CONTAINER} is not ready (readiness probe: GET :8080/healthz): Get \"http://10.0.0.7:8080/healthz\": dial tcp \
             10.0.0.7:8080: connect: connection refused"
        ),
        log,
        &help,
    );
    Cluster::of_web(pod.clone()).has(
        "deploy::not_ready",
        Temporary,
        &format!("{CONTAINER} is not ready (readiness probe: GET :8080/healthz)"),
        log,
        &help,
    );
    let starting = merged(
        pod,
        &json!({
            "spec": { "containers": [{ "name": "web", "startupProbe": { "exec": { "command": ["cat", "/ready"] } } }] },
            "status": { "containerStatuses": [{
                "name": "web", "ready": false, "started": false, "state": { "running": {} },
            }] },
        }),
    );
    let response = "Startup probe failed: cat: /ready: No such file or directory\n";
    Cluster::of_web(starting.clone()).with_event(container_event(&starting, "Unhealthy", response)).has(
        "deploy::not_ready",
        Temporary,
        &format!(
            "{CONTAINER} is not ready (startup probe: cat /ready): cat: /ready: No such file or directory"
        ),
        log,
        &help,
    );
}

#[test]
fn readiness_gates() {
    let pod = merged(
        web_pod("Running", &json!({ "ready": true, "state": { "running": {} } })),
        &json!({ "spec": { "readinessGates": [{ "conditionType": "target-health.elbv2.k8s.aws/web" }] } }),
    );
    Cluster::of_web(pod).has(
        "deploy::not_ready",
        Temporary,
        "pod `web-7d9-x2k` of Deployment/web (namespace dev) is not ready: its readiness gate \
         `target-health.elbv2.k8s.aws/web` is not met",
        None,
        INSPECT,
    );
}
