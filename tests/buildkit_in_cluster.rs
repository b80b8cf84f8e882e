//! BuildKit in the cluster when buildx or the cluster is missing or must not be queried: `docker` is a stand-in that
//! records its arguments. The tests of buildx itself are in `buildx.rs`.

use serde_json::json;

use crate::harness::Project;

/// Replaces docker with buildx: records its arguments.
const DOCKER: &str = "#!/bin/sh\necho \"$*\" >> \"$PROJECT/said\"\n";

/// A project whose images are built by BuildKit in a cluster that is never queried.
fn project(images: &[&str], in_cluster: &str) -> Project {
    let mut config = "version: v2beta1\nimages:\n".to_owned();
    for name in images {
        config += &format!(
            "  {name}: {{image: r.example/{name}, tags: [one], target: final, buildArgs: {{A: '1'}}, buildKit: {{args: \
             [--no-cache], inCluster: {{{in_cluster}}}}}}}\n"
        );
    }
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "prod",
        "contexts": [
            { "name": "prod", "context": { "cluster": "c", "namespace": "dev" } },
        ],
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
    });
    let project = Project::new()
        .program_on_path("docker", DOCKER)
        .file("kubeconfig", kubeconfig.to_string())
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch AS final\nARG A\nCOPY a.txt /\nFROM final\n")
        .file("a.txt", "hello");
    let (kubeconfig, root) = (project.path("kubeconfig"), project.path(""));
    project.env("KUBECONFIG", kubeconfig).env("PROJECT", root)
}

/// The recorded docker command lines, without the paths, which differ in each run.
fn said(project: &Project) -> Vec<String> {
    let said = project.read("said");
    project.remove("said");
    let shorten = |line: &str| {
        let words = line.split(' ').map(|word| if word.starts_with('/') { "PATH" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    said.lines().map(shorten).collect()
}

#[test]
fn buildx_gets_the_build_options_and_can_keep_the_image() {
    let project = project(&["api"], "noCreate: true, noLoad: true");
    project.run(["build", "--skip-push"]).success();
    let build = "buildx build --build-arg A --tag r.example/api:one --file PATH --target final --builder devspace-dev \
                 --metadata-file PATH --no-cache PATH";
    assert_eq!(said(&project), ["buildx version", "buildx inspect --bootstrap devspace-dev", build]);
}

#[test]
fn a_builder_in_an_unreachable_cluster_is_an_error() {
    let output = project(&["api"], "").run(["build"]);
    output.exits(1).stderr_has("cluster::unreachable").stderr_has("https://127.0.0.1:1");
}

#[test]
fn without_buildx_the_message_names_the_alternatives() {
    let project = project(&["api"], "").program_on_path("docker", "#!/bin/sh\nexit 1\n");
    let output = project.run(["build"]);
    output.exits(1).stderr_has("stage::build::no_buildx").stderr_says("`docker buildx` is not installed");
    output.stderr_says("remove `inCluster`").stderr_has("`kaniko`");
}

#[test]
fn a_plan_names_the_builder_and_contacts_no_server() {
    let project = project(&["api"], "namespace: builds");
    let output = project.run(["plan"]);
    output.success().stdout_has("builder  buildkit").stdout_has("push     r.example/api:one");
    output.stdout_has("run      build api with buildkit in the namespace builds of prod");
    assert!(!project.path("said").exists());
}
