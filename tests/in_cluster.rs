//! windlass in a pod: its service account provides the cluster and the permissions.

use crate::harness::{BuildCluster, PASSWORD, Project, Registry, TestRepository};

/// The permissions to build and to create a pull secret, as in the table of examples/cluster/README.md.
const RIGHTS: [(&[&str], &[&str]); 5] = [
    (&["create", "list", "watch", "delete"], &["pods"]),
    (&["get"], &["pods/log"]),
    (&["create", "get"], &["pods/attach"]),
    (&["create", "get", "patch"], &["secrets"]),
    (&["get", "patch"], &["serviceaccounts"]),
];

/// A project in a pod: its image is built in the cluster, which then pulls it.
fn project(cluster: &BuildCluster, api: &TestRepository) -> Project {
    let docker = cluster.registry.docker_config().replace(&cluster.registry.address(), &cluster.address());
    let image = format!(
        "  api: {{image: {api}, tags: [one], createPullSecret: true, build: {{kaniko: {{insecure: true}}}}}}\n"
    );
    cluster
        .project()
        .without_env("KUBECONFIG")
        .docker_config(docker)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n{image}"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
}

#[test]
fn a_pod_builds_in_its_namespace_with_its_service_account() {
    let Some(registry) = Registry::with_login() else { return };
    let Some(cluster) = BuildCluster::with(registry) else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api);
    cluster.cluster.create_account("ci", &[]);
    cluster.cluster.allow("ci", &RIGHTS);
    let output = cluster.run_in_pod("outer", "ci", &project, &["build"]);
    let namespace = cluster.cluster.namespace();
    output.success().lacks(PASSWORD);
    output.stderr_has(format!("building with kaniko in the namespace {namespace} of in-cluster"));
    output.stderr_has(format!("namespace {namespace} of in-cluster pulls from"));
    assert_eq!(cluster.registry.tags(&api), ["one"]);
    assert_eq!(cluster.cluster.pull_secrets_of("default").len(), 1);
    // Outside the pod nothing points to a cluster.
    project.write("a.txt", "changed");
    project.run(["build"]).exits(1).stderr_has("cluster::none");
}

#[test]
fn missing_permissions_of_a_pod_are_named() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api).docker_config("{}");
    cluster.cluster.create_account("ci", &[]);
    let output = cluster.run_in_pod("outer", "ci", &project, &["build"]);
    let user = format!("system:serviceaccount:{}:ci", cluster.cluster.namespace());
    output.exits(1).stderr_has("cluster::forbidden").stderr_has(user).stderr_has("`list` `pods`");
    assert!(cluster.registry.tags(&api).is_empty());
}
