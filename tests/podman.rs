//! Podman instead of Docker, found through `DOCKER_HOST`: everything that a build does with a daemon.

use crate::harness::{Podman, PodmanVersion, Project, Registry, Signal, TestRepository, busybox};

const VERSIONS: [PodmanVersion; 2] = [PodmanVersion::Installed, PodmanVersion::Newer];

/// A project with one image.
fn project(podman: &Podman, image: &TestRepository, more: &str, dockerfile: &str) -> Project {
    let config =
        format!("version: v1beta11\nimages:\n  app:\n    image: {image}\n    tags: ['1', '2']\n{more}");
    Project::new().daemon(podman).file("devspace.yaml", config).file("Dockerfile", dockerfile).file("f", "x")
}

/// The ways to build: the default, and those that an image may select.
const WAYS: [&str; 3] = [
    "",
    "    build: {docker: {useBuildKit: true}}\n",
    "    build: {docker: {args: [--no-cache], options: {buildArgs: {A: '1'}}}}\n",
];

#[test]
fn podman_builds_tags_and_lists_images() {
    for version in VERSIONS {
        let Some(podman) = Podman::start(version, "127.0.0.1:1") else { continue };
        for way in WAYS {
            let image = podman.repository("", "podman");
            let project = project(&podman, &image, way, "FROM scratch\nARG A=1\nLABEL made=$A\nCOPY f /\n");
            let build = ["build", "--skip-push", "--progress", "plain"];
            let output = project.run(build);
            output.success().stderr_has("building with").stderr_has("built ").lacks("warning:");
            let [one, two] = ["1", "2"].map(|tag| podman.image_id(&format!("{image}:{tag}")));
            assert!(one.is_some() && one == two, "{version:?} {way}: {one:?}, {two:?}");
            assert_eq!(podman.inspect(&format!("{image}:1"))["Config"]["Labels"]["made"], "1");
            project.run(build).success().stderr_has("skipped: unchanged").lacks("tag ");
            project.run(["build", "--skip-push", "-t", "3"]).success().stderr_has("new tag 3");
            assert_eq!(podman.image_id(&format!("{image}:3")), one, "{version:?} {way}");
            project.write("f", "y");
            project.run(build).success().stderr_has("building: f changed");
            assert_ne!(podman.image_id(&format!("{image}:1")), one, "{version:?} {way}");
            podman.docker(["image", "rm", "--force", &format!("{image}:1"), &format!("{image}:2")]);
            project.run(build).success().stderr_has("the image is no longer in the daemon");
        }
    }
}

#[test]
fn podman_pushes_and_pushed_images_are_skipped() {
    let Some(registry) = Registry::start() else { return };
    for version in VERSIONS {
        let Some(podman) = Podman::start(version, &registry.address()) else { continue };
        let image = podman.repository(&registry.address(), "podman-push");
        let project = project(&podman, &image, "", "FROM scratch\nCOPY f /\n");
        project.run(["build"]).success().lacks("warning:");
        assert_eq!(registry.tags(&image), ["1", "2"], "{version:?}");
        project.run(["build"]).success().stderr_has("skipped: unchanged");
        project.run(["build", "-t", "3"]).success();
        assert_eq!(registry.tags(&image), ["1", "2", "3"], "{version:?}");
    }
}

#[test]
fn podman_loads_images_that_windlass_assembled() {
    for version in VERSIONS {
        let Some(podman) = Podman::start(version, "127.0.0.1:1") else { continue };
        let image = podman.repository("", "podman-load");
        let project = project(&podman, &image, "", "FROM scratch\nCOPY f /\n");
        let build = ["build", "--skip-push", "--builder", "oci"];
        project.run(build).success().stderr_has("loaded into the Docker daemon");
        let id = podman.image_id(&format!("{image}:2"));
        assert!(id.is_some(), "{version:?}");
        project.run(build).success().stderr_has("skipped: unchanged").lacks("loaded");
        podman.docker(["image", "rm", "--force", &format!("{image}:1"), &format!("{image}:2")]);
        project.run(["save", "app", "--daemon"]).success();
        assert_eq!(podman.image_id(&format!("{image}:1")), id, "{version:?}");
    }
}

#[test]
fn a_build_in_podman_is_interrupted() {
    let Some(busybox) = busybox() else { return };
    // A newer Podman has no runtime for the command in its root file system.
    let Some(podman) = Podman::start(PodmanVersion::Installed, "127.0.0.1:1") else { return };
    let image = podman.repository("", "podman-stop");
    let dockerfile = "FROM scratch\nCOPY sleep /bin/sleep\nRUN [\"/bin/sleep\", \"20\"]\n";
    let options = "    build: {docker: {options: {network: none}}}\n";
    let project = project(&podman, &image, options, dockerfile).executable("sleep", busybox);
    let running = project.spawn(["build", "--skip-push", "--progress", "plain"]);
    running.wait_for_text("RUN").signal(Signal::Interrupt);
    running.finish().exits(130).stderr_has("interrupted");
    assert_eq!(podman.image_id(&format!("{image}:1")), None);
    assert!(!project.path(".windlass/images/app.json").exists());
}
