//! `windlass list`: what is shown of a project, as a table and as JSON.

use serde_json::{Value, json};

use crate::harness::{Output, Project};

const IMAGES: &str = "version: v1beta9
vars: [{name: TAG, value: '1.10'}]
images:
  api: {image: ghcr.io/acme/api, tags: ['${TAG}', 'v-##'], dockerfile: api/Dockerfile, context: api}
  tool: {image: acme/tool, build: {custom: {command: ./make}}}
  off: {image: acme/off, build: {disabled: true}}
  cluster: {image: acme/cluster, build: {kaniko: {options: {target: prod}}}}
profiles:
- {name: small, replace: {images: {}}}
";

/// The JSON on stdout.
#[track_caller]
fn json_of(output: &Output) -> Value {
    output.success();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{output}"))
}

#[test]
fn images_are_listed_as_a_table() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    insta::assert_snapshot!(project.run(["list", "images"]).snapshot(), @"
    exit 0
    --- stdout
    NAME     IMAGE             TAGS        BUILDER   DOCKERFILE      CONTEXT
    api      ghcr.io/acme/api  1.10, v-##  docker    api/Dockerfile  api
    tool     acme/tool         (random)    custom    -               -
    off      acme/off          (random)    disabled  -               -
    cluster  acme/cluster      (random)    kaniko    ./Dockerfile    ./
    --- stderr
    ");
}

#[test]
fn images_are_listed_as_json() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    let images = json_of(&project.run(["list", "images", "--json"]));
    assert_eq!(
        images[0],
        json!({
            "name": "api", "image": "ghcr.io/acme/api", "tags": ["1.10", "v-##"], "builder": "docker",
            "dockerfile": "api/Dockerfile", "context": "api", "target": null,
            "origin": {"file": "devspace.yaml", "line": 4, "column": 3},
        })
    );
    assert_eq!((&images[3]["builder"], &images[3]["target"]), (&json!("kaniko"), &json!("prod")));
}

#[test]
fn empty_list_is_no_output_and_an_empty_array() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    let output = project.run(["list", "images", "-p", "small"]);
    output.success().stdout_is("").stderr_has("the project has no images");
    assert_eq!(json_of(&project.run(["list", "images", "-p", "small", "--json"])), json!([]));
}

#[test]
fn list_of_a_wrong_project_is_refused() {
    let project = Project::new().file("devspace.yaml", "version: v1beta9\nimgaes: {}\n");
    project.run(["list", "images", "--json"]).exits(2).stdout_is("").stderr_has("unknown key `imgaes`");
    project.run(["list", "imagse"]).exits(2).stdout_is("").stderr_has("images");
    project.run(["list"]).exits(2);
}

#[test]
fn head_of_the_table_is_dimmed_only_in_a_terminal_with_colour() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    let terminal = project.terminal(["list", "images"]);
    terminal.wait_for_text("cluster");
    assert!(terminal.transcript().contains("\u{1b}[2m"), "{}", terminal.transcript());
    assert!(terminal.finish().0.success());
}
