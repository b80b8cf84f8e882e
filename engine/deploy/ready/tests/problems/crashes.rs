//! Containers that exit, or cannot be started.

use serde_json::{Value, json};

use crate::deploy::ready::Permanence::{Final, Repeated, Temporary};
use crate::deploy::ready::tests::fixture::*;

const CONTAINER: &str = "container `web` of Deployment/web (namespace dev)";
const PREVIOUS: Option<&str> = Some("-n dev web-7d9-x2k -c web --previous");
const INSPECT: &str = "`kubectl -n dev describe pod web-7d9-x2k`";

fn advice(advice: &str) -> String {
    format!("{advice}; {INSPECT}")
}

/// How a container ended.
fn ended(exit_code: i64, reason: &str) -> Value {
    json!({
        "exitCode": exit_code, "reason": reason, "startedAt": "2026-11-02T11:59:40Z",
        "finishedAt": "2026-11-02T11:59:41Z", "containerID": "containerd://5b2c",
    })
}

#[test]
fn crash_loops() {
    for (exit_code, message, help) in [
        (1, "failed with exit code 1, 3 times", INSPECT.to_owned()),
        (
            0,
            "exited with exit code 0, 3 times",
            advice("run a command that does not exit, or deploy a Job instead"),
        ),
        (
            127,
            "failed with exit code 127 (command not found), 3 times",
            advice("check `command`, `args` and the entrypoint of the image"),
        ),
        (139, "failed with exit code 139 (segmentation fault), 3 times", INSPECT.to_owned()),
    ] {
        let pod = web_pod("Running", &crash_loop(&ended(exit_code, "Error")));
        let problem = Cluster::of_web(pod).has(
            "deploy::crash",
            Repeated,
            &format!("{CONTAINER} {message}"),
            PREVIOUS,
            &help,
        );
        assert_eq!(problem.occurrence, "3");
    }
    let reported = merged(ended(2, "Error"), &json!({ "message": "panic: DATABASE_URL is not set\n" }));
    Cluster::of_web(web_pod("Running", &crash_loop(&reported))).has(
        "deploy::crash",
        Repeated,
        &format!("{CONTAINER} failed with exit code 2, 3 times: panic: DATABASE_URL is not set"),
        PREVIOUS,
        INSPECT,
    );
}

#[test]
fn a_crash_loop_without_its_last_state() {
    let mut status = crash_loop(&json!({}));
    status["lastState"] = json!({});
    Cluster::of_web(web_pod("Running", &status)).has(
        "deploy::container_start",
        Repeated,
        &format!(
            "{CONTAINER} cannot start: back-off 20s restarting failed container=web \
             pod=web-7d9-x2k_dev(Pod-web-7d9-x2k)"
        ),
        None,
        INSPECT,
    );
}

#[test]
fn the_first_crash_is_temporary() {
    let status = json!({ "state": { "terminated": ended(1, "Error") } });
    Cluster::of_web(web_pod("Running", &status)).has(
        "deploy::crash",
        Temporary,
        &format!("{CONTAINER} failed with exit code 1"),
        Some("-n dev web-7d9-x2k -c web"),
        INSPECT,
    );
}

#[test]
fn a_container_that_ended_again_is_not_temporary() {
    // Nodes report this for a moment before and after each back-off.
    for (exit_code, message, help) in [
        (1, "failed with exit code 1, 2 times", INSPECT.to_owned()),
        (
            0,
            "exited with exit code 0, 2 times",
            advice("run a command that does not exit, or deploy a Job instead"),
        ),
    ] {
        let status = json!({ "restartCount": 1, "state": { "terminated": ended(exit_code, "Error") } });
        Cluster::of_web(web_pod("Running", &status)).has(
            "deploy::crash",
            Repeated,
            &format!("{CONTAINER} {message}"),
            Some("-n dev web-7d9-x2k -c web"),
            &help,
        );
    }
}

#[test]
fn init_containers_crash_as_well() {
    let pod = merged(
        web_pod("Pending", &waiting("PodInitializing", "")),
        &json!({
            "spec": { "initContainers": [{ "name": "migrate", "image": "ghcr.io/shop/migrate:1" }] },
            "status": { "initContainerStatuses": [merged(
                crash_loop(&ended(1, "Error")),
                &json!({ "name": "migrate", "image": "ghcr.io/shop/migrate:1" }),
            )] },
        }),
    );
    Cluster::of_web(pod).has(
        "deploy::crash",
        Repeated,
        "container `migrate` of Deployment/web (namespace dev) failed with exit code 1, 3 times",
        Some("-n dev web-7d9-x2k -c migrate --previous"),
        INSPECT,
    );
}

