//! `windlass upgrade`: rewrites the file in the newest version, and loses nothing.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::Project;

const OLD: &str = "# The shop.
version: v1beta6

images:
  # Its API.
  api:
    image: acme/api
    tag: \"1.10\" # kept
    build:
      docker:
        skipPush: true
";

const NEW: &str = "# The shop.
version: v2beta1
name: project

images:
  # Its API.
  api:
    image: acme/api
    tags: [\"1.10\"] # kept
    skipPush: true
";

#[test]
fn file_is_rewritten_in_place() {
    let project = Project::new().file("devspace.yaml", OLD).file("Dockerfile", "FROM scratch\n");
    let path = project.path("devspace.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("permissions can be set");
    let before = project.run(["plan", "--json"]).success().stdout.clone();
    project.run(["upgrade"]).success().stdout_is("").stderr_has("devspace.yaml: v1beta6 -> v2beta1");
    assert_eq!(project.read("devspace.yaml"), NEW);
    let mode = std::fs::metadata(&path).expect("the file exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // The plan is the same, including the key.
    assert_eq!(project.run(["plan", "--json"]).success().stdout, before);
    project.run(["upgrade"]).success().stderr_has("devspace.yaml stays at v2beta1: nothing to do");
    assert_eq!(project.read("devspace.yaml"), NEW);
}

#[test]
fn check_and_dry_run_write_nothing() {
    let project = Project::new().file("devspace.yaml", OLD);
    project
        .run(["upgrade", "--check"])
        .exits(1)
        .stderr_has("run `windlass upgrade` to convert it to v2beta1");
    project.run(["upgrade", "--dry-run"]).success().stdout_is(NEW);
    assert_eq!(project.read("devspace.yaml"), OLD);
    project.write("devspace.yaml", NEW);
    project.run(["upgrade", "--check"]).success();
}

#[test]
fn file_is_upgraded_to_the_newest_possible_version() {
    let text = "version: v1beta9\nimages:\n  api: {image: acme/api, build: {disabled: true}} # off\n";
    let project = Project::new().file("devspace.yaml", text);
    project
        .run(["upgrade"])
        .success()
        .stderr_has("cannot upgrade to v2beta1: devspace.yaml:3:34: it has no `disabled` in image `api`")
        .stderr_has("by hand: remove the image, or select the others in `windlass.rhai`");
    assert_eq!(project.read("devspace.yaml"), text.replace("v1beta9", "v1beta11"));
    project.run(["upgrade", "--check"]).success();
}

#[test]
fn invalid_file_is_explained_and_unchanged() {
    let text = "version: v1beta8\nimages:\n  api: {image: acme/api, build: {buildKit: {}}}\n";
    let project = Project::new().file("devspace.yaml", text);
    project
        .run(["upgrade"])
        .exits(2)
        .stderr_has("devspace.yaml:3:34: `buildKit` in `build` of image `api` needs v1beta10")
        .stderr_has("change the file to `version: v1beta10`");
    assert_eq!(project.read("devspace.yaml"), text);
}

#[test]
fn symlink_remains_a_symlink() {
    let project = Project::new().file("shared.yaml", OLD).symlink("devspace.yaml", "shared.yaml");
    project.run(["upgrade"]).success();
    let link = std::fs::symlink_metadata(project.path("devspace.yaml")).expect("the link exists");
    assert!(link.file_type().is_symlink());
    assert_eq!(project.read("shared.yaml"), NEW);
}
