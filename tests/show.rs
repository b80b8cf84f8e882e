//! `windlass show build`: the functions of the pipeline, their origins, and the functions that they replaced.

use crate::harness::{Daemon, Project};

/// A project of two images with overrides for every run and for the profile `dev`.
fn project() -> Project {
    Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  api:\n    image: acme/api\n  web:\n    image: acme/web\n\
             profiles:\n  - name: dev\n",
        )
        .file("windlass.rhai", "/// Fixed tags.\nfn tags(image) { [version()] }\n\nprivate fn version() { \"1.4\" }\n")
        .file(
            "windlass.dev.rhai",
            "fn tags(image) { [\"dev\"] }\n\nfn entrypoint(image) {\n    if image.name == \"api\" { [\"sleep\"] } \
             else { image.entrypoint }\n}\n",
        )
}

/// The lines about one of `names`.
fn lines<'a>(text: &'a str, names: &[&str]) -> Vec<&'a str> {
    let is_about = |line: &&str| names.iter().any(|name| line.starts_with(&format!("{name}(")));
    text.lines().filter(is_about).collect()
}

#[test]
fn every_function_shows_its_location_and_the_functions_it_replaced() {
    let output = project().run(["show", "build", "-p", "dev"]);
    assert_eq!(
        output.success().stdout.lines().next(),
        Some("scripts/build.rhai < windlass.rhai < windlass.dev.rhai")
    );
    let shown = lines(&output.stdout, &["build", "command", "entrypoint", "tags", "version"]);
    insta::assert_snapshot!(shown.join("\n"), @"
    build(project)                  scripts/build.rhai:7
    entrypoint(image)               windlass.dev.rhai:3     replaces scripts/build.rhai:71; names api
    command(image)                  scripts/build.rhai:74
    tags(image)                     windlass.dev.rhai:1     replaces windlass.rhai:2, scripts/build.rhai:99
    version()                       windlass.rhai:4
    ");
    let names: Vec<_> = output.stdout.lines().filter_map(|line| line.split_once('(')).collect();
    assert_eq!(names.first().map(|(name, _)| *name), Some("build"), "the order of the default script");
    assert!(names.len() > 20, "{output}");
}

#[test]
fn one_image_omits_project_functions() {
    let output = project().run(["show", "build", "--image", "api", "-p", "dev"]);
    insta::assert_snapshot!(lines(&output.success().stdout, &["entrypoint", "before_build", "tags"]).join("\n"), @"
    entrypoint(image)           windlass.dev.rhai:3     replaces scripts/build.rhai:71
    tags(image)                 windlass.dev.rhai:1     replaces windlass.rhai:2, scripts/build.rhai:99
    ");
    let output = project().run(["show", "build", "--image", "web", "-p", "dev"]);
    insta::assert_snapshot!(lines(&output.success().stdout, &["entrypoint"]).join("\n"), @"entrypoint(image)           windlass.dev.rhai:3     replaces scripts/build.rhai:71; names api");
}

#[test]
fn unknown_image_and_pipeline_are_reported() {
    let output = project().run(["show", "build", "--image", "ap"]);
    output.exits(2).stderr_has("unknown image `ap`").stderr_has("did you mean `api`?");
    project().run(["show", "biuld"]).exits(2).stderr_has("build");
}

#[test]
fn invalid_script_is_an_error_with_its_location() {
    let output = project().file("windlass.rhai", "fn tags(image { }\n").run(["show", "build"]);
    output.exits(2).stderr_has("windlass.rhai:1:15");
}

#[test]
fn json_is_complete() {
    let output = project().run(["show", "build", "-p", "dev", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    assert_eq!(
        shown["files"],
        serde_json::json!(["scripts/build.rhai", "windlass.rhai", "windlass.dev.rhai"])
    );
    let functions = shown["functions"].as_array().expect("a list");
    let find = |name: &str| functions.iter().find(|function| function["name"] == name).expect("it exists");
    let tags = find("tags");
    assert_eq!((&tags["file"], &tags["line"]), (&"windlass.dev.rhai".into(), &1.into()));
    assert_eq!(tags["replaces"][0], serde_json::json!({ "file": "windlass.rhai", "line": 2 }));
    assert_eq!(tags["replaces"][1]["file"], "scripts/build.rhai");
    assert_eq!(find("entrypoint")["images"], serde_json::json!(["api"]));
    assert_eq!(
        (&find("version")["default"], &find("version")["parameters"]),
        (&false.into(), &serde_json::json!([]))
    );
    assert_eq!(find("context")["summary"].as_str().map(|text| text.starts_with("Step 3")), Some(true));
}

#[test]
fn saved_default_is_the_default() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n"))
        .file("Dockerfile", "FROM scratch\nCOPY greeting /\n")
        .file("greeting", "hello");
    let default = project.run(["show", "build", "--default"]).success().stdout.clone();
    project.run(["build", "--skip-push", "-t", "1"]).success().stderr_has("app | built");
    project.write("windlass.rhai", &default);
    let output = project.run(["build", "--skip-push", "-t", "1"]);
    output.success().stderr_has("app | skipped: unchanged").lacks("overrides nothing");
    let shown = project.run(["show", "build"]);
    assert!(shown.success().stdout.contains("replaces scripts/build.rhai:"), "{shown}");
    assert_eq!(shown.stdout.matches("windlass.rhai:").count(), default.matches("\nfn ").count(), "{shown}");
}

#[test]
fn default_needs_no_project() {
    let output = Project::new().run(["show", "build", "--default"]);
    assert!(output.success().stdout.starts_with("//! The default pipeline"), "{output}");
}

#[test]
fn functions_of_a_dev_session_are_shown() {
    let script = "fn reloads(image, change) { image.name == \"api\" }\nfn opened_pages(project) { [] }\n";
    let project = project().file("windlass.rhai", script);
    let output = project.run(["show", "dev"]);
    assert_eq!(output.success().stdout.lines().next(), Some("scripts/dev.rhai < windlass.rhai"));
    let shown = lines(&output.stdout, &["reloads", "opened_pages", "tags"]);
    assert_eq!(shown.len(), 2, "{output}");
    assert!(
        shown
            .iter()
            .all(|line| line.contains(" windlass.rhai:") && line.contains("replaces scripts/dev.rhai:"))
    );
    let output = project.run(["show", "dev", "--image", "api"]);
    output.success().stdout_has("reloads(image, change)").lacks("opened_pages");
    project.run(["show", "dev", "--default"]).success().stdout_has("fn synced_folders(project)");
}
