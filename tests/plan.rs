//! `windlass plan`: the dry run of a build.

use serde_json::Value;

use crate::harness::{Daemon, Output, Project};

/// Three images, two of them on top of each other, with hooks and a custom command; no daemon.
fn project() -> Project {
    Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9
images:
  app:
    image: acme/app
    dockerfile: app/Dockerfile
  base:
    image: acme/base
    dockerfile: base/Dockerfile
    tags: ['1.0']
  made:
    image: acme/made
    build:
      custom:
        command: touch made
hooks:
  - command: touch before
    events: ['before:build']
  - command: touch hooked
    events: ['after:build:app']
  - command: touch later
    events: ['after:build']
",
        )
        .file("base/Dockerfile", "FROM scratch\nENV DIR=app\nCOPY base/data /\n")
        .file("base/data", "12345")
        .file("app/Dockerfile", "FROM acme/base\nCOPY $DIR/main.txt /\n")
        .file("app/main.txt", "hello")
        .file("unread", "no image reads it")
}

/// The plan as JSON.
fn plan(project: &Project, arguments: &[&str]) -> Value {
    let arguments = ["plan", "--json"].iter().chain(arguments);
    serde_json::from_str(&project.run(arguments).success().stdout).expect("JSON")
}

/// Name, decision and reason of each image.
fn decisions(plan: &Value) -> Vec<String> {
    let text = |image: &Value, field: &str| image[field].as_str().unwrap_or_default().to_owned();
    let images = plan["images"].as_array().expect("a list").iter();
    images
        .map(|image| {
            format!("{} {}: {}", text(image, "name"), text(image, "decision"), text(image, "reason"))
        })
        .collect()
}

#[test]
fn plan_shows_everything_and_changes_nothing() {
    let project = project();
    let output = project.run(["plan"]);
    let text = output.success().stdout.lines().map(hide_key).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @"
    before the images:
      sh touch before (hook before:build)
    base | build: never built here
      builder  oci
      context  1 file, 5 B
      key      [key]
      tag      acme/base:1.0
      push     acme/base:1.0
    app  | build: never built here
      from     base
      builder  oci
      context  1 file, 5 B
      key      [key]
      tag      acme/app:#####
      push     acme/app:#####
      run      sh touch hooked (hook after:build:app)
    made | build: a custom command without `onChange` always runs
      builder  custom
      key      [key]
      tag      acme/made:#####
      run      sh touch made
    after the images:
      sh touch later (hook after:build)
    3 to build
    `#` in a tag is a random character that the build chooses
    ");
    assert_eq!(output.stderr, "");
    for path in [".windlass", "before", "hooked", "later", "made"] {
        assert!(!project.path(path).exists(), "{path} exists");
    }
}

