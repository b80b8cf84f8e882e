//! `windlass init`: creates a devspace.yaml.

use crate::harness::{Daemon, Project};

#[test]
fn one_dockerfile_becomes_an_image_that_builds_immediately() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "init");
    let dockerfile = format!("FROM {}\nCOPY a.txt /\n", daemon.base());
    let project = Project::new().daemon(&daemon).file("Dockerfile", dockerfile).file("a.txt", "hello");
    let output = project.run(["init", "--image", &repository.to_string()]).success().clone();
    output.stderr_has("wrote devspace.yaml with 1 image").stderr_has("windlass build --skip-push");
    project.run(["build", "--skip-push", "-t", "1"]).success();
    assert_eq!(daemon.file(&format!("{repository}:1"), "/a.txt"), "hello");
}

#[test]
fn suggestions_come_from_directories_and_the_git_remote() {
    let project = Project::new()
        .file("api/Dockerfile", "FROM scratch\nCOPY main.go /\n")
        .file("api/main.go", "")
        .file("deploy/worker.Dockerfile", "FROM scratch\nCOPY --from=x a /\nCOPY jobs/* /jobs/\n")
        .file("jobs/one", "")
        .file("ignored/Dockerfile", "FROM scratch\n")
        .file(".gitignore", "ignored/\n")
        .file(".git/config", "[remote \"origin\"]\n\turl = git@github.com:Acme/Shop.git\n");
    project.run(["init", "--yes"]).success();
    insta::assert_snapshot!(project.read("devspace.yaml"), @r#"
    # The images of `windlass build`; run `windlass doc images` to list the keys.
    version: v2beta1
    name: project

    images:
      api:
        image: ghcr.io/acme/shop/api
        dockerfile: api/Dockerfile
        context: api
      worker:
        image: ghcr.io/acme/shop/worker
        dockerfile: deploy/worker.Dockerfile
    "#);
    project.run(["list", "images"]).success().stdout_has("ghcr.io/acme/shop/worker");
}

#[test]
fn services_of_a_compose_file_are_images() {
    let compose = "services:
  db: { image: postgres }
  web:
    image: registry.example/acme/web:1.4
    build: { context: ./web, dockerfile: Dockerfile.prod, target: final, args: { VERSION: 1.10, TOKEN: } }
  worker:
    build: { context: ./web, dockerfile: Dockerfile.prod, target: final }
  Api:
    build: ./api
";
    let project = Project::new()
        .file("compose.yaml", compose)
        .file("web/Dockerfile.prod", "FROM scratch AS final\n")
        .file("api/Dockerfile", "FROM scratch\n")
        .file("other/Dockerfile", "FROM scratch\n");
    project.run(["init", "--yes"]).success();
    insta::assert_snapshot!(project.read("devspace.yaml"), @r#"
    # The images of `windlass build`; run `windlass doc images` to list the keys.
    version: v2beta1
    name: project

    images:
      web:
        image: registry.example/acme/web
        dockerfile: web/Dockerfile.prod
        context: web
        target: final
        buildArgs:
          VERSION: "1.1"
          TOKEN:
      api:
        image: project/api
        dockerfile: api/Dockerfile
        context: api
    "#);
    project.run(["list", "images"]).success().stdout_has("registry.example/acme/web");
}

#[test]
fn existing_file_is_never_changed() {
    let project = Project::new().file("Dockerfile", "FROM scratch\n").file("devspace.yaml", "mine");
    project.run(["init", "--yes"]).exits(2).stderr_has("`devspace.yaml` already exists");
    assert_eq!(project.read("devspace.yaml"), "mine");
}

#[test]
fn without_terminal_lists_suggestions() {
    let project = Project::new().file("api/Dockerfile", "FROM scratch\n");
    let output = project.run(["init"]).exits(2).clone();
    insta::assert_snapshot!(output.stderr, @"
    init::nobody_to_ask

      x cannot prompt for the images: not a terminal
      help: pass `--yes` to accept the suggestions: `api` (api)
    ");
    assert!(!project.path("devspace.yaml").exists());
}

#[test]
fn errors_are_explained() {
    let project = Project::new();
    project.run(["init", "--yes"]).exits(2).stderr_has("no Dockerfile in");
    let project = project.file("a/Dockerfile", "FROM scratch\n").file("b/Dockerfile", "FROM scratch\n");
    project
        .run(["init", "--dockerfile", "c/Dockerfile"])
        .exits(2)
        .stderr_has("file `c/Dockerfile` not found");
    project.run(["init", "--image", "acme/x"]).exits(2).stderr_has("write `--image NAME=acme/x`");
    project.run(["init", "--image", "c=acme/x"]).exits(2).stderr_has("choose one of `a`");
    project.run(["init", "--image", "a=acme/x:1"]).exits(2).stderr_has("without the tag `1`");
    assert!(!project.path("devspace.yaml").exists());
    project.run(["init", "--dockerfile", "b/Dockerfile", "--image", "acme/x"]).success();
    assert!(project.read("devspace.yaml").contains("dockerfile: b/Dockerfile"));
}

#[test]
fn terminal_prompts_for_images_and_their_names() {
    let project =
        Project::new().file("a/Dockerfile", "FROM scratch\n").file("b/Dockerfile", "FROM scratch\n");
    let mut terminal = project.terminal(["init"]);
    terminal.wait_for_text("Which images should windlass build?");
    // The first is selected already: space deselects it.
    terminal.type_text(" \r");
    terminal.wait_for_text("Repository of `b`");
    terminal.type_text("registry.example/acme/b\r");
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    let text = project.read("devspace.yaml");
    assert!(text.contains("image: registry.example/acme/b\n") && !text.contains("  a:"), "{text}");
}

#[test]
fn prompts_can_be_cancelled() {
    let project = Project::new().file("Dockerfile", "FROM scratch\n");
    let mut terminal = project.terminal(["init"]);
    terminal.wait_for_text("Repository of");
    terminal.type_text("\x03");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 130, "{screen}");
    assert!(!project.path("devspace.yaml").exists());
}
