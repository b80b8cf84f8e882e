//! The errors of `windlass deploy` when a cluster rejects manifests, or does not run them.

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde_json::{Value, json};

use crate::harness::{
    Cluster, Daemon, Fault, FaultProxy, Output, PlainCluster, Project, Relay, Signal, Webhook, wait_for,
};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A project whose deployment `a` has `manifests`, with this kubeconfig.
fn project_with(kubeconfig: &str, manifests: &str) -> Project {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v2beta1\nname: shop\ndeployments:\n  a: {kubectl: {manifests: [a.yaml]}}\n",
        )
        .file("a.yaml", manifests)
        .file("kubeconfig", kubeconfig);
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path)
}

/// A project whose deployment `a` has `manifests`, in the namespace of the cluster.
fn project(cluster: &Cluster, manifests: &str) -> Project {
    project_with(&cluster.kubeconfig("test"), manifests)
}

/// The manifest of a ConfigMap with one value.
fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n---\n")
}

/// The manifest of a Deployment with this pod, as JSON or YAML in one line.
fn deployment(name: &str, spec: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n  selector: {{matchLabels: \
         {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {pod}\n---\n"
    )
}

#[test]
fn every_problem_is_reported_at_its_place_before_anything_changes() {
    let Some(cluster) = Cluster::acquire() else { return };
    let pod = "{containers: [{name: c, image: busybox}]}";
    let manifests = [
        config_map("one", "1"),
        deployment("negative", "replicas: -1", pod),
        deployment("unknown", "replica: 1", pod),
        config_map("two", "1"),
    ];
    let project = project(&cluster, &manifests.concat());
    let output = project.run(["deploy"]);
    output.exits(1).stderr_says("cannot deploy a: the cluster reports 2 problems; nothing was changed");
    output.stderr_has("a | failed").stderr_has(": the cluster reports 2 problems; nothing was changed\n");
    output
        .stderr_says("a.yaml:10:3: cannot apply Deployment/negative")
        .stderr_says("spec.replicas: Invalid value: -1");
    output
        .stderr_says("a.yaml:20:3: cannot apply Deployment/unknown")
        .stderr_says("spec.replica: unknown field");
    assert!(cluster.find::<ConfigMap>("one").is_none());
}

#[test]
fn unknown_kinds_and_incomplete_objects_are_reported() {
    let Some(cluster) = Cluster::acquire() else { return };
    let removed = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n---\n";
    let custom = "apiVersion: none.acme.io/v1\nkind: Thing\nmetadata: {name: a}\n";
    let project = project(&cluster, &[removed, custom].concat());
    let output = project.run(["deploy"]);
    output.exits(1).stderr_says("a.yaml:2:1: unknown kind `PodDisruptionBudget` in `policy/v1`");
    output.stderr_says("use `apiVersion: policy/v1beta1`");
    output
        .stderr_says("a.yaml:6:1: unknown kind `Thing` in `none.acme.io/v1`")
        .stderr_says("CustomResourceDefinition");

    project.write(
        "a.yaml",
        "kind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {generateName: a}\n",
    );
    let output = project.run(["deploy"]);
    output.exits(1).stderr_says("a.yaml:1:1: document 1 has no `apiVersion`");
    output
        .stderr_says("a.yaml:6:12: document 2, a Pod, has `generateName`")
        .stderr_says("set `metadata.name`");

    project.write("a.yaml", "kind: Pod\n metadata: {}\n");
    project.run(["deploy"]).exits(1).stderr_says("a.yaml:2:");
    project.remove("a.yaml");
    project.run(["deploy"]).exits(1).stderr_says("`a.yaml`");
}

#[test]
fn a_field_of_another_manager_is_a_conflict() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.apply_object::<ConfigMap>(
        "one",
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "value": "9" } }),
    );
    let project = project(&cluster, &config_map("one", "1"));
    let output = project.run(["deploy"]);
    output
        .exits(1)
        .stderr_has("deploy::field_conflict")
        .stderr_says("a.yaml:4:8: cannot apply ConfigMap/one");
    output.stderr_says("`somebody` owns `data.value`").stderr_says("remove the field from the manifest");
}

