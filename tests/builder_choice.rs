//! Which builder an image gets, and who says why.

use crate::harness::{BuildCluster, Cluster, Project, TestRepository};

/// An image for docker, in `repository`, with `docker` options.
fn config(repository: &TestRepository, docker: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  api:\n    image: {repository}\n    tags: [one]\n    build: {{docker: {{{docker}}}, \
         kaniko: {{insecure: true}}}}\n"
    )
}

#[test]
fn kaniko_takes_the_place_of_docker_where_no_daemon_answers() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = cluster
        .project()
        .file("devspace.yaml", config(&api, "useBuildKit: true"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello");
    let output = project.run(["build"]);
    output.success().stderr_has("kaniko builds it in the cluster: cannot reach the docker daemon");
    output.stderr_has("`useBuildKit` steers how docker builds: kaniko goes without");
    assert_eq!(cluster.registry.tags(&api), ["one"]);

    // With a daemon, docker is taken, and nothing of a cluster is heard.
    project.write("a.txt", "changed");
    let output = project.daemon(&cluster.daemon).run(["build", "--skip-push"]);
    output.success().stderr_has("building with docker").lacks("kaniko");
}

/// A project without a daemon, and with `kubeconfig`.
fn without_daemon(kubeconfig: Option<String>, docker: &str) -> Project {
    let image = format!("  api: {{image: r.example/api, tags: [one], build: {{docker: {{{docker}}}}}}}\n");
    let project = Project::new()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n{image}"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello");
    match kubeconfig {
        Some(kubeconfig) => {
            let project = project.file("kubeconfig", kubeconfig);
            let path = project.path("kubeconfig");
            project.env("KUBECONFIG", path)
        }
        None => project,
    }
}

#[test]
fn without_a_cluster_nobody_speaks_of_kubernetes() {
    let project = without_daemon(None, "").file("Dockerfile", "FROM scratch\nRUN make\n");
    let output = project.run(["build"]);
    output.exits(1).stderr_has("stage::build::needs_daemon").stderr_has("cannot reach the docker daemon");
    for word in ["kaniko", "kube", "Kube", "cluster", "pod"] {
        output.lacks(word);
    }
}

#[test]
fn the_fallback_can_be_switched_off() {
    let Some(cluster) = Cluster::acquire() else { return };
    let output = without_daemon(Some(cluster.kubeconfig("test")), "disableFallback: true").run(["build"]);
    output.exits(1).stderr_has("docker::unreachable").lacks("kaniko");
}

#[test]
fn what_kaniko_cannot_do_keeps_it_from_docker_s_place() {
    let Some(cluster) = Cluster::acquire() else { return };
    let kubeconfig = || Some(cluster.kubeconfig("test"));
    let arguments = without_daemon(kubeconfig(), "args: [--squash]").run(["build"]);
    arguments.exits(1).stderr_has("docker::unreachable");
    arguments.stderr_has("kaniko cannot take docker's place").stderr_has("nothing like `args: [--squash]`");
    let skipped = without_daemon(kubeconfig(), "").run(["build", "--skip-push"]);
    skipped.exits(1).stderr_has("docker::unreachable").stderr_has("kaniko cannot take docker's place");
    assert!(cluster.pods().is_empty());
}
