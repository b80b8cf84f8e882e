//! BuildKit in the cluster, with docker's own buildx and a real node: the builder that is made, what is pushed, what
//! every option does, and what each failure says.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::Value;

use crate::harness::{BuildxCluster, Project, TestRepository};

/// A configuration with an image in `repository`, built with these fields of `inCluster`.
fn config(repository: &TestRepository, in_cluster: &str) -> String {
    format!(
        "version: v2beta1\nimages:\n  api:\n    image: {repository}\n    tags: [one, two]\n    buildKit: {{inCluster: \
         {{image: '{}', {in_cluster}}}}}\n",
        BuildxCluster::image()
    )
}

/// A project whose image has a file, and the outcome of a step that runs.
fn project(cluster: &BuildxCluster, repository: &TestRepository, in_cluster: &str) -> Project {
    cluster
        .project()
        .file("devspace.yaml", config(repository, in_cluster))
        .file("Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nCOPY a.txt /\nRUN [\"/bin/sh\", \"-c\", \"echo made > /made\"]\n")
        .file("a.txt", "hello")
}

#[test]
fn the_first_build_makes_a_builder_and_pushes() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let project = project(&cluster, &api, "rootless: true");
    let output = project.run(["build", "--result", "result.json"]);
    let namespace = cluster.cluster.namespace();
    output.success().stderr_has(format!("creating the builder devspace-{namespace}")).stderr_has("RUN [");

    // The builder is where it should be, and made as configured.
    let name = format!("devspace-{namespace}0");
    assert_eq!(cluster.builders(), [format!("{name}: {}", BuildxCluster::image())]);
    let builder = cluster.cluster.find::<Deployment>(&name).expect("the builder");
    let pod = builder.spec.and_then(|spec| spec.template.spec).expect("a pod");
    let rights = pod.containers[0].security_context.clone().expect("rights");
    assert_eq!(rights.privileged, None);

    // The digest is the registry's, and what was built is what the Dockerfile says.
    assert_eq!(cluster.registry.tags(&api), ["one", "two"]);
    let digest = cluster.registry.digest(&api, "one").expect("a digest");
    output.stderr_has(format!("pushed {api}:one ({digest})"));
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
    assert_eq!(result["images"][0]["digest"], digest);
    assert_eq!(result["images"][0]["pushed"], true);
    cluster.daemon.docker(["pull", &format!("{api}:one")]);
    assert_eq!(cluster.daemon.file(&format!("{api}:one"), "/a.txt"), "hello");
    assert_eq!(cluster.daemon.file(&format!("{api}:one"), "/made"), "made\n");

    // Nothing changed: nobody is contacted. Another build finds the builder.
    project.run(["build"]).success().stderr_has("1 skipped").lacks("builder");
    project.write("a.txt", "changed");
    let uid = || cluster.cluster.find::<Deployment>(&name).expect("the builder").metadata.uid;
    let before = uid();
    project.run(["build"]).success().stderr_has("a.txt changed").lacks("creating the builder");
    assert_eq!(uid(), before);
    assert_ne!(cluster.registry.digest(&api, "one"), Some(digest));
}
