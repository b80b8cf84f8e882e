//! Builds in the cluster are shared as all others.

use crate::harness::{BuildCluster, BuildxCluster, Project, Registry, TestRepository};

/// The tags by which machines share builds of a repository.
fn shared_tags(registry: &Registry, repository: &TestRepository) -> Vec<String> {
    let mut tags = registry.tags(repository);
    tags.retain(|tag| tag.starts_with("windlass-"));
    tags
}

fn config(repository: &TestRepository, builder: &str) -> String {
    format!("version: v2beta1\nimages:\n  api:\n    image: {repository}\n    tags: [one]\n    {builder}\n")
}

/// A clone that builds in the cluster.
fn clone(project: Project, repository: &TestRepository, builder: &str) -> Project {
    project
        .file("devspace.yaml", config(repository, builder))
        .file("Dockerfile", format!("FROM scratch\nLABEL of={repository}\nCOPY a.txt /\n"))
        .file("a.txt", "hello")
}

/// Checks that one clone shares its build, and that another one uses it without a builder.
#[track_caller]
fn check(registry: &Registry, repository: &TestRepository, one: &Project, other: &Project) {
    one.run(["build", "--share", "write"]).success().stderr_has("never built");
    let shared = shared_tags(registry, repository);
    assert_eq!(shared.len(), 1);
    assert_eq!(registry.digest(repository, &shared[0]), registry.digest(repository, "one"));
    let output = other.run(["build", "--share", "read"]);
    output.success().stderr_has("skipped: unchanged, found in the registry").lacks("building with");
    // What changed since is named, although another machine built it.
    other.write("a.txt", "changed");
    other.run(["plan", "--share", "read"]).success().stdout_has("build: a.txt changed");
}

#[test]
fn build_pods_share_what_they_push() {
    let Some(cluster) = BuildCluster::acquire() else { return };
    let api = cluster.repository("api");
    let machine = || clone(cluster.project(), &api, "kaniko: {insecure: true}");
    check(&cluster.registry, &api, &machine(), &machine());
}

#[test]
fn build_kit_in_the_cluster_shares_what_it_pushes() {
    let Some(cluster) = BuildxCluster::acquire() else { return };
    let api = cluster.daemon.repository(&cluster.registry.address(), "api");
    let builder = format!("buildKit: {{inCluster: {{image: '{}', rootless: true}}}}", BuildxCluster::image());
    let machine = || clone(cluster.project(), &api, &builder);
    check(&cluster.registry, &api, &machine(), &machine());
}
