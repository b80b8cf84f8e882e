//! The guide to deploying says what is true.

use k8s_openapi::api::core::v1::ConfigMap;

use crate::harness::{Cluster, Project};

#[test]
fn option_dependency_deploys_only_the_dependency() {
    let Some(cluster) = Cluster::acquire() else { return };
    let object = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let config = "version: v2beta1\nname: NAME\ndeployments: {NAME: {kubectl: {manifests: [a.yaml]}}}\n";
    let project = Project::new()
        .file("devspace.yaml", config.replace("NAME", "own") + "dependencies: {below: {path: below}}\n")
        .file("a.yaml", object("own"))
        .file("below/devspace.yaml", config.replace("NAME", "below"))
        .file("below/a.yaml", object("below"))
        .file("kubeconfig", cluster.kubeconfig("test"));
    let kubeconfig = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", kubeconfig);
    let exists = |name: &str| cluster.find::<ConfigMap>(name).is_some();
    project.run(["deploy", "--dependency", "below"]).success().stderr_has("1 deployed");
    assert_eq!([exists("own"), exists("below")], [false, true]);
    project.run(["deploy", "--skip-dependency", "below"]).success().stderr_has("1 deployed");
    assert!(exists("own"));
}