#[test]
fn an_object_of_another_deployment_is_not_taken() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project(&cluster, &config_map("one", "1"));
    project.run(["deploy"]).success();
    project.write("devspace.yaml", project.read("devspace.yaml").replace(" a:", " b:"));
    let output = project.run(["deploy"]);
    output.exits(1).stderr_has("deploy::owned_by_other").stderr_says("it belongs to the deployment `a`");
    output.stderr_says("a.yaml:3:12");
}

#[test]
fn an_exceeded_quota_names_the_requested_amount() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.limit(&json!({ "count/configmaps": "0" }));
    let output = project(&cluster, &config_map("one", "1")).run(["deploy"]);
    output
        .exits(1)
        .stderr_has("deploy::quota")
        .stderr_says("exceeded quota none, requested: count/configmaps=1");
    output.stderr_says("a.yaml:3:12").stderr_says("limited: count/configmaps=0");
}

/// Calls the webhook of `client_config` for the ConfigMaps of the cluster's namespace, and deploys one until it is
/// called: the API server reads the configuration of its webhooks in the background.
fn deploy_with_webhook(cluster: &Cluster, client_config: &Value) -> Output {
    let name = cluster.namespace();
    let _webhook = cluster.apply_global::<ValidatingWebhookConfiguration>(
        name,
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "webhooks": [{
                "name": "guard.acme.io",
                "clientConfig": client_config,
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "objectSelector": { "matchLabels": { "test": name } },
                "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"] }],
            }],
        }),
    );
    let manifest =
        config_map("one", "1").replace("{name: one}", &format!("{{name: one, labels: {{test: {name}}}}}"));
    let project = project(cluster, &[config_map("two", "1"), manifest].concat());
    wait_for("the webhook", LIMIT, || {
        let output = project.run(["deploy"]);
        (output.code() != Some(0)).then_some(output).or_else(|| {
            cluster.delete::<ConfigMap>("one");
            cluster.delete::<ConfigMap>("two");
            None
        })
    })
}

#[test]
fn a_webhook_that_is_down_is_named() {
    let Some(cluster) = Cluster::acquire() else { return };
    let output = deploy_with_webhook(&cluster, &json!({ "url": "https://127.0.0.1:1/check" }));
    output.exits(1).stderr_has("deploy::webhook").stderr_says("admission webhook `guard.acme.io` failed");
    output.stderr_says("connection refused").stderr_says("ConfigMap/one");
}

#[test]
fn a_webhook_that_denies_an_object_is_quoted_before_anything_changes() {
    let Some(cluster) = Cluster::acquire() else { return };
    let webhook = Webhook::denying("images must come from r.acme.io");
    let output = deploy_with_webhook(&cluster, &webhook.client_config());
    output.exits(1).stderr_has("deploy::denied").stderr_says("a.yaml:8:12: cannot apply ConfigMap/one");
    output
        .stderr_says("the admission webhook `guard.acme.io`")
        .stderr_says("images must come from r.acme.io");
    assert!(cluster.find::<ConfigMap>("two").is_none());
}

#[test]
fn an_object_over_the_size_limit_is_too_large() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project(&cluster, &config_map("one", &"x".repeat(1_000_000)));
    project.run(["deploy"]).success().stderr_has("created ConfigMap/one");
    project.write("a.yaml", config_map("one", &"x".repeat(1_100_000)));
    let output = project.run(["deploy"]);
    output
        .exits(1)
        .stderr_has("deploy::too_large")
        .stderr_says("it is too large (Too long: must have at most 1048576");
    assert!(output.stderr.len() < 2000, "the manifest is not printed\n{output}");
}

#[test]
fn a_missing_permission_is_named_with_verb_and_resource() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(kubeconfig) = std::env::var_os("KUBECONFIG_UNPRIVILEGED") else { return };
    let manifests = [config_map("one", "1"), config_map("two", "1")].concat();
    let project = project(&cluster, &manifests).env("KUBECONFIG", kubeconfig);
    let output = project.run(["deploy", "-n", cluster.namespace()]);
    output
        .exits(1)
        .stderr_has("cluster::forbidden")
        .stderr_says("the user `unprivileged` lacks the permission to");
    output.stderr_says("`get` `secrets`").stderr_says("`kubectl auth can-i get secrets -n");
    assert_eq!(output.stderr.matches("cluster::forbidden").count(), 1, "{output}");
}

