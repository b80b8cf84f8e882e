//! Tags: random by default, several per image, checked before anything is built.

use crate::harness::{Daemon, Project, TestRepository};

fn project(daemon: &Daemon, repository: &TestRepository, fields: &str) -> Project {
    let config = format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n{fields}");
    let dockerfile = format!("FROM {}\nCOPY a.txt /\n", daemon.base());
    Project::new()
        .daemon(daemon)
        .file("devspace.yaml", config)
        .file("Dockerfile", dockerfile)
        .file("a.txt", repository.path())
}

fn is_random(tag: &str, length: usize) -> bool {
    tag.len() == length && tag.chars().all(|c| c.is_ascii_alphanumeric())
}

#[test]
fn an_image_without_tags_gets_one_of_five_random_characters() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(&daemon, &repository, "");
    project.run(["build"]).success();
    let first = registry.tags(&repository);
    assert!(matches!(first.as_slice(), [tag] if is_random(tag, 5)), "{first:?}");
    project.run(["build", "-b"]).success();
    assert_eq!(registry.tags(&repository).len(), 2, "another build, another tag");
}

#[test]
fn every_tag_is_built_and_pushed_with_each_hash_sign_filled_in() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(&daemon, &repository, "    tags: [\"one\", \"v1-###\", \"one\"]\n");
    project.run(["build"]).success();
    let tags = registry.tags(&repository);
    let [one, random] = tags.as_slice() else { panic!("{tags:?}") };
    assert_eq!(one, "one");
    assert!(random.strip_prefix("v1-").is_some_and(|rest| is_random(rest, 3)), "{random}");
    assert_eq!(daemon.tags(&repository), tags);
    project.run(["build"]).success().stderr_has("skipped: unchanged");
    assert_eq!(registry.tags(&repository), tags, "the random part stays while nothing changes");
}

#[test]
fn command_line_tags_replace_the_configured_ones() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(&daemon, &repository, "    tags: [configured]\n");
    project.run(["build", "-t", "one", "--tag", "two,three", "-t", "one"]).success();
    assert_eq!(registry.tags(&repository), ["one", "three", "two"]);
    assert_eq!(daemon.tags(&repository), ["one", "three", "two"]);
}

#[test]
fn an_invalid_tag_is_rejected_with_its_location_before_the_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");

    let project = project(&daemon, &repository, "    tags: [\"fine\", \"not fine\"]\n");
    let output = project.run(["build"]);
    output.exits(2).stderr_has("devspace.yaml:5:20").stderr_has("`not fine`").stderr_has("contains ` `");

    let project = self::project(&daemon, &repository, "");
    let output = project.run(["build", "-t", "fine,-no"]);
    output.exits(2).stderr_has("--tag").stderr_has("`-no`").stderr_has("starts with `-`");

    project.write("windlass.rhai", "fn tags(image) {\n    [\"a b\"]\n}\n");
    let output = project.run(["build"]);
    output.exits(2).stderr_has("`a b` is not a valid tag").stderr_has("windlass.rhai:1:4").lacks("building");
    assert!(daemon.tags(&repository).is_empty());
}

/// Two images, `api` and `worker`, in one repository.
fn two(daemon: &Daemon, repository: &TestRepository, tags: &str) -> Project {
    let image = |name| format!("  {name}:\n    image: {repository}\n{tags}");
    project(daemon, repository, "")
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n{}{}", image("api"), image("worker")))
}

#[test]
fn two_images_cannot_claim_one_reference() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");

    // In the configuration.
    let output = two(&daemon, &repository, "    tags: [v1]\n").run(["build"]);
    output.exits(2).stderr_has("images `api` and `worker` have the same reference");
    output.stderr_has("devspace.yaml:8:12").stderr_has("again here");

    // On the command line.
    let project = two(&daemon, &repository, "");
    let output = project.run(["build", "-t", "v2"]);
    output.exits(1).stderr_has(format!("the images `api` and `worker` would both be `{repository}:v2`"));
    output.stderr_has("devspace.yaml:3:3").stderr_has("devspace.yaml:5:3").lacks("building");

    // In a script.
    project.write("windlass.rhai", "fn tags(image) { [\"v3\"] }\n");
    let output = project.run(["build"]);
    output.exits(1).stderr_has(format!("`{repository}:v3`"));
    output.stderr_has("devspace.yaml:3:3").stderr_has("devspace.yaml:5:3").lacks("building");

    assert!(daemon.tags(&repository).is_empty());
    // Alone, or with random parts, each of them is allowed.
    project.remove("windlass.rhai");
    project.run(["build", "-t", "v2", "--skip-push", "worker"]).success();
    project.run(["build", "-t", "v#####", "--skip-push"]).success();
    assert_eq!(daemon.tags(&repository).len(), 3);
}
