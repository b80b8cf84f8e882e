//! Rebuilt base images: the images built on them follow, in the same run, in a plan, and in every later run.

use serde_json::Value;

use crate::harness::{Daemon, ImageTree, Project, TestRepository};

const BUILD: [&str; 4] = ["build", "--skip-push", "--progress", "json"];

/// `image decision: reason` of each image, sorted; `objects` have these as `image`, `decision` and `reason`.
fn told(objects: &[Value], name: &str) -> Vec<String> {
    let text = |object: &Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let line = |object: &Value| {
        format!("{} {}: {}", text(object, name), text(object, "decision"), text(object, "reason"))
    };
    let mut lines: Vec<_> = objects.iter().map(line).collect();
    lines.sort();
    lines
}

/// The decisions of a plan.
#[track_caller]
fn planned(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.run(["plan", "--json", "--skip-push"].iter().chain(arguments));
    let plan: Value = serde_json::from_str(&output.success().stdout).expect("a plan is JSON");
    told(plan["images"].as_array().expect("a list"), "name")
}

/// The decisions of a build.
#[track_caller]
fn built(project: &Project, arguments: &[&str]) -> Vec<String> {
    let events = project.run(BUILD.iter().chain(arguments)).success().json_lines();
    let decided: Vec<_> = events.into_iter().filter(|event| event["type"] == "image_decided").collect();
    told(&decided, "image")
}

/// The decisions of a plan, which the build after it must repeat.
#[track_caller]
fn decided(project: &Project, arguments: &[&str]) -> Vec<String> {
    let planned = planned(project, arguments);
    assert_eq!(planned, built(project, arguments), "a plan decides like the build");
    planned
}

/// A project whose image `app` is built on `base`, which a change of `base.txt` does not rebuild.
fn project(daemon: &Daemon, base: &TestRepository, app: &TestRepository) -> Project {
    let yaml = format!(
        "version: v1beta9\nimages:\n  app: {{image: {app}, tags: ['1']}}\n  base:\n    image: {base}\n    tags: ['1']\n    \
         dockerfile: base/Dockerfile\n    context: base\n    rebuildStrategy: ignoreContextChanges\n"
    );
    Project::new()
        .daemon(daemon)
        .file("devspace.yaml", yaml)
        .file("Dockerfile", format!("FROM {base}\nCOPY app.txt /\n"))
        .file("app.txt", "app")
        .file("base/Dockerfile", "FROM scratch\nCOPY base.txt /\n")
        .file("base/base.txt", "one")
}

const UNCHANGED: [&str; 2] = ["app skip: unchanged", "base skip: unchanged"];

#[test]
fn forced_base_rebuilds_dependent_images() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
    let project = project(&daemon, &base, &app);
    let base_in_app = || daemon.file(&format!("{app}:1"), "/base.txt");
    assert_eq!(built(&project, &[]), ["app build: never built here", "base build: never built here"]);
    project.write("base/base.txt", "two");
    assert_eq!(decided(&project, &[]), UNCHANGED);

    let forced = ["app build: its base `base` is rebuilt", "base build: forced"];
    assert_eq!(decided(&project, &["--force", "base"]), forced);
    assert_eq!(base_in_app(), "two");
    assert_eq!(decided(&project, &[]), UNCHANGED);

    // Later runs notice as well.
    project.write("base/base.txt", "three");
    assert_eq!(decided(&project, &["base", "--force", "base"]), ["base build: forced"]);
    let later = ["app build: its base `base` was rebuilt", "base skip: unchanged"];
    assert_eq!(decided(&project, &[]), later);
    assert_eq!(base_in_app(), "three");
    assert_eq!(decided(&project, &[]), UNCHANGED);

    // The daemon makes the same image of the same steps and files, which a plan cannot know.
    assert_eq!(planned(&project, &["--force", "base"]), forced);
    assert_eq!(built(&project, &["--force", "base"]), ["app skip: unchanged", "base build: forced"]);
    assert_eq!(decided(&project, &[]), UNCHANGED);
}