#[test]
fn a_permission_that_several_objects_need_is_named_once() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.create_account("app", &[]);
    cluster.allow("app", &[(&["get", "list"], &["configmaps", "secrets"])]);
    let account = format!("system:serviceaccount:{}:app", cluster.namespace());
    let kubeconfig = cluster.kubeconfig_as("test", &json!({ "as": account }));
    let manifests = [config_map("one", "1"), config_map("two", "1")].concat();
    let output = project_with(&kubeconfig, &manifests).run(["deploy"]);
    output.exits(1).stderr_says(format!("the user `{account}` lacks the permission to `patch` `configmaps`"));
    assert_eq!(output.stderr.matches("cluster::forbidden").count(), 1, "{output}");
}

#[test]
fn a_login_that_is_refused_is_not_an_unreachable_cluster() {
    let Some(cluster) = Cluster::acquire() else { return };
    let kubeconfig = cluster.kubeconfig_as("test", &json!({ "token": "wrong" }));
    let output = project_with(&kubeconfig, &config_map("one", "1")).run(["deploy"]);
    output.exits(1).stderr_has("cluster::unauthorized").lacks("cluster::unreachable");
}

#[test]
fn a_missing_cluster_and_an_unreachable_one_are_distinguished() {
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: prod\ncontexts: [{name: prod, context: {cluster: prod, \
                      user: me}}]\nclusters: [{name: prod, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: me, \
                      user: {}}]\n";
    let project = project_with(kubeconfig, &config_map("one", "1"));
    let output = project.run(["deploy"]);
    output.exits(1).stderr_has("cluster::unreachable").stderr_says("https://127.0.0.1:1").stderr_says("prod");
    let output = project.run(["deploy", "--kube-context", "prdo"]);
    assert_ne!(output.code(), Some(0));
    output.stderr_says("prdo").stderr_says("`prod`");
    let project = project.without_env("KUBECONFIG");
    project.run(["deploy"]).exits(1).stderr_has("cluster::none").stderr_says("KUBECONFIG");
    project.run(["purge", "--yes"]).exits(1).stderr_has("cluster::none");
    project.write("devspace.yaml", "version: v2beta1\nname: shop\n");
    project.run(["purge", "--yes"]).success().stderr_has("devspace.yaml has no `deployments`");
}

#[test]
fn a_namespace_that_may_not_be_created_names_who_can() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.create_account("app", &[]);
    let account = format!("system:serviceaccount:{}:app", cluster.namespace());
    let kubeconfig = cluster.kubeconfig_as("test", &json!({ "as": account }));
    // It may look, or the namespace would be assumed to exist.
    let name = cluster.namespace();
    let rules = json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] }]);
    let api = "rbac.authorization.k8s.io/v1";
    let role = json!({ "apiVersion": api, "kind": "ClusterRole", "rules": rules });
    let _role = cluster.apply_global::<ClusterRole>(name, role);
    let binding = json!({
        "apiVersion": api, "kind": "ClusterRoleBinding",
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": "app", "namespace": name }],
    });
    let _binding = cluster.apply_global::<ClusterRoleBinding>(name, binding);
    let missing = format!("{}-missing", cluster.namespace());
    let output = project_with(&kubeconfig, &config_map("one", "1")).run(["deploy", "-n", &missing]);
    output.exits(1).stderr_has("cluster::no_namespace").stderr_says(format!(
        "cannot create the namespace `{missing}`: the user `{account}` lacks the permission to `create` `namespaces`"
    ));
    output.stderr_says(format!("`kubectl create namespace {missing}`"));
}

#[test]
fn another_target_than_last_time_is_a_warning() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(other) = Cluster::acquire() else { return };
    let project = project(&cluster, &config_map("one", "1"));
    let first = format!("deploying to namespace {} of test (", cluster.namespace());
    project.run(["deploy"]).success().stderr_has(&first).lacks("warning");
    let output = project.run(["deploy", "-n", other.namespace()]);
    output.success().stderr_has(format!("warning: deploying to namespace {} of test (", other.namespace()));
    output.stderr_has(format!("; the last deploy went to namespace {} of test", cluster.namespace()));
    // `-s` goes where the last deploy went.
    project.run(["deploy", "-s"]).success().lacks("warning").stderr_has("kept: unchanged");
}

