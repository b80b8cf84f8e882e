//! Which builder an image gets, and how the choice is explained.

use crate::harness::{BuildCluster, Cluster, Project, TestRepository};

/// An image with these `docker` options in `repository`.
fn config(repository: &TestRepository, docker: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  api:\n    image: {repository}\n    tags: [one]\n    build: {{docker: {{{docker}}}, \
         kaniko: {{insecure: true}}}}\n"
    )
}

#[test]
fn kaniko_is_the_fallback_without_a_daemon() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = cluster
        .project()
        .file("devspace.yaml", config(&api, "useBuildKit: true"))
        .file(
            "Dockerfile",
            "FROM scratch AS unused\nRUN --mount=target=/src make\nFROM scratch\nCOPY a.txt /\n",
        )
        .file("a.txt", "hello");
    let output = project.run(["build"]);
    output.stderr_has("kaniko ignores `--mount` (Dockerfile:2): the command runs without those files");
    output.success().stderr_has("falling back to kaniko in the cluster: cannot reach the Docker daemon");
    output.stderr_has("kaniko ignores the Docker option `useBuildKit`");
    assert_eq!(cluster.registry.tags(&api), ["one"]);

    // With a daemon, the docker builder is used, and no cluster is mentioned.
    project.write("a.txt", "changed");
    let output = project.daemon(&cluster.daemon).run(["build", "--skip-push"]);
    output.success().stderr_has("building with Docker").lacks("kaniko");
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
fn without_a_cluster_no_message_mentions_kubernetes() {
    let project = without_daemon(None, "").file("Dockerfile", "FROM scratch\nRUN make\n");
    let output = project.run(["build"]);
    output.exits(1).stderr_has("stage::build::needs_daemon").stderr_says("cannot reach the Docker daemon");
    for word in ["kaniko", "kube", "Kube", "cluster", "pod"] {
        output.lacks(word);
    }
}

/// A kubeconfig whose cluster does not exist.
const UNREACHABLE: &str = "apiVersion: v1
kind: Config
current-context: gone
contexts: [{name: gone, context: {cluster: gone, user: me, namespace: dev}}]
clusters: [{name: gone, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: me, user: {token: x}}]
";

/// Without a daemon, with and without a cluster: the build does what the plan reports.
#[test]
fn plan_and_build_agree_without_a_daemon() {
    let kubeconfig = || Some(UNREACHABLE.to_owned());
    let (copies, runs) = ("FROM scratch\nCOPY a.txt /\n", "FROM scratch\nRUN make\n");
    // Each with the builder that the plan names, or the reason why both fail.
    let cases = [
        (without_daemon(None, ""), copies, "", Ok("oci")),
        (without_daemon(None, ""), runs, "", Err("stage::build::needs_daemon")),
        (without_daemon(None, "useCli: true"), copies, "", Err("docker::unreachable")),
        (without_daemon(None, "disableFallback: true"), copies, "", Err("docker::unreachable")),
        (without_daemon(None, ""), copies, "docker", Err("docker::unreachable")),
        (without_daemon(None, ""), runs, "oci", Err("stage::build::needs_daemon")),
        (without_daemon(None, ""), copies, "kaniko", Err("cluster::none")),
        (without_daemon(kubeconfig(), ""), copies, "", Ok("kaniko")),
        (without_daemon(kubeconfig(), ""), runs, "", Ok("kaniko")),
        (without_daemon(kubeconfig(), "disableFallback: true"), copies, "", Err("docker::unreachable")),
        (without_daemon(kubeconfig(), "args: [--squash]"), runs, "", Err("docker::unreachable")),
        (without_daemon(kubeconfig(), ""), copies, "oci", Ok("oci")),
        (without_daemon(kubeconfig(), ""), copies, "docker", Err("docker::unreachable")),
    ];
    for (project, dockerfile, builder, expected) in cases {
        project.write("Dockerfile", dockerfile);
        let mut options = if builder.is_empty() { vec![] } else { vec!["--builder", builder] };
        // The test has no registry either.
        let asks_registry = ["docker", "oci"].contains(&builder) || expected == Ok("oci");
        options.extend(asks_registry.then_some("--skip-push"));
        let plan = project.run(["plan"].iter().chain(&options));
        let build = project.run(["build"].iter().chain(&options));
        match expected {
            Ok(builder) => {
                plan.success().stdout_has(format!("builder  {builder}"));
                match builder {
                    // Only the build can find out whether the cluster responds.
                    "kaniko" => drop(build.exits(1).stderr_has("building with kaniko")),
                    _ => drop(build.success().stderr_has("assembling without a daemon")),
                }
            }
            Err(code) => {
                plan.exits(1).stderr_has(code);
                build.exits(1).stderr_has(code);
            }
        }
    }
}

#[test]
fn the_fallback_can_be_disabled() {
    let Some(cluster) = Cluster::acquire() else { return };
    let output = without_daemon(Some(cluster.kubeconfig("test")), "disableFallback: true").run(["build"]);
    output.exits(1).stderr_has("docker::unreachable").lacks("kaniko");
}

#[test]
fn unsupported_options_prevent_the_fallback_to_kaniko() {
    let Some(cluster) = Cluster::acquire() else { return };
    let kubeconfig = || Some(cluster.kubeconfig("test"));
    let arguments = without_daemon(kubeconfig(), "args: [--squash]").run(["build"]);
    arguments.exits(1).stderr_has("docker::unreachable");
    arguments
        .stderr_has("cannot fall back to kaniko")
        .stderr_has("with `--squash` of its `args` (devspace.yaml:");
    let skipped = without_daemon(kubeconfig(), "").run(["build", "--skip-push"]);
    skipped.exits(1).stderr_has("docker::unreachable").stderr_has("cannot fall back to kaniko");
    assert!(cluster.pods().is_empty());
}

#[test]
fn the_fallback_works_in_project_tests() {
    let tests = r#"
        fn far_cluster() { host.cluster(#{ context: "prod", server: "https://prod.example" }); }

        fn test_kaniko_takes_docker_s_place() {
            far_cluster();
            host.docker(#{ reachable: false });
            build(project());
            assert_eq(calls("kaniko_build"), ["api"]);
            assert_eq(calls("build"), []);
        }

        fn test_docker_comes_first() {
            far_cluster();
            build(project());
            assert_eq(calls("build"), ["api"]);
            assert_eq(calls("kaniko_build"), []);
        }

        fn test_not_where_it_is_switched_off() {
            far_cluster();
            host.docker(#{ reachable: false });
            let image = project(#{ profile: "docker" }).image("api");
            assert_throws(|| choose_builder(image), "docker::unreachable");
            assert_eq(calls(), []);
        }
    "#;
    let docker = "profiles:\n- {name: docker, patches: [{op: add, path: images.api.build, value: {docker: \
                  {disableFallback: true}}}]}\n";
    let project = Project::new()
        .file(
            "devspace.yaml",
            format!("version: v1beta9\nimages:\n  api: {{image: r.example/api}}\n{docker}"),
        )
        .file("Dockerfile", "FROM scratch\n")
        .file("windlass_test.rhai", tests);
    project.run(["test"]).success().stdout_has("3 passed");
}
