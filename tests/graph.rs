//! Images built from other images of the project: order, newly built tags, rebuilds, and failures.

use crate::harness::{Daemon, Output, Project, TestRepository};

/// The images `base` and `app` of one project; the Dockerfile of `app` is written later.
struct Pair {
    daemon: Daemon,
    base: TestRepository,
    app: TestRepository,
    project: Project,
}

impl Pair {
    fn new() -> Option<Self> {
        let daemon = Daemon::acquire()?;
        let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", Self::config(&base, &app, ""))
            .file("base/Dockerfile", "FROM scratch\nCOPY base.txt /base.txt\n")
            .file("base/base.txt", "one")
            .file("app/app.txt", "app");
        Some(Self { daemon, base, app, project })
    }

    /// `app` comes first in the file, so that only the graph can order them.
    fn config(base: &TestRepository, app: &TestRepository, more_of_base: &str) -> String {
        format!(
            "version: v1beta9
images:
  app:
    image: {app}
    context: app
    dockerfile: app/Dockerfile
  base:
    image: {base}
    context: base
    dockerfile: base/Dockerfile
{more_of_base}"
        )
    }

    fn app_dockerfile(self, text: &str) -> Self {
        self.project.write("app/Dockerfile", text);
        self
    }

    #[track_caller]
    fn build(&self, more: &[&str]) -> Output {
        self.project.run(["build", "--skip-push"].iter().chain(more))
    }

    /// The content of `path` in the one image of `app` that did not exist `before`.
    #[track_caller]
    fn file_of_new_app(&self, before: &[String], path: &str) -> String {
        let tags = self.daemon.tags(&self.app);
        let mut new = tags.iter().filter(|tag| !before.contains(tag));
        let tag = new.next().unwrap_or_else(|| panic!("no new image of app, only {tags:?}"));
        self.daemon.file(&format!("{}:{tag}", self.app), path)
    }
}

/// The images a run built, in order, from its events.
fn built(output: &Output) -> Vec<String> {
    outcomes(output, "built")
}

fn outcomes(output: &Output, outcome: &str) -> Vec<String> {
    let events = output.json_lines();
    let finished = events.iter().filter(|event| event["outcome"] == outcome);
    finished.filter_map(|event| Some(event["image"].as_str()?.to_owned())).collect()
}

/// The base is built first, the app uses its new tag, and a change in the base rebuilds both.
#[track_caller]
fn check_follows_its_base(dockerfile: impl FnOnce(&Pair) -> String) {
    let Some(pair) = Pair::new() else { return };
    let text = dockerfile(&pair);
    let pair = pair.app_dockerfile(&text);
    let json = &["--progress", "json"];
    assert_eq!(built(pair.build(json).success()), ["base", "app"]);
    assert_eq!(pair.file_of_new_app(&[], "/base.txt"), "one");

    let output = pair.build(json);
    assert_eq!(outcomes(output.success(), "skipped"), ["base", "app"], "{output}");

    let before = pair.daemon.tags(&pair.app);
    pair.project.write("base/base.txt", "two");
    let output = pair.build(json);
    assert_eq!(built(output.success()), ["base", "app"], "{output}");
    assert!(output.stdout.contains("its base `base` changed"), "{output}");
    assert_eq!(pair.file_of_new_app(&before, "/base.txt"), "two");
    assert_eq!(pair.project.read("app/Dockerfile"), text, "the user's file was written to");
}

#[test]
fn image_is_built_after_its_base_image() {
    check_follows_its_base(|pair| format!("FROM {}\nCOPY app.txt /\n", pair.base));
}

#[test]
fn image_from_latest_is_built_after_its_base_image() {
    check_follows_its_base(|pair| format!("FROM {}:latest\nCOPY app.txt /\n", pair.base));
}

#[test]
fn image_is_built_after_the_image_it_copies_from() {
    check_follows_its_base(|pair| format!("FROM scratch\nCOPY --from={} /base.txt /\n", pair.base));
}

#[test]
fn base_image_in_an_argument_is_built_first() {
    check_follows_its_base(|pair| {
        format!("ARG BASE={}\nARG TAG=latest\nFROM ${{BASE}}:$TAG AS final\nCOPY app.txt /\n", pair.base)
    });
}

#[test]
fn base_image_of_a_named_stage_is_built_first() {
    check_follows_its_base(|pair| {
        format!("FROM {} AS files\nFROM scratch\nCOPY --from=files /base.txt /base.txt\n", pair.base)
    });
}