/// A project whose API server is behind `relay`.
fn behind(relay: &Relay, cluster: &Cluster, manifests: &str) -> Project {
    let address = cluster.server().trim_start_matches("https://").to_owned();
    let kubeconfig = cluster.kubeconfig("test").replace(&address, &format!("127.0.0.1:{}", relay.port()));
    project_with(&kubeconfig, manifests)
}

#[test]
fn an_api_server_that_never_answers_ends_the_deploy() {
    let Some(cluster) = Cluster::acquire() else { return };
    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    relay.hush();
    let output = behind(&relay, &cluster, &config_map("one", "1")).run(["deploy"]);
    output.exits(1).stderr_has("cluster::unreachable").stderr_says(format!("127.0.0.1:{}", relay.port()));
    assert_eq!(output.stderr.matches("cluster::unreachable").count(), 1, "{output}");
}

#[test]
fn an_api_server_that_dies_during_the_wait_is_awaited() {
    let Some(cluster) = Cluster::acquire() else { return };
    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    let pod = "{nodeSelector: {none: 'true'}, containers: [{name: c, image: busybox}]}";
    let project = behind(&relay, &cluster, &deployment("web", "replicas: 1", pod));
    let running = project.spawn(["deploy"]);
    running.wait_for_text("waiting: web 0/1 ready");
    relay.die();
    cluster.patch::<Deployment>("web", &json!({ "spec": { "replicas": 0 } }));
    relay.recover();
    running.finish().success().stderr_has("1 deployed");
}

#[test]
fn an_api_server_that_dies_in_the_middle_is_an_error_and_the_next_deploy_goes_on() {
    let Some(cluster) = Cluster::acquire() else { return };
    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    let map = |value: &str| {
        config_map("one", value)
            .replace("{name: one}", "{name: one, finalizers: [acme.io/held]}\nimmutable: true")
    };
    let project = behind(&relay, &cluster, &map("1"));
    project.run(["deploy"]).success();
    project.write("a.yaml", map("2"));
    let deploy = ["deploy", "--recreate", "ConfigMap/one"];
    let running = project.spawn(deploy);
    wait_for("the deletion", LIMIT, || cluster.find::<ConfigMap>("one")?.metadata.deletion_timestamp);
    relay.die();
    let output = running.finish();
    output.exits(1).stderr_has("cluster::unreachable").stderr_has("1 failed to deploy");
    assert_eq!(output.stderr.matches("cluster::unreachable").count(), 1, "{output}");
    // The lock could not be released either.
    relay.recover();
    let long_ago = lease_time(jiff::Timestamp::now() - jiff::SignedDuration::from_mins(2));
    cluster.patch::<Lease>("windlass-a", &json!({ "spec": { "renewTime": long_ago } }));
    cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": null } }));
    project.run(deploy).success();
    let data = cluster.find::<ConfigMap>("one").and_then(|object| object.data).unwrap_or_default();
    assert_eq!(data["value"], "2");
    cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": null } }));
}

#[test]
fn a_request_to_a_busy_api_server_is_retried() {
    let Some(cluster) = Cluster::acquire() else { return };
    let plain = PlainCluster::before(&cluster);
    let proxy = FaultProxy::before_address(plain.address());
    let kubeconfig =
        cluster.kubeconfig("test").replace(&cluster.server(), &format!("http://{}", proxy.address()));
    let busy = Fault::Busy { status: 429, seconds: 1, as_date: false };
    let object = format!("/api/v1/namespaces/{}/configmaps/one", cluster.namespace());
    proxy.fault(1, "GET", "/", busy).fault(2, "PATCH", &object, busy);
    project_with(&kubeconfig, &config_map("one", "1")).run(["deploy"]).success().stderr_has("1 deployed");
    assert!(cluster.find::<ConfigMap>("one").is_some());
    // A dry run, an apply, and both again.
    assert_eq!(proxy.count("PATCH", &object), 4);
}

#[test]
fn an_interrupt_ends_the_wait_and_the_next_deploy_waits_again() {
    let Some(cluster) = Cluster::acquire() else { return };
    let pod = "{nodeSelector: {none: 'true'}, containers: [{name: c, image: busybox}]}";
    let project = project(&cluster, &deployment("web", "replicas: 1", pod));
    let running = project.spawn(["deploy"]);
    running.wait_for_text("waiting: web 0/1 ready");
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    assert!(cluster.find::<Lease>("windlass-a").is_none(), "nothing is locked");
    let output = project.run(["deploy", "--timeout", "1"]);
    output.exits(1).stderr_has("kept: unchanged").stderr_says("cannot deploy a within 1 second");
}