#[test]
fn out_of_memory() {
    let pod = web_pod("Running", &crash_loop(&ended(137, "OOMKilled")));
    Cluster::of_web(pod.clone()).has(
        "deploy::out_of_memory",
        Repeated,
        &format!("{CONTAINER} ran out of memory (its limit is 128Mi), 3 times"),
        PREVIOUS,
        &advice("raise `resources.limits.memory` of the container, or reduce its memory usage"),
    );
    // Only one of its ends was noticed to be one.
    let status = json!({
        "restartCount": 1,
        "state": { "terminated": ended(137, "Error") },
        "lastState": { "terminated": ended(137, "OOMKilled") },
    });
    assert_eq!(Cluster::of_web(web_pod("Running", &status)).problems()[0].code(), "deploy::out_of_memory");
    let unlimited = merged(pod, &json!({ "spec": { "containers": [{ "name": "web", "image": "x" }] } }));
    Cluster::of_web(unlimited).has(
        "deploy::out_of_memory",
        Repeated,
        &format!("{CONTAINER} ran out of memory, 3 times"),
        PREVIOUS,
        &advice("request more memory with `resources.requests.memory`, or reduce the memory usage"),
    );
}

#[test]
fn failed_liveness_probes() {
    let pod = web_pod("Running", &crash_loop(&ended(137, "Error")));
    let response = "Liveness probe failed: HTTP probe failed with statuscode: 500";
    let cluster =
        Cluster::of_web(pod.clone()).with_event(container_event(&pod, "Unhealthy", response)).with_event(
            container_event(&pod, "Killing", "Container web failed liveness probe, will be restarted"),
        );
    cluster.has(
        "deploy::crash",
        Repeated,
        &format!(
            "{CONTAINER} was stopped, 3 times: liveness probe failed: HTTP probe failed with statuscode: 500"
        ),
        PREVIOUS,
        &advice("correct the probe, or allow more time with `startupProbe`"),
    );
    Cluster::of_web(pod).has(
        "deploy::crash",
        Repeated,
        &format!("{CONTAINER} failed with exit code 137 (killed, out of memory?), 3 times"),
        PREVIOUS,
        INSPECT,
    );
}

#[test]
fn commands_that_cannot_run() {
    let message = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                   failed: unable to start container process: exec: \"./server\": stat ./server: no such file or \
                   directory: unknown";
    let cause =
        format!("{CONTAINER} cannot start: exec: \"./server\": stat ./server: no such file or directory");
    let help = advice("check `command`, `args` and the entrypoint of the image");
    let started = merged(ended(128, "StartError"), &json!({ "message": message }));
    for status in [crash_loop(&started), waiting("RunContainerError", message)] {
        Cluster::of_web(web_pod("Pending", &status)).has(
            "deploy::container_start",
            Repeated,
            &cause,
            None,
            &help,
        );
    }
    let message = "Error response from daemon: failed to create task for container: runc create failed: unable to start \
                   container process: exec: \"/app/run.sh\": permission denied: unknown";
    Cluster::of_web(web_pod("Pending", &waiting("RunContainerError", message))).has(
        "deploy::container_start",
        Repeated,
        &format!("{CONTAINER} cannot start: exec: \"/app/run.sh\": permission denied"),
        None,
        &advice("make the command executable in the image: `RUN chmod +x`"),
    );
}

#[test]
fn programs_for_another_platform() {
    let help = advice("build the image for the platform of the cluster's nodes");
    let message = format!("{CONTAINER} is built for another platform than its node: exec format error");
    // Some runtimes report it, others only in the log.
    let reported =
        "failed to start container: standard_init_linux.go:228: exec user process caused: exec format error";
    let pod = web_pod("Pending", &waiting("RunContainerError", reported));
    Cluster::of_web(pod.clone()).has("deploy::wrong_platform", Repeated, &message, None, &help);
    let node = merged(
        object("v1", "Node", "n1", &json!({ "metadata": { "namespace": null } })),
        &json!({ "status": { "nodeInfo": { "architecture": "arm64", "operatingSystem": "linux" } } }),
    );
    let mut cluster = Cluster::of_web(pod);
    cluster.objects.push(node);
    cluster.has(
        "deploy::wrong_platform",
        Repeated,
        &format!("{CONTAINER} is built for another platform than its node (linux/arm64): exec format error"),
        None,
        &advice("build the image for `linux/arm64`"),
    );
    let silent = Cluster::of_web(web_pod("Running", &crash_loop(&ended(255, "Error"))));
    let problem = silent.problems().remove(0);
    assert_eq!(problem.code(), "deploy::crash");
    let problem = problem.with_log(&["exec /app/server: exec format error"]);
    assert_eq!(
        (problem.code(), problem.message(), problem.help()),
        ("deploy::wrong_platform", message, help)
    );
}

#[test]
fn a_pod_that_is_never_restarted_is_final() {
    let state = json!({ "state": { "terminated": ended(3, "Error") } });
    let pod = merged(web_pod("Failed", &state), &json!({ "spec": { "restartPolicy": "Never" } }));
    Cluster::new([pod]).has(
        "deploy::crash",
        Final,
        "container `web` of Pod/web-7d9-x2k (namespace dev) failed with exit code 3",
        Some("-n dev web-7d9-x2k -c web"),
        INSPECT,
    );
    let evicted = merged(
        web_pod("Failed", &json!({})),
        &json!({ "status": {
            "reason": "Evicted", "message": "The node was low on resource: memory.", "containerStatuses": null,
        } }),
    );
    Cluster::new([evicted]).has(
        "deploy::pod_failed",
        Final,
        "Pod/web-7d9-x2k (namespace dev) failed: Evicted: The node was low on resource: memory.",
        None,
        &advice("request as much of the resource as the pod needs"),
    );
}