#[test]
fn image_of_a_command_is_compared_by_content() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
    let yaml = |on_change: &str| {
        format!(
            "version: v1beta9\nimages:\n  app: {{image: {app}, tags: ['1']}}\n  base:\n    image: {base}\n    tags: ['1']\n    \
             build: {{custom: {{command: './make {base}:1'{on_change}}}}}\n"
        )
    };
    let project = project(&daemon, &base, &app).file("devspace.yaml", yaml("")).executable(
        "make",
        "#!/bin/sh\ndocker build --quiet --tag \"$1\" base || exec docker build --quiet --tag \"$1\" base\n",
    );
    let always = "base build: a custom command without `onChange` always runs";
    assert_eq!(built(&project, &[]), ["app build: never built here", always]);
    // Only running the command shows that it makes the same image.
    assert_eq!(planned(&project, &[]), ["app build: its base `base` is rebuilt", always]);
    assert_eq!(built(&project, &[]), ["app skip: unchanged", always]);
    project.write("base/base.txt", "two");
    assert_eq!(decided(&project, &[]), ["app build: its base `base` is rebuilt", always]);
    assert_eq!(daemon.file(&format!("{app}:1"), "/base.txt"), "two");

    project.write("devspace.yaml", yaml(", onChange: [make]"));
    built(&project, &[]);
    assert_eq!(decided(&project, &[]), UNCHANGED);
    project.write("base/base.txt", "three");
    assert_eq!(decided(&project, &["base", "--force", "base"]), ["base build: forced"]);
    let later = ["app build: its base `base` was rebuilt", "base skip: unchanged"];
    assert_eq!(decided(&project, &[]), later);
    assert_eq!(daemon.file(&format!("{app}:1"), "/base.txt"), "three");
    assert_eq!(decided(&project, &[]), UNCHANGED);
}

#[test]
fn base_of_a_dependency_is_noticed_wherever_it_was_built() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
    let project = project(&daemon, &base, &app)
        .file(
            "devspace.yaml",
            format!(
                "version: v1beta11\nimages:\n  app: {{image: {app}, tags: ['1']}}\ndependencies:\n- {{name: low, source: \
                 {{path: low}}}}\n"
            ),
        )
        .file(
            "low/devspace.yaml",
            format!(
                "version: v1beta11\nimages:\n  base:\n    image: {base}\n    tags: ['1']\n    rebuildStrategy: \
                 ignoreContextChanges\n"
            ),
        )
        .file("low/Dockerfile", "FROM scratch\nCOPY base.txt /\n")
        .file("low/base.txt", "one");
    let base_in_app = || daemon.file(&format!("{app}:1"), "/base.txt");
    built(&project, &[]);
    project.write("low/base.txt", "two");
    assert_eq!(decided(&project, &[]), ["app skip: unchanged", "low.base skip: unchanged"]);
    let forced = ["app build: its base `low.base` is rebuilt", "low.base build: forced"];
    assert_eq!(decided(&project, &["--force", "low.base"]), forced);
    assert_eq!(base_in_app(), "two");

    project.write("low/base.txt", "three");
    project.run_in("low", ["build", "--skip-push", "-b"]).success();
    let left_out = ["app build: its base `low.base` was rebuilt"];
    assert_eq!(decided(&project, &["--skip-dependency", "low"]), left_out);
    assert_eq!(base_in_app(), "three");
    assert_eq!(decided(&project, &[]), ["app skip: unchanged", "low.base skip: unchanged"]);
}

#[test]
fn command_that_names_an_image_is_rebuilt_with_it() {
    let image = |name: &str, command: &str| {
        format!(
            "  {name}:\n    image: r.invalid/{name}\n    tags: ['1']\n    build: {{custom: {{command: '{command}', onChange: \
             [input]}}}}\n"
        )
    };
    let low = format!("version: v1beta11\nimages:\n{}", image("base", "echo base >> ../log"));
    let app = image("app", "echo app on ${runtime.dependencies.low.images.base} >> log");
    let project = Project::new()
        .file("input", "")
        .file("low/input", "")
        .file("low/devspace.yaml", low)
        .file(
            "devspace.yaml",
            format!(
                "version: v1beta11\nimages:\n{app}dependencies:\n- {{name: low, source: {{path: low}}}}\n"
            ),
        )
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    built(&project, &[]);
    let unchanged = ["app skip: unchanged", "low.base skip: unchanged"];
    assert_eq!(decided(&project, &[]), unchanged);
    // The content of an image from a command is unknown, so an image built with it is built again.
    let forced = ["app build: its base `low.base` is rebuilt", "low.base build: forced"];
    assert_eq!(decided(&project, &["--force", "low.base"]), forced);
    assert_eq!(decided(&project, &[]), unchanged);
    let log = project.read("log");
    assert_eq!(log.lines().collect::<Vec<_>>(), ["base", "app on r.invalid/base:1"].repeat(2));
}