#[test]
fn an_exceeded_deadline_of_the_deployment_ends_the_wait() {
    let Some(cluster) = Cluster::acquire() else { return };
    let pod = "{nodeSelector: {none: 'true'}, containers: [{name: c, image: busybox}]}";
    let spec = "replicas: 1\n  progressDeadlineSeconds: 2\n  minReadySeconds: 1";
    let output = project(&cluster, &deployment("web", spec, pod)).run(["deploy", "--timeout", "120"]);
    output.exits(1).stderr_says("cannot deploy a: ").stderr_says("Deployment/web");
    output.lacks("within 120 seconds");
}

#[test]
fn a_namespace_that_is_being_deleted_is_reported_with_its_remaining_content() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.create::<ConfigMap>(json!({ "metadata": { "name": "held", "finalizers": ["acme.io/held"] } }));
    cluster.delete_namespace();
    wait_for("the conditions", LIMIT, || {
        let conditions = cluster.namespace_object()?.status?.conditions.unwrap_or_default();
        let is_held = |condition: &&k8s_openapi::api::core::v1::NamespaceCondition| {
            condition.type_ == "NamespaceFinalizersRemaining" && condition.status == "True"
        };
        conditions.iter().find(is_held).map(|_| ())
    });
    let output = project(&cluster, &config_map("one", "1")).run(["deploy"]);
    cluster.patch::<ConfigMap>("held", &json!({ "metadata": { "finalizers": null } }));
    output
        .exits(1)
        .stderr_has("deploy::namespace_terminating")
        .stderr_says("is being deleted")
        .stderr_says("acme.io/held");
}

/// Locks the deployment `a` as another run, which renews the lock no more.
fn hold(cluster: &Cluster) {
    let now = lease_time(jiff::Timestamp::now());
    cluster.create::<Lease>(json!({
        "metadata": { "name": "windlass-a" },
        "spec": {
            "holderIdentity": "ann@build-7/4711-abcdefgh", "leaseDurationSeconds": 60, "acquireTime": now,
            "renewTime": now,
        },
    }));
}

/// A time as leases have it.
fn lease_time(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Who holds the lock of the deployment `a`.
fn holder(cluster: &Cluster) -> Option<String> {
    cluster.find::<Lease>("windlass-a")?.spec?.holder_identity
}

#[test]
fn a_second_deploy_waits_for_the_first_and_names_it() {
    let Some(cluster) = Cluster::acquire() else { return };
    let hold = || hold(&cluster);
    hold();
    let project = project(&cluster, &config_map("one", "1"));
    let running = project.spawn(["deploy"]);
    running.wait_for_text("waiting for ann on build-7 (process 4711), who has been working on it since ");
    assert!(cluster.find::<ConfigMap>("one").is_none());
    cluster.delete::<Lease>("windlass-a");
    running.finish().success().stderr_has("created ConfigMap/one");
    hold();
    project.write("a.yaml", config_map("one", "2"));
    let output = project.run(["deploy", "--timeout", "2"]);
    output
        .exits(1)
        .stderr_has("deploy::locked")
        .stderr_says("ann on build-7 (process 4711) has been working on it since");
    // Without changes, windlass does not wait for the lock.
    project.write("a.yaml", config_map("one", "1"));
    project.run(["deploy"]).success().stderr_has("kept: unchanged");
}

#[test]
fn a_purge_waits_for_a_deploy() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project(&cluster, &config_map("one", "1"));
    project.run(["deploy"]).success();
    hold(&cluster);
    let output = project.run(["purge", "--yes", "--timeout", "2"]);
    output.exits(1).stderr_has("deploy::locked").stderr_says("ann on build-7 (process 4711)");
    let running = project.spawn(["purge", "--yes"]);
    running.wait_for_text("waiting for ann on build-7 (process 4711), who has been working on it since ");
    assert!(cluster.find::<ConfigMap>("one").is_some());
    cluster.delete::<Lease>("windlass-a");
    running.finish().success().stderr_has("deleted ConfigMap/one");
    assert_eq!(holder(&cluster), None, "the lock is released");
}