#[test]
fn configured_tag_of_another_image_refers_to_it() {
    let Some(pair) = Pair::new() else { return };
    let pair = {
        let text = format!("FROM {}:1.4\nCOPY app.txt /\n", pair.base);
        pair.app_dockerfile(&text)
    };
    pair.project.write("devspace.yaml", Pair::config(&pair.base, &pair.app, "    tags: [\"1.4\"]\n"));
    assert_eq!(built(pair.build(&["--progress", "json"]).success()), ["base", "app"]);
    assert_eq!(pair.file_of_new_app(&[], "/base.txt"), "one");
}

#[test]
fn other_tag_of_the_repository_is_an_external_image() {
    let Some(pair) = Pair::new() else { return };
    pair.daemon.docker(["tag", &pair.daemon.base(), &format!("{}:pinned", pair.base)]);
    let pair = {
        let text = format!("FROM {}:pinned\nCOPY app.txt /\n", pair.base);
        pair.app_dockerfile(&text)
    };
    let output = pair.build(&["--progress", "json", "app"]);
    assert_eq!(built(output.success()), ["app"], "{output}");
    let tag = &pair.daemon.tags(&pair.app)[0];
    assert_eq!(pair.daemon.try_file(&format!("{}:{tag}", pair.app), "/base.txt"), None);
}

#[test]
fn selected_images_include_their_bases() {
    let Some(pair) = Pair::new() else { return };
    let other = pair.daemon.repository("", "other");
    let text = format!("FROM {}\nCOPY app.txt /\n", pair.base);
    let pair = pair.app_dockerfile(&text);
    let more = format!("  other:\n    image: {other}\n    context: app\n    dockerfile: base/Dockerfile\n");
    pair.project.write("devspace.yaml", Pair::config(&pair.base, &pair.app, &more));
    let json = &["--progress", "json"];
    assert_eq!(built(pair.build(&[json, ["app"].as_slice()].concat()).success()), ["base", "app"]);
    assert_eq!(outcomes(pair.build(&[json, ["base"].as_slice()].concat()).success(), "skipped"), ["base"]);
    assert!(pair.daemon.tags(&other).is_empty());
}

#[test]
fn image_with_an_unchanged_base_builds_alone() {
    let Some(pair) = Pair::new() else { return };
    let text = format!("FROM {}\nCOPY app.txt /\n", pair.base);
    let pair = pair.app_dockerfile(&text);
    pair.build(&[]).success();
    pair.project.write("base/base.txt", "never seen");
    pair.project.write("base/base.txt", "one");
    pair.project.write("app/app.txt", "changed");
    let before = pair.daemon.tags(&pair.app);
    let output = pair.build(&["--progress", "json"]);
    assert_eq!(built(output.success()), ["app"], "{output}");
    assert_eq!(outcomes(&output, "skipped"), ["base"], "{output}");
    assert_eq!(pair.file_of_new_app(&before, "/app.txt"), "changed");
    assert_eq!(pair.file_of_new_app(&before, "/base.txt"), "one");
}

#[test]
fn base_only_in_a_registry_is_used_from_there() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let (base, app) =
        (daemon.repository(&registry.address(), "base"), daemon.repository(&registry.address(), "app"));
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", Pair::config(&base, &app, ""))
        .file("base/Dockerfile", "FROM scratch\nCOPY base.txt /base.txt\n")
        .file("base/base.txt", "one")
        .file("app/app.txt", "app")
        .file("app/Dockerfile", format!("FROM {base}\nCOPY app.txt /\n"));
    project.run(["build", "base"]).success();
    for tag in daemon.tags(&base) {
        daemon.docker(["image", "rm", "--force", &format!("{base}:{tag}")]);
    }
    let output = project.run(["build", "--progress", "json"]);
    assert_eq!(built(output.success()), ["app"], "{output}");
    let tag = &daemon.tags(&app)[0];
    assert_eq!(daemon.file(&format!("{app}:{tag}"), "/base.txt"), "one");
}

#[test]
fn disabled_base_is_an_external_image() {
    let Some(pair) = Pair::new() else { return };
    pair.daemon.docker(["tag", &pair.daemon.base(), &format!("{}:latest", pair.base)]);
    let text = format!("FROM {}\nCOPY app.txt /\n", pair.base);
    let pair = pair.app_dockerfile(&text);
    pair.project
        .write("devspace.yaml", Pair::config(&pair.base, &pair.app, "    build:\n      disabled: true\n"));
    let output = pair.build(&["--progress", "json"]);
    assert_eq!(built(output.success()), ["app"], "{output}");
    assert_eq!(pair.file_of_new_app(&[], "/app.txt"), "app");
}

