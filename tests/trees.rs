//! Third-party directory trees, copied whole: every builder reproduces the files of the directory.
//!
//! Without `WINDLASS_TEST_TREES` the tree is one of our dependencies as cargo unpacked it; `tests/long/trees` creates
//! more of them, in the directory that the variable names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::docker_transports::{WAYS, docker_cli};
use crate::harness::{Daemon, ImageStore, ImageTree, ModernDaemon, Project, Tree, folder_tree};

/// The dependency with the most files: about 4,000.
const DEPENDENCY: &str = "k8s-openapi";
/// The limit for one build of the largest tree on a busy machine.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The trees to build.
fn trees() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("WINDLASS_TEST_TREES") else { return vec![dependency()] };
    let trees = fs::read_dir(folder).expect("WINDLASS_TEST_TREES names a directory");
    let mut trees: Vec<PathBuf> = trees.map(|entry| entry.expect("an entry").path()).collect();
    trees.retain(|tree| tree.is_dir());
    trees.sort();
    trees
}

/// The sources of [`DEPENDENCY`].
fn dependency() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--format-version", "1", "--offline", "--locked"]);
    // Crates for other systems are not downloaded.
    cargo.args(["--filter-platform", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == DEPENDENCY).expect("a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("a directory").to_owned()
}

/// Builds `tree` in every way that `daemon` offers, and without a daemon.
fn check(tree: &Path, daemon: &Daemon) {
    let cli = docker_cli().expect("some docker CLI can build with BuildKit");
    let images = WAYS.map(|(name, docker)| (name, docker, daemon.repository("", name)));
    let image = |name: &str, repository: &str, docker: &str| {
        format!(
            "  {name}:\n    image: {repository}\n    tags: ['1']\n    context: {}\n    dockerfile: Dockerfile\n    \
             build: {{docker: {docker}}}\n",
            tree.display()
        )
    };
    let config: String =
        images.iter().map(|(name, docker, repository)| image(name, repository.name(), docker)).collect();
    let oci = format!("{}/oci", images[0].2);
    let config = format!("version: v1beta11\nimages:\n{config}{}", image("oci", &oci, "{}"));
    let project = Project::new()
        .daemon(daemon)
        .limit(LIMIT)
        .program_on_path("docker", format!("#!/bin/sh\nexec {} \"$@\"\n", cli.display()))
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY . /tree/\n")
        // Replaces the ignore file that the tree may have.
        .file("Dockerfile.dockerignore", "# Everything.\n");
    let expected = folder_tree(tree, "tree");
    let files = expected.len();
    assert!(files > 1000, "{} is too small for a test: {files} entries", tree.display());

    let names = images.iter().map(|(name, ..)| *name);
    let words = ["build", "--skip-push"].into_iter().chain(names);
    project.run(words).success();
    for (name, _, repository) in &images {
        let built = ImageTree::of_daemon(daemon, &format!("{repository}:1")).tree;
        same(tree, name, &expected, built);
    }
    project.run(["build", "--skip-push", "--builder", "oci", "oci"]).success();
    same(tree, "oci", &expected, ImageTree::of_store(&project, &format!("{oci}:1")).tree);

    let told = project.run(["build", "--skip-push"].into_iter().chain(images.iter().map(|(name, ..)| *name)));
    told.success().stderr_has("unchanged");
}

/// Compares file by file, because a diff of thousands of lines is unreadable.
#[track_caller]
fn same(tree: &Path, builder: &str, expected: &Tree, mut actual: Tree) {
    // The directory that COPY creates.
    actual.remove("tree");
    let paths = expected.keys().chain(actual.keys().filter(|path| !expected.contains_key(*path)));
    let differences: Vec<String> = paths
        .filter(|path| expected.get(*path) != actual.get(*path))
        .map(|path| format!("{path}: {:?} became {:?}", expected.get(path), actual.get(path)))
        .collect();
    assert!(
        differences.is_empty(),
        "{} built by {builder}: {} of {} differ:\n{}",
        tree.display(),
        differences.len(),
        expected.len(),
        differences[..differences.len().min(20)].join("\n")
    );
}

#[test]
fn a_whole_tree_is_copied_unchanged() {
    let Some(daemon) = Daemon::acquire() else { return };
    trees().iter().for_each(|tree| check(tree, &daemon));
}

#[test]
#[ignore = "slow: run tests/long/trees"]
fn a_whole_tree_is_copied_unchanged_by_a_modern_docker() {
    for store in [ImageStore::Docker, ImageStore::Containerd] {
        let Some(daemon) = ModernDaemon::acquire(store) else { return };
        trees().iter().for_each(|tree| check(tree, &daemon));
    }
}