#[test]
fn the_lock_of_a_killed_deploy_is_taken_over_when_it_is_stale() {
    let Some(cluster) = Cluster::acquire() else { return };
    // The deploy must recreate an object that a finalizer holds, with the lock.
    let map = |value: &str| {
        config_map("one", value)
            .replace("{name: one}", "{name: one, finalizers: [acme.io/held]}\nimmutable: true")
    };
    let project = project(&cluster, &map("1"));
    project.run(["deploy"]).success();
    project.write("a.yaml", map("2"));
    let deploy = ["deploy", "--recreate", "ConfigMap/one"];
    let killed = project.spawn(deploy);
    wait_for("the deletion", LIMIT, || cluster.find::<ConfigMap>("one")?.metadata.deletion_timestamp);
    killed.signal(Signal::Kill);
    let process = killed.pid();
    killed.finish();
    let of_killed = holder(&cluster);
    assert!(of_killed.is_some());

    let second = project.spawn(deploy);
    second.wait_for_text(&format!("(process {process}), who has been working on it since "));
    assert_eq!(holder(&cluster), of_killed);
    let long_ago = lease_time(jiff::Timestamp::now() - jiff::SignedDuration::from_mins(2));
    cluster.patch::<Lease>("windlass-a", &json!({ "spec": { "renewTime": long_ago } }));
    wait_for("the takeover", LIMIT, || (holder(&cluster) != of_killed).then_some(()));
    cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": null } }));
    second.finish().success();
    let data = cluster.find::<ConfigMap>("one").and_then(|object| object.data).unwrap_or_default();
    assert_eq!(data["value"], "2");
    assert_eq!(holder(&cluster), None, "the lock is released");
    cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": null } }));
}

#[test]
fn an_interrupt_names_the_images_that_were_not_started() {
    let Some(cluster) = Cluster::acquire() else { return };
    let config = "  a: {kubectl: {manifests: [a.yaml]}}\n  b: {kubectl: {manifests: [b.yaml]}}\n";
    let project = project(&cluster, &config_map("one", "1"))
        .file("devspace.yaml", format!("version: v2beta1\nname: shop\ndeployments:\n{config}"))
        .file("b.yaml", config_map("two", "1"));
    hold(&cluster);
    let running = project.spawn(["deploy"]);
    running.wait_for_text("waiting for ann on build-7");
    running.signal(Signal::Interrupt);
    let output = running.finish();
    output.exits(130).stderr_has("a | cancelled: stopped").stderr_has("b | cancelled: not started");
}

#[test]
fn the_wait_for_an_object_of_another_namespace_is_in_the_events() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(other) = Cluster::acquire() else { return };
    let pod = "{nodeSelector: {none: 'true'}, containers: [{name: c, image: busybox}]}";
    let spec = "replicas: 1\n  progressDeadlineSeconds: 2\n  minReadySeconds: 1";
    let placed = format!("{{name: web, namespace: {}}}", other.namespace());
    let manifest = deployment("web", spec, pod).replacen("{name: web}", &placed, 1);
    let output = project(&cluster, &manifest).run(["deploy", "--progress", "json", "--timeout", "120"]);
    let events = output.exits(1).json_lines();
    let progress = events.iter().find(|event| event["type"] == "deployment_progress").expect("an event");
    let waiting = progress["waiting"][0].as_str().unwrap_or_default();
    assert_eq!(
        (&progress["deployment"], waiting.starts_with("web 0/1 ready")),
        (&json!("a"), true),
        "{output}"
    );
    assert!(other.find::<Deployment>("web").is_some());
}

#[test]
fn an_interrupt_in_the_middle_of_an_apply_releases_the_lock() {
    let Some(cluster) = Cluster::acquire() else { return };
    // The deploy must recreate an object that a finalizer holds, and then create another one.
    let maps = |value: &str| {
        let held = "{name: one, finalizers: [acme.io/held]}\nimmutable: true";
        [config_map("one", value).replace("{name: one}", held), config_map("two", value)].concat()
    };
    let project = project(&cluster, &maps("1"));
    project.run(["deploy"]).success();
    project.write("a.yaml", maps("2"));
    let deploy = ["deploy", "--recreate", "ConfigMap/one"];
    let running = project.spawn(deploy);
    wait_for("the deletion", LIMIT, || cluster.find::<ConfigMap>("one")?.metadata.deletion_timestamp);
    running.signal(Signal::Interrupt);
    running.finish().exits(130).stderr_has("a | cancelled");
    assert_eq!(holder(&cluster), None, "the lock is released");
    let free = || cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": null } }));
    free();
    project.run(deploy).success();
    for name in ["one", "two"] {
        let data = cluster.find::<ConfigMap>(name).and_then(|object| object.data).unwrap_or_default();
        assert_eq!(data["value"], "2");
    }
    project.run(["deploy"]).success().stderr_has("kept: unchanged");
    free();
}