/// An image cannot be built from itself: its own repository refers to the existing image.
#[test]
fn own_repository_refers_to_the_existing_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let proxy = daemon.repository("", "proxy");
    daemon.docker(["tag", &daemon.base(), &format!("{proxy}:latest")]);
    let project = Project::new()
        .daemon(&daemon)
        .file(
            "devspace.yaml",
            format!("version: v1beta9\nimages:\n  proxy:\n    image: {proxy}\n    tags: [v1, latest]\n"),
        )
        .file("c", "one");
    let mark = "/bin/busybox";
    for (name, dockerfile) in [
        ("no tag", format!("FROM {proxy}\nCOPY c /c\n")),
        ("a separate tag", format!("FROM {proxy}:v1\nCOPY c /c\n")),
        (
            "the release before",
            format!("FROM scratch\nCOPY --from={proxy}:latest {mark} {mark}\nCOPY c /c\n"),
        ),
    ] {
        project.write("Dockerfile", dockerfile);
        project.run(["plan"]).success();
        let output = project.run(["build", "--skip-push", "--progress", "json"]);
        assert_eq!(built(output.success()), ["proxy"], "{name}");
        // The executed file is the one that all of them copy from the release before.
        assert_eq!(daemon.run(&format!("{proxy}:v1"), &[mark, "cat", "/c"]), "one", "{name}");
    }
}

#[test]
fn broken_base_fails_with_its_own_error_and_stops_its_dependents() {
    let Some(pair) = Pair::new() else { return };
    let text = format!("FROM {}\nCOPY app.txt /\n", pair.base);
    let pair = pair.app_dockerfile(&text);
    pair.project.write("base/Dockerfile", "FROM scratch\nCOPPY base.txt /\n");
    for more in [&["--progress", "json"][..], &["--progress", "json", "--keep-going"]] {
        let output = pair.build(more);
        output.exits(1).stderr_has("COPPY").stderr_has("base/Dockerfile:2");
        assert_eq!(outcomes(&output, "failed"), ["base"], "{output}");
        let events = output.json_lines();
        let app = events.iter().find(|event| event["image"] == "app" && event["outcome"] == "cancelled");
        let reason = app.map(|event| event["reason"].clone()).unwrap_or_default();
        assert_eq!(reason, "its base `base` failed", "{output}");
    }
}

/// Three images that are built from each other in a cycle, and the error for it.
#[test]
fn cycle_shows_its_path_with_locations() {
    let output = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  web:\n    image: acme/web\n    dockerfile: web.Dockerfile\n  api:\n    image: acme/api\n    dockerfile: api.Dockerfile\n  tool:\n    image: acme/tool\n    dockerfile: tool.Dockerfile\n",
        )
        .file("web.Dockerfile", "FROM acme/api\n")
        .file("api.Dockerfile", "FROM scratch\nCOPY a /\nCOPY --from=acme/tool:latest /x /\n")
        .file("tool.Dockerfile", "\nFROM acme/api AS x\n")
        .run(["build"]);
    output.exits(2);
    insta::assert_snapshot!(output.stderr, @r"
    image::cycle

      x image dependency cycle: api -> tool -> api
      help: change the base image in one of these lines:
            api.Dockerfile:3: `api` uses `tool`
            tool.Dockerfile:2: `tool` uses `api`
    ");
}

#[test]
fn unknown_image_suggests_the_nearest() {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  worker:\n    image: acme/worker\n  api:\n    image: acme/api\n",
        )
        .file("Dockerfile", "FROM scratch\n");
    let output = project.run(["build", "workr"]);
    output.exits(2);
    insta::assert_snapshot!(output.stderr, @r"
    image::unknown

      x unknown image `workr`
      help: did you mean `worker`?
    ");
    let output = project.run(["build", "zebra"]);
    output.exits(2);
    insta::assert_snapshot!(output.stderr, @r"
    image::unknown

      x unknown image `zebra`
      help: choose one of worker, api
    ");
}

#[test]
fn base_named_only_by_an_override_is_reported() {
    let Some(pair) = Pair::new() else { return };
    let pair = pair.app_dockerfile("FROM scratch\nCOPY app.txt /\n");
    let script = format!(
        "fn dockerfile(image) {{\n    if image.name == \"app\" {{ return parse_dockerfile(image, \"FROM {}\\nCOPY app.txt /\\n\"); }}\n    load_dockerfile(image)\n}}\n",
        pair.base
    );
    pair.project.write("windlass.rhai", script);
    let output = pair.build(&["app"]);
    output
        .stderr_has("`app` is built from `base`, which is not built yet")
        .stderr_has("in the Dockerfile on disk too");
    output.exits(2).stderr_has("stage::plan::parent_missing");
}
