//! Scripts in a real cluster: overrides and pipelines that build in it and read from it.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::harness::{BuildCluster, Project, TestRepository, wait_for};

/// Overrides that build in the cluster if there is one, and pipelines of the project.
const SCRIPT: &str = r#"//! Pipelines of the shop.

fn plan(image) {
    let image = image.with_kaniko(#{ insecure: true, limits: #{ memory: "1Gi" } });
    plan_image(image, dockerfile(image), context(image))
}

fn build_image(image) {
    let plan = plan(tagged(image));
    if cluster() == () { plan.build_with("docker") } else { kaniko_build(plan) }
}

/// Builds one image in the cluster, with its own tag.
///
/// @param name string The image
fn canary(project, name) {
    let built = build_image(project.image(name).with_tags(["canary"]));
    print(`built ${built.digest} in ${cluster().namespace}`);
}

/// Prints the logs of pods.
///
/// @param pods string A name or a label selector
fn logs(project, pods) {
    for line in pod_logs(pods, #{ lines: 2 }).split("\n") { print(`> ${line}`); }
}
"#;

/// A project with the script, and an image that is built in a pod only because of the script.
fn project(cluster: &BuildCluster, api: &TestRepository) -> Project {
    cluster
        .project()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api: {{image: {api}, tags: [one]}}\n"))
        .file("windlass.rhai", SCRIPT)
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
}

#[test]
fn an_override_and_a_pipeline_build_in_the_cluster() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let project = project(&cluster, &api);
    let place = format!("building with kaniko in the namespace {}", cluster.cluster.namespace());
    project.run(["build", "--result", "result.json"]).success().stderr_has(&place);
    let digest = cluster.registry.digest(&api, "one").expect("it is pushed");
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
    assert_eq!(result["images"][0]["digest"], digest.as_str());

    let output = project.run(["run", "canary", "api"]);
    let digest = cluster.registry.digest(&api, "canary").expect("it is pushed");
    let built = format!("built {digest} in {}", cluster.cluster.namespace());
    output.success().stderr_has(&place).stderr_has(built);
    assert_eq!(cluster.registry.tags(&api), ["canary", "one"]);
    assert!(cluster.cluster.pods().is_empty());
}

#[test]
fn a_plan_of_such_scripts_creates_no_pod() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let output = project(&cluster, &api).run(["plan"]);
    output.success().stdout_has("builder  kaniko").stdout_has(format!("push     {api}:one"));
    assert!(cluster.cluster.pods().is_empty());
    assert!(cluster.registry.tags(&api).is_empty());
}

#[test]
fn a_pipeline_reads_the_logs_of_pods() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let project = project(&cluster, &cluster.repository("api"));
    for name in ["first", "second"] {
        let script = format!("echo never; echo {name} one; echo {name} two");
        let container =
            json!({ "name": "c", "image": BuildCluster::executor(), "command": ["/bin/sh", "-c", script] });
        cluster.cluster.create::<Pod>(json!({
            "metadata": { "name": name, "labels": { "app": "talks" } },
            "spec": { "containers": [container], "restartPolicy": "Never" },
        }));
    }
    for name in ["first", "second"] {
        wait_for("the end of a pod", std::time::Duration::from_secs(60), || {
            (cluster.cluster.find::<Pod>(name)?.status?.phase? == "Succeeded").then_some(())
        });
    }
    let one = project.run(["run", "logs", "first"]);
    one.success().stderr_has("> first one\n> first two\n").lacks("never").lacks("second");
    let both = project.run(["run", "logs", "app=talks"]);
    both.success().lacks("never");
    both.stderr_has(
        "> ==> first <==\n> first one\n> first two\n> ==> second <==\n> second one\n> second two\n",
    );
    let none = project.run(["run", "logs", "app=silent"]);
    none.exits(1).stderr_has("cluster::not_found").stderr_has("`app=silent`");
}
