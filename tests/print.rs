//! `windlass print`: the effective configuration, and the origin of everything in it.

use serde_json::{Value, json};

use crate::harness::{Output, Project};

const FILE: &str = r#"version: v1beta9
vars:
- {name: TAG, value: '1.10'}
- {name: TIER, default: test}
- {name: TOKEN, password: true}
images:
  api:
    image: acme/api
    tags: ['${TAG}', '007']
    build:
      docker:
        options:
          buildArgs: {TIER: '${TIER}', WHO: ann, URL: 'https://ann:${TOKEN}@example.org', DOLLAR: '$${TAG}', N: 1.50}
hooks:
- command: |
    echo one
    echo two
  when: {after: {images: all}}
profiles:
- name: base
  merge: {images: {api: {context: src}}}
- name: prod
  parent: base
  replace: {hooks: []}
  patches:
  - {op: remove, path: 'images.api.tags[1]'}
  - {op: add, path: images.api.tags, value: 'prod-${TIER}'}
"#;

fn project() -> Project {
    Project::new().file("devspace.yaml", FILE).env("TOKEN", "hunter2")
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    output.success();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{output}"))
}

#[test]
fn configuration_is_printed_with_profiles_and_variables() {
    insta::assert_snapshot!(project().run(["print"]).snapshot(), @r#"
    exit 0
    --- stdout
    version: v1beta9
    images:
      api:
        image: acme/api
        tags:
        - "1.10"
        - "007"
        build:
          docker:
            options:
              buildArgs:
                TIER: test
                WHO: ann
                URL: https://ann:***@example.org
                DOLLAR: $${TAG}
                "N": 1.50
    hooks:
    - command: |
        echo one
        echo two
      when:
        after:
          images: all
    --- stderr
    "#);
}

#[test]
fn origins_name_file_profile_patch_variable_and_flag() {
    let output = project().run(["print", "--origin", "-p", "prod", "--var", "TIER=live"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit 0
    --- stdout
    version: v1beta9  # devspace.yaml:1
    images:
      api:
        image: acme/api  # devspace.yaml:8
        tags:
        - "1.10"  # devspace.yaml:9, TAG from value
        - prod-live  # devspace.yaml:27, profile prod patch 2, TIER from --var
        build:
          docker:
            options:
              buildArgs:
                TIER: live  # devspace.yaml:13, TIER from --var
                WHO: ann  # devspace.yaml:13
                URL: https://ann:***@example.org  # devspace.yaml:13, TOKEN from environment
                DOLLAR: $${TAG}  # devspace.yaml:13
                "N": 1.50  # devspace.yaml:13
        context: src  # devspace.yaml:21, profile base merge
    hooks: []  # devspace.yaml:24, profile prod replace
    --- stderr
    "#);
}

#[test]
fn json_has_the_same_values() {
    let printed = json_of(&project().run(["print", "--json"]));
    let args = &printed["images"]["api"]["build"]["docker"]["options"]["buildArgs"];
    assert_eq!(args["URL"], "https://ann:***@example.org");
    assert_eq!(args["DOLLAR"], "${TAG}");
    assert_eq!(printed["images"]["api"]["tags"], json!(["1.10", "007"]));
    assert_eq!(printed.get("profiles"), None);
}

#[test]
fn json_origins_are_found_by_pointer() {
    let printed = json_of(&project().run(["print", "--json", "--origin", "-p", "prod"]));
    assert_eq!(printed["config"]["images"]["api"]["context"], "src");
    let origins = &printed["origins"];
    assert_eq!(
        origins["/images/api/tags/1"],
        json!({
            "file": "devspace.yaml", "line": 27, "column": 45, "profile": "prod", "part": "patch 2",
            "variables": [{"name": "TIER", "source": "default"}],
        })
    );
    assert_eq!(origins["/images/api/context"]["profile"], "base");
    assert_eq!(origins["/images/api/image"]["profile"], Value::Null);
    assert_eq!(origins["/hooks"]["part"], "replace");
}

#[test]
fn printed_configuration_loads_the_same() {
    let project = project();
    let printed = project.run(["print", "-p", "prod"]);
    printed.success();
    let again = Project::new().file("devspace.yaml", &printed.stdout);
    again.run(["print"]).success().stdout_is(&printed.stdout);
    let before = json_of(&project.run(["print", "-p", "prod", "--json"]));
    assert_eq!(json_of(&again.run(["print", "--json"])), before);
}

#[test]
fn password_is_never_printed() {
    for flags in [&["print"][..], &["print", "--origin"], &["print", "--json", "--origin"], &["list", "vars"]]
    {
        let output = project().run(flags);
        output.success().stdout_has("***").lacks("hunter2");
        project()
            .without_env("TOKEN")
            .run(flags.iter().chain(&["--var", "TOKEN=hunter2"]))
            .success()
            .lacks("hunter2");
    }
}

#[test]
fn string_with_yaml_is_printed_unchanged() {
    let text = "a: b # c\n- 'x'\n\n  \"y\"\n";
    let file = "version: v1beta9\ndev: {v: '${X}', w: 'a ${X}'}\n";
    let project = Project::new().file("devspace.yaml", file).env("X", text);
    let printed = project.run(["print"]);
    printed.success();
    let again = json_of(&Project::new().file("devspace.yaml", &printed.stdout).run(["print", "--json"]));
    assert_eq!(again["dev"], json!({"v": text, "w": format!("a {text}")}));
}

#[test]
fn variable_without_a_value_is_an_error_as_in_a_build() {
    let project = Project::new().file("devspace.yaml", "version: v1beta9\ndev: {v: '${GONE}'}\n");
    project.run(["print"]).exits(2).stdout_is("").stderr_has("variable `GONE` has no value");
}

#[test]
fn imported_values_are_attributed_to_their_files() {
    let file = "version: v2beta1
name: shop
imports:
- path: lib/images.yaml
images:
  api: {image: acme/api}
";
    let project = Project::new()
        .file("devspace.yaml", file)
        .file(
            "lib/images.yaml",
            "version: v2beta1\nname: lib\nimports: [{path: more.yaml}]\nimages: {web: {image: acme/web}}\n",
        )
        .file(
            "lib/more.yaml",
            "version: v2beta1\nname: more\nprofiles: [{name: big, merge: {images: {job: {image: acme/job}}}, activation: [{vars: {ON: 'y'}}]}]\n\
             vars: {ON: 'y'}\n",
        );
    project
        .run(["print", "--origin"])
        .success()
        .stdout_has("image: acme/api  # devspace.yaml:6\n")
        .stdout_has("image: acme/web  # lib/images.yaml:4\n")
        .stdout_has("image: acme/job  # lib/more.yaml:3, profile big merge\n");
    let json = json_of(&project.run(["print", "--origin", "--json"]));
    assert_eq!(json["origins"]["/images/web/image"]["file"], "lib/images.yaml");
    assert_eq!(json["origins"]["/images/web/image"]["line"], 4);

    // Errors in them are shown there too, once variables are filled in.
    project
        .write("lib/more.yaml", "version: v2beta1\nname: more\nimages:\n  job: {image: \"acme/${TAG}\"}\n");
    project
        .run(["print", "--var", "TAG=a:b"])
        .exits(2)
        .stderr_has("lib/more.yaml:4:16: `image` of image `job` is not a repository")
        .stderr_has("[lib/more.yaml:4:16]")
        .stderr_has("job: {image:");
}

#[test]
fn literal_password_is_masked() {
    let file = "version: v1beta9
pullSecrets: [{registry: ghcr.io, username: ann, password: hunter2}]
deployments: [{name: d, helm: {chart: {name: c, password: hunter2}}}]
";
    let project = Project::new().file("devspace.yaml", file);
    for flags in [&["print"][..], &["print", "--json"]] {
        project.run(flags).success().stdout_has("ann").stdout_has("***").lacks("hunter2");
    }
}