#[test]
fn base_only_in_the_daemon_is_compared_by_its_id() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
    let reference = format!("{base}:dev");
    let project = project(&daemon, &base, &app)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  app: {{image: {app}, tags: ['1']}}\n"))
        .file("Dockerfile", format!("FROM {reference}\nCOPY app.txt /\n"));
    let make_base = |content: &str| {
        project.write("base/base.txt", content);
        let folder = project.path("base");
        daemon.docker(["build", "--quiet", "--tag", &reference, folder.to_str().expect("a string")]);
    };
    make_base("one");
    built(&project, &[]);
    assert_eq!(decided(&project, &[]), ["app skip: unchanged"]);
    make_base("two");
    let moved = format!("app build: its base {reference} is now a different image in the Docker daemon");
    assert_eq!(decided(&project, &[]), [moved]);
    assert_eq!(daemon.file(&format!("{app}:1"), "/base.txt"), "two");
    assert_eq!(decided(&project, &[]), ["app skip: unchanged"]);
}

/// Two images, one built on the other, in the repositories `base` and `app`, built by `builder`.
fn pair(base: &str, app: &str, builder: &str) -> Project {
    let yaml = format!(
        "version: v1beta9\nimages:\n  app: {{image: {app}, dockerfile: app.Dockerfile}}\n  base: {{image: {base}}}\n"
    );
    Project::new()
        .file("devspace.yaml", yaml)
        .file("app.Dockerfile", format!("FROM {base}\nCOPY app.txt /\n"))
        .file("app.txt", "one")
        .file("Dockerfile", "FROM scratch\nCOPY base.txt /\n")
        .file("base.txt", "one")
        .file("windlass.rhai", format!("fn builder(image) {{ \"{builder}\" }}\n"))
}

#[test]
fn a_tag_that_a_later_build_took_names_the_reused_image_again() {
    let project = pair("acme/base", "acme/app", "oci");
    let build = || project.run(["build", "--skip-push", "-t", "x"]).success().clone();
    let content = |reference: &str, path: &str| {
        ImageTree::of_store(&project, reference).tree.get(path).cloned().expect("a file")
    };
    build();
    let one = content("acme/base:x", "base.txt");
    project.write("base.txt", "two");
    build();
    assert_ne!(content("acme/base:x", "base.txt"), one);
    // Back to the first content: both images are reused, under the tags that the second build has taken.
    project.write("base.txt", "one");
    project.run(["plan", "--skip-push", "-t", "x"]).success().stdout_has("tag x no longer refers to it");
    build().stderr_has("tag x no longer refers to it").lacks("building");
    assert_eq!(content("acme/base:x", "base.txt"), one);
    assert_eq!(content("acme/app:x", "base.txt"), one);
    build().stderr_has("2 skipped").lacks("no longer");
}

#[track_caller]
fn check_pushed_base(builder: &str) {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let role = |image: &str| daemon.repository(&registry.address(), &format!("{builder}-{image}"));
    let (base, app) = (role("base"), role("app"));
    let project = pair(&base.to_string(), &app.to_string(), builder).daemon(&daemon);
    project.run(["build", "-t", "x"]).success();
    // The tag names another image here, but not in the registry.
    project.write("base.txt", "two");
    project.run(["build", "--skip-push", "-t", "x", "base"]).success();
    project.write("base.txt", "one");
    project.write("app.txt", "two");
    project.run(["build", "-t", "x"]).success().stderr_has("1 built, 1 skipped");
    let pulled = format!("{app}@{}", registry.digest_at(app.path(), "x").expect("pushed"));
    project.run_program("docker", ["pull", "--quiet", &pulled]).success();
    assert_eq!(daemon.file(&pulled, "/base.txt"), "one");
    assert_eq!(daemon.file(&pulled, "/app.txt"), "two");
}

#[test]
fn a_base_whose_tag_names_another_image_in_the_daemon_is_the_pushed_one() {
    check_pushed_base("docker");
}

#[test]
fn a_base_whose_tag_names_another_image_in_the_store_is_the_pushed_one() {
    check_pushed_base("oci");
}