#[test]
fn two_deploys_at_once_apply_one_after_the_other() {
    let Some(cluster) = Cluster::acquire() else { return };
    let projects = ["1", "2"].map(|value| {
        let both = [config_map("one", value), config_map("two", value)];
        project(&cluster, &both.concat())
    });
    let running = projects.each_ref().map(|project| project.spawn(["deploy"]));
    for running in running {
        running.finish().success();
    }
    let value = |name: &str| cluster.find::<ConfigMap>(name)?.data?.remove("value");
    assert!(value("one").is_some());
    assert_eq!(value("one"), value("two"));
}

/// A deploy whose objects do not run, and its error.
struct Broken {
    failure: &'static str,
    manifests: String,
    expected: &'static [&'static str],
}

impl Broken {
    fn new(failure: &'static str, manifests: impl Into<String>, expected: &'static [&'static str]) -> Self {
        Self { failure, manifests: manifests.into(), expected }
    }
}

/// Deploys all of `broken` at the same time, each in its own namespace, because each takes up to half a minute.
fn check_broken(broken: &[Broken]) {
    let mut runs = Vec::new();
    for case in broken {
        let Some(cluster) = Cluster::with_node() else { return };
        let project = project(&cluster, &case.manifests);
        let running = project.spawn(["deploy", "--timeout", "40"]);
        runs.push((case, cluster, project, running));
    }
    for (case, _cluster, _project, running) in runs {
        let output = running.finish();
        eprintln!("{}", case.failure);
        output.exits(1).stderr_has("1 failed to deploy");
        for expected in case.expected {
            output.stderr_says(expected);
        }
    }
}

#[test]
fn objects_that_do_not_run_end_the_wait_with_the_cause() {
    let Some(daemon) = Daemon::acquire() else { return };
    let container = |more: &str| {
        let image = daemon.base();
        format!(
            "{{terminationGracePeriodSeconds: 0, containers: [{{name: c, image: '{image}', imagePullPolicy: Never, {more}}}]}}"
        )
    };
    let web = |more: &str| deployment("web", "replicas: 1", &container(more));
    let sleep = "command: [sleep, '1000']";
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db-password}\nstringData: {user: hunter2}\n---\n";
    let no_pods =
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: '0'}}\n---\n";
    let job = container("command: [sh, -c, 'echo no such table; exit 3']").replacen(
        '{',
        "{restartPolicy: Never, ",
        1,
    );
    check_broken(&[
        Broken::new(
            "crash loop",
            web("command: [sh, -c, 'echo panic: DATABASE_URL is not set; exit 1']"),
            &[
                "deploy::crash",
                "cannot deploy a: container `c` of Deployment/web (namespace",
                "failed with exit code 1",
                "panic: DATABASE_URL is not set",
                "describe pod web-",
            ],
        ),
        Broken::new(
            "command not found",
            web("command: [no-such-program]"),
            &["no-such-program", "check `command`, `args` and the entrypoint of the image"],
        ),
        Broken::new(
            "image not pulled",
            deployment("web", "replicas: 1", "{containers: [{name: c, image: 'localhost:1/none:1'}]}"),
            &["deploy::image_pull", "image `localhost:1/none:1` cannot be pulled", "can reach `localhost:1`"],
        ),
        Broken::new(
            "unschedulable",
            web("resources: {requests: {cpu: '9000'}}"),
            &["deploy::unschedulable", "1 Insufficient cpu", "lower `resources.requests`"],
        ),
        Broken::new(
            "missing Secret",
            [secret, &web(&format!("{sleep}, envFrom: [{{secretRef: {{name: db-pasword}}}}]"))].concat(),
            &["deploy::missing_reference", "Secret/db-pasword does not exist", "did you mean `db-password`?"],
        ),
        Broken::new(
            "missing key",
            [
                secret,
                &web(&format!("{sleep}, env: [{{name: A, valueFrom: {{secretKeyRef: {{name: db-password, key: usr}}}}}}]")),
            ]
            .concat(),
            &["Secret/db-password has no key `usr`", "add the key"],
        ),
        Broken::new(
            "missing volume",
            deployment(
                "web",
                "replicas: 1",
                &container(&format!("{sleep}, volumeMounts: [{{name: v, mountPath: /v}}]")).replacen(
                    '{',
                    "{volumes: [{name: v, configMap: {name: settings}}], ",
                    1,
                ),
            ),
            &["deploy::missing_reference", "ConfigMap/settings does not exist"],
        ),
        Broken::new(
            "failed Job",
            format!(
                "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: migrate}}\nspec: {{backoffLimit: 0, template: {{spec: \
                 {job}}}}}\n"
            ),
            &["deploy::job", "Job/migrate", "exit code 3", "no such table", "delete job migrate"],
        ),
        Broken::new(
            "pods not made",
            [no_pods, &web(sleep)].concat(),
            &["deploy::pods_rejected", "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"],
        ),
    ]);
}