/// The actions of a pipeline other than builds are listed in order and not executed.
#[test]
fn pipeline_is_planned_with_its_arguments() {
    let script = r#"
/// Builds everything and gives it a version.
///
/// @param version string The version: 1.4.0
/// @param channel "stable"|"beta" = "stable" Who gets it
fn release(project, version, channel) {
    step("checking", || sh("touch checked; exit 3"));
    let found = exec(["echo", "found"], #{ pure: true }).stdout;
    for image in project.images {
        build_image(image.with_tags([version, channel]));
    }
    write_file("release.txt", `${version} ${read_file("app/main.txt")}`);
    exec(["touch", "told", found, read_file("release.txt")], #{ dir: "app", timeout: 5 });
    timeout(5, || retry(2, || http_post("https://chat.example/hook", #{ text: version })));
    remove_file("release.txt");
}

fn copies(project) { copy_image("acme/app:1", "acme/app:2"); }
"#;
    let project = project().file("windlass.rhai", script);
    let output = project.run(["plan", "release", "1.4.0", "--channel", "beta", "--force", "base"]);
    let text = output.success().stdout.lines().map(hide_key).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @"
    before the images:
      sh touch checked; exit 3
      exec echo found (executed)
    base | build: forced
      builder  oci
      context  1 file, 5 B
      key      [key]
      tag      acme/base:1.4.0
      tag      acme/base:beta
      push     acme/base:1.4.0
      push     acme/base:beta
    app  | build: never built here
      from     base
      builder  oci
      context  1 file, 5 B
      key      [key]
      tag      acme/app:1.4.0
      tag      acme/app:beta
      push     acme/app:1.4.0
      push     acme/app:beta
      run      sh touch hooked (hook after:build:app)
    made | build: a custom command without `onChange` always runs
      builder  custom
      key      [key]
      tag      acme/made:1.4.0
      tag      acme/made:beta
      run      sh touch made
    after the images:
      write release.txt
      exec touch told found '1.4.0 hello'
      http POST https://chat.example/hook
      remove release.txt
    3 to build
    ");
    for path in [".windlass", "checked", "release.txt", "app/told", "made"] {
        assert!(!project.path(path).exists(), "{path} exists");
    }
    let json = plan(&project, &["release", "2.0.0"]);
    assert_eq!((&json["pipeline"], json["images"].as_array().map(Vec::len)), (&"release".into(), Some(3)));
    assert_eq!(json["images"][1]["tags"], serde_json::json!(["acme/app:2.0.0", "acme/app:stable"]));
    let kinds: Vec<_> =
        json["after"].as_array().expect("a list").iter().map(|effect| effect["kind"].clone()).collect();
    assert_eq!(kinds, ["edit", "exec", "http", "edit"]);

    let output = project.run(["plan", "copies"]).success().clone();
    assert_eq!(output.stdout, "steps:\n  copy acme/app:1 to acme/app:2\nno images\n");
}

#[test]
fn planned_pipelines_accept_the_arguments_of_a_run() {
    let script = "/// @param port int\nfn serve(project, port) { print(`${project.profiles} on ${port + 1}`) }\nfn app(project) { }\n";
    let config = self::project().read("devspace.yaml") + "profiles:\n- name: dev\n";
    let project = project().file("devspace.yaml", config).file("windlass.rhai", script);
    for arguments in [["plan", "-p", "dev", "serve", "1"], ["plan", "serve", "1", "-p", "dev"]] {
        project.run(arguments).success().stderr_has("[\"dev\"] on 2");
    }
    project.run(["plan", "serve", "x"]).exits(2).stderr_has("expected a whole number");
    project
        .run(["plan", "serve", "--help"])
        .success()
        .stdout_has("Usage: windlass plan serve [OPTIONS] <PORT>");
    project
        .run(["plan", "serv", "1"])
        .exits(2)
        .stderr_has("unknown image or pipeline `serv`")
        .stderr_has("`serve`");
    project.run(["plan", "build"]).exits(2).stderr_has("run `windlass plan`");
    project.run(["plan", "app", "--jsn"]).exits(2).stderr_has("'--json'");
    // An image and a pipeline with the same name.
    project
        .run(["plan", "app", "--json"])
        .success()
        .stderr_has("planning the image `app`, not the pipeline at windlass.rhai:3")
        .stdout_has("\"pipeline\": \"build\"");
}

/// The line without the key.
fn hide_key(line: &str) -> String {
    if line.starts_with("  key ") { "  key      [key]".to_owned() } else { line.to_owned() }
}

#[test]
fn plan_as_json_has_every_field() {
    let plan = plan(&project(), &["app", "-t", "v-##"]);
    assert_eq!(decisions(&plan), ["base build: never built here", "app build: never built here"]);
    let app = &plan["images"][1];
    assert_eq!((&app["level"], &app["from"][0], &app["builder"]), (&1.into(), &"base".into(), &"oci".into()));
    assert_eq!(app["tags"], serde_json::json!(["acme/app:v-##"]));
    assert_eq!(app["push"], serde_json::json!(["acme/app:v-##"]));
    assert_eq!(app["context"], serde_json::json!({ "files": 1, "bytes": 5 }));
    assert_eq!(app["key"].as_str().map(str::len), Some(64));
    assert_eq!(plan["before"][0]["what"], "sh touch before");
    assert_eq!(plan["before"][0]["event"], "before:build");
    assert_eq!(plan["before"][0]["purpose"], "hook");
    let kinds: Vec<_> =
        app["effects"].as_array().expect("a list").iter().map(|effect| &effect["kind"]).collect();
    assert_eq!(kinds, ["build", "push", "exec"]);
}

#[test]
fn options_and_scripts_count() {
    let project = project().file(
        "windlass.rhai",
        "fn needs_build(image, plan) { image.name != \"made\" }\nfn tags(image) { [\"dev\"] }\n",
    );
    let plan = plan(&project, &["base", "--skip-push"]);
    assert_eq!(plan["images"][0]["tags"], serde_json::json!(["acme/base:dev"]));
    assert_eq!(plan["images"][0]["push"], serde_json::json!([]));
}

#[test]
fn unplannable_image_fails_as_in_a_build() {
    let project = project().file("base/Dockerfile", "FROM scratch\nCOYP base/data /\n");
    let said = |output: &Output| {
        let start = output.stderr.find("dockerfile::").unwrap_or_else(|| panic!("no diagnostic\n{output}"));
        output.stderr[start..].to_owned()
    };
    let (plan, build) = (project.run(["plan", "app"]), project.run(["build", "app", "--keep-going"]));
    assert_eq!(said(plan.exits(1)), said(build.exits(1)));
    plan.stdout_has("base | fail: ").stdout_has("app  | cancel: its base `base` failed");
}

#[test]
fn exit_code_tells_whether_there_is_work() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta11\nimages:\n  app:\n    image: acme/app\n    tags: [one]\n")
        .file("Dockerfile", "FROM scratch\nCOPY f /\n")
        .file("f", "1");
    let plan = ["plan", "--exit-code", "--builder", "oci", "--skip-push"];
    project.run(plan).exits(3).stdout_has("1 to build");
    project.run(["plan", "--builder", "oci", "--skip-push"]).success();
    project.run(["build", "--builder", "oci", "--skip-push"]).success();
    project.run(plan).success().stdout_has("1 unchanged");
    project.write("f", "2");
    project.run(plan).exits(3);
    project.write("Dockerfile", "COPY f /\n");
    project.run(plan).exits(1);
}

#[test]
fn invalid_script_is_an_error_of_the_script() {
    let project = project().file("windlass.rhai", "fn tags(image) { \"1\" }\n");
    project.run(["plan"]).exits(2).stderr_has("`tags` must be a list of strings");
    project.run(["plan", "nope"]).exits(2).stderr_has("unknown image or pipeline `nope`");
}

#[test]
fn plan_and_build_agree_on_a_real_daemon() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let [base, app] = ["base", "app"].map(|name| daemon.repository(&registry.address(), name));
    let config = |tag: &str| {
        format!(
            "version: v1beta9\nimages:\n  app:\n    image: {app}\n    dockerfile: app/Dockerfile\n  base:\n    image: {base}\n    dockerfile: base/Dockerfile\n    tags: ['{tag}']\n"
        )
    };
    let project = project()
        .daemon(&daemon)
        .file("devspace.yaml", config("1.0"))
        .file("app/Dockerfile", format!("FROM {base}\nCOPY $DIR/main.txt /\n"));
    let agree = |what: &str, arguments: &[&str]| {
        let planned = plan(&project, arguments);
        let options: Vec<_> = ["build", "--progress", "json"].iter().chain(arguments).copied().collect();
        let events = project.run(options).success().json_lines();
        let of =
            |kind: &str| events.iter().filter(|event| event["type"] == kind).cloned().collect::<Vec<_>>();
        let decided = serde_json::json!({ "images": of("image_decided").iter().map(|event| serde_json::json!({
            "name": event["image"], "decision": event["decision"], "reason": event["reason"],
        })).collect::<Vec<_>>() });
        assert_eq!(decisions(&planned), decisions(&decided), "{what}");
        for (image, event) in planned["images"].as_array().expect("a list").iter().zip(of("image_finished")) {
            assert_eq!(image["key"], event["key"], "{what}: {}", image["name"]);
            let pushed = of("pushed").iter().filter(|push| push["image"] == image["name"]).count();
            assert_eq!(image["push"].as_array().map(Vec::len), Some(pushed), "{what}: {}", image["name"]);
        }
    };
    agree("first build", &[]);
    agree("nothing changed", &[]);
    project.write("unread", "changed");
    agree("a file that no instruction reads", &[]);
    project.write("app/main.txt", "changed");
    agree("a file of one image", &[]);
    project.write("devspace.yaml", config("2.0"));
    agree("a new tag", &[]);
    project.write("base/data", "changed");
    agree("a file of the base", &[]);
    // A plan cannot know that rebuilding the base results in the same image.
    let planned = plan(&project, &["--force", "base"]);
    assert_eq!(planned["images"][1]["reason"], "its base `base` is rebuilt", "{planned}");
    project.run(["build", "--force", "base"]).success().stderr_has("app  | skipped: unchanged");
    project.write("app/main.txt", "again");
    agree("without push", &["--skip-push"]);
    agree("with push", &[]);
}

#[test]
fn plan_of_pushed_images_contacts_no_server() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let app = daemon.repository(&registry.address(), "app");
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  app:\n    image: {app}\n"))
        .file("Dockerfile", "FROM scratch\nCOPY greeting /\n")
        .file("greeting", "hello");
    project.run(["build"]).success();
    let project = project.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let output = project.run(["plan"]);
    assert!(output.success().stdout.starts_with("app | skip: unchanged\n"), "{output}");
}

#[test]
fn images_that_a_failed_pipeline_did_not_reach_are_omitted() {
    let project = project().file("windlass.rhai", "fn tags(image) { [branch] }\n");
    let output = project.run(["plan"]).exits(2).clone();
    for image in ["base | ", "app  | ", "made | "] {
        assert!(
            output.stdout.contains(&format!("{image}cancel: the pipeline stopped before it\n")),
            "{output}"
        );
    }
    assert!(output.stdout.ends_with("3 cancelled\n"), "{output}");
}