#[test]
fn the_timeout_names_the_missing_part() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.base();
    let never_ready = deployment(
        "web",
        "replicas: 1",
        &format!(
            "{{terminationGracePeriodSeconds: 0, containers: [{{name: c, image: '{image}', imagePullPolicy: Never, command: \
             [sleep, '1000'], readinessProbe: {{exec: {{command: [cat, /ready]}}, periodSeconds: 1}}}}]}}"
        ),
    );
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: \
                 [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n---\n";
    let config = "  a: {kubectl: {manifests: [a.yaml]}}\n  b: {kubectl: {manifests: [b.yaml]}}\n  c: {kubectl: {manifests: \
                  [c.yaml]}}\n";
    let project = project(&cluster, &never_ready)
        .file("devspace.yaml", format!("version: v2beta1\nname: shop\ndeployments:\n{config}"))
        .file("b.yaml", claim)
        .file("c.yaml", config_map("one", "1"));
    let running = project.spawn(["deploy", "--timeout", "20"]);
    running.wait_for_text("a | -- waiting: web 0/1 ready, 1 starting");
    let output = running.finish();
    output.exits(1).stderr_has("2 failed to deploy");
    output.stderr_says("cannot deploy a within 20 seconds: container `c` of Deployment/web");
    output.stderr_says("(readiness probe: cat /ready)").stderr_says("can't open '/ready'");
    output.stderr_says("correct the probe, or what it tests");
    output
        .stderr_says("cannot deploy b within 20 seconds: PersistentVolumeClaim/data")
        .stderr_says("storageClassName");
    // Windlass also waits for a kept deployment that does not run.
    let output = project.run(["deploy", "a", "--timeout", "1"]);
    output.exits(1).stderr_has("a | kept: unchanged").stderr_says("cannot deploy a within 1 second:");
    project.run(["deploy", "a", "--wait=false"]).success().stderr_has("1 kept");
}

#[test]
fn a_stateful_set_that_is_stuck_names_the_pod_to_delete() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let set = |command: &str, pull: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\nspec:\n  serviceName: db\n  selector: \
             {{matchLabels: {{app: db}}}}\n  template:\n    metadata: {{labels: {{app: db}}}}\n    spec: \
             {{terminationGracePeriodSeconds: 0, containers: [{{name: c, image: '{pull}', imagePullPolicy: Never, command: \
             {command}}}]}}\n"
        )
    };
    let project = project(&cluster, &set("[sleep, '1000']", "none.example/none:1"));
    project.run(["deploy", "--wait=false"]).success();
    wait_for("the broken pod", LIMIT, || {
        let status = cluster.find::<Pod>("db-0")?.status?.container_statuses?.into_iter().next()?;
        status.state?.waiting?.reason.filter(|reason| reason == "ErrImageNeverPull")
    });
    project.write("a.yaml", set("[sleep, '1000']", &daemon.base()));
    let output = project.run(["deploy", "--timeout", "30"]);
    output.exits(1).stderr_says("StatefulSet/db").stderr_says("delete pod db-0");
}
