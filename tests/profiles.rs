//! Profiles: their imports, and the report if they do not apply.

use serde_json::{Value, json};

use crate::harness::Project;

/// The effective configuration with `flags`.
#[track_caller]
fn printed(project: &Project, flags: &[&str]) -> Value {
    let output = project.run(["print", "--json"].iter().chain(flags));
    output.success();
    serde_json::from_str(&output.stdout).expect("JSON")
}

fn file(profiles: &str) -> String {
    format!(
        "version: v1beta10
images:
  api: {{image: acme/api, tags: [t]}}
  web: {{image: acme/web}}
profiles:
{profiles}"
    )
}

#[test]
fn failing_patch_names_profile_number_and_matched_path() {
    let profiles = "- name: base
  patches:
  - {op: add, path: images.api.tags, value: b}
- name: dev
  parent: base
  patches:
  - op: add
    path: images.api.tags
    value: c
  - op: replace
    path: images.apo.image
    value: acme/other
  - {op: remove, path: /images/api/tags/7}
  - {op: add, path: images.image=acme/none.tags, value: x}
";
    let project = Project::new().file("devspace.yaml", file(profiles));
    insta::assert_snapshot!(project.run(["print", "-p", "dev"]).snapshot(), @"
    exit 2
    --- stdout
    --- stderr
    config::invalid

      x cannot use `devspace.yaml`: it has 3 problems
      |-> config::patch
      |   
      |     x devspace.yaml:16:11: cannot apply patch 2 of profile `dev`: its path matches nothing
      |       ,-[devspace.yaml:16:11]
      |    15 |   - op: replace
      |    16 |     path: images.apo.image
      |       :           ^^^^^^^^|^^^^^^^
      |       :                   `-- this path
      |    17 |     value: acme/other
      |       `----
      |     help: `images` has no `apo`; did you mean `api`?
      |-> config::patch
      |   
      |     x devspace.yaml:18:24: cannot apply patch 3 of profile `dev`: its path matches nothing
      |       ,-[devspace.yaml:18:24]
      |    17 |     value: acme/other
      |    18 |   - {op: remove, path: /images/api/tags/7}
      |       :                        ^^^^^^^^^|^^^^^^^^
      |       :                                 `-- this path
      |    19 |   - {op: add, path: images.image=acme/none.tags, value: x}
      |       `----
      |     help: `images.api.tags` is a list of 3 at this point, without an item `7`
      `-> config::patch
          
            x devspace.yaml:19:21: cannot apply patch 4 of profile `dev`: its path matches nothing
              ,-[devspace.yaml:19:21]
           18 |   - {op: remove, path: /images/api/tags/7}
           19 |   - {op: add, path: images.image=acme/none.tags, value: x}
              :                     ^^^^^^^^^^^^^|^^^^^^^^^^^^^
              :                                  `-- this path
              `----
            help: no map in `images` has `image: acme/none`
    ");
}

#[test]
fn patch_of_an_inactive_profile_is_not_applied_and_not_an_error() {
    let project = Project::new()
        .file("devspace.yaml", file("- {name: dev, patches: [{op: remove, path: /images/none}]}\n"));
    assert_eq!(printed(&project, &[])["images"]["api"]["tags"], json!(["t"]));
    project.run(["print", "-p", "dev"]).exits(2).stderr_has("cannot apply patch 1 of profile `dev`");
}

#[test]
fn missing_path_is_a_warning_from_v1beta10_on() {
    let profiles = "- name: dev
  patches:
  - {op: replace, path: images.web.tags, value: [w]}
  - {op: remove, path: images.gone}
";
    let project = Project::new().file("devspace.yaml", file(profiles));
    let output = project.run(["print", "--json", "-p", "dev"]);
    output
        .success()
        .stderr_has("devspace.yaml:8:25: patch 1 of profile `dev` adds its value")
        .stderr_has("devspace.yaml:9:24: patch 2 of profile `dev` has no effect");
    assert_eq!(printed(&project, &["-p", "dev"])["images"]["web"]["tags"], json!(["w"]));
}

#[test]
fn section_comes_from_a_variable_or_a_command() {
    let profiles = "- {name: env, merge: '${OVERRIDES}'}
- {name: made, merge: $(cat overrides.yaml)}
";
    let project = Project::new()
        .file("devspace.yaml", file(profiles))
        .file("overrides.yaml", "images:\n  api:\n    tags: ['${TAG}']\n")
        .env("OVERRIDES", "{images: {api: {tags: [from-env]}}}");
    assert_eq!(printed(&project, &["-p", "env"])["images"]["api"]["tags"], json!(["from-env"]));
    assert_eq!(printed(&project, &["-p", "made", "--var", "TAG=v1"])["images"]["api"]["tags"], json!(["v1"]));
    project
        .env("OVERRIDES", "{imgaes: {}}")
        .run(["print", "-p", "env"])
        .exits(2)
        .stderr_has("devspace.yaml:6:22: unknown key `imgaes` in")
        .stderr_has("did you mean `images`?");
}

const SHARED: &str = "version: v1beta10
profiles:
- {name: grand, merge: {images: {api: {context: grand}}}}
- {name: base, parent: grand, merge: {images: {api: {tags: [shared]}}}}
";

#[test]
fn parent_is_a_profile_of_another_directory() {
    let profiles = "- {name: dev, parents: [{profile: base, source: {path: ../shared}}]}\n";
    let project =
        Project::new().file("app/devspace.yaml", file(profiles)).file("shared/devspace.yaml", SHARED);
    let output = project.run_in("app", ["print", "--origin", "-p", "dev"]);
    output
        .success()
        .stdout_has(
            "context: grand  # ../shared/devspace.yaml:3, profile grand of ../shared/devspace.yaml merge",
        )
        .stdout_has("- shared  # ../shared/devspace.yaml:4, profile base of");
    let listed = project.run_in("app", ["list", "profiles", "-p", "dev"]);
    listed.success().stdout_has("parent of dev");
}

#[test]
fn parent_is_a_profile_of_a_git_repository() {
    let project = Project::new().file("shared/deep/devspace.yaml", SHARED);
    let git = "cd shared && git init -q -b main && git add -A && git -c user.name=n -c user.email=e@example.org commit -q -m x";
    project.run_program("sh", ["-c", git]).success();
    let source =
        format!("{{git: 'file://{}', branch: main, subPath: deep}}", project.path("shared").display());
    let profiles = format!("- {{name: dev, parents: [{{profile: base, source: {source}}}]}}\n");
    let project = project.file("devspace.yaml", file(&profiles));
    let images = &printed(&project, &["-p", "dev"])["images"];
    assert_eq!((&images["api"]["tags"], &images["api"]["context"]), (&json!(["shared"]), &json!("grand")));
    // Without the profile nothing is cloned.
    std::fs::remove_dir_all(project.path("shared")).expect("the repository can be removed");
    std::fs::remove_dir_all(project.home().join(".cache")).expect("the checkout can be removed");
    printed(&project, &[]);
    project.run(["print", "-p", "dev"]).exits(2).stderr_has("devspace.yaml:6:35");
}

#[test]
fn profiles_that_extend_each_other_across_projects_are_a_cycle() {
    let other = "version: v1beta10
profiles:
- {name: theirs, parents: [{profile: dev, source: {path: ..}}]}
";
    let project = Project::new()
        .file("devspace.yaml", file("- {name: dev, parents: [{profile: theirs, source: {path: other}}]}\n"))
        .file("other/devspace.yaml", other);
    let output = project.run(["print", "-p", "dev"]);
    output.exits(2).stderr_has("it has a problem").stderr_has("profile parent cycle:");
}

#[test]
fn profile_in_the_newest_version_merges_short_variables() {
    let text = "version: v2beta1
name: shop
vars:
  TAG: plain
images:
  api: {image: acme/api, tags: ['${TAG}']}
profiles:
- name: dev
  merge: {vars: {TAG: $(echo made)}}
- name: patched
  patches: [{op: replace, path: vars.TAG, value: patched}]
- name: old
  strategicMerge: {images: {api: {image: x}}}
";
    let project = Project::new().file("devspace.yaml", text);
    project
        .run(["print", "-p", "dev"])
        .exits(2)
        .stderr_has("`strategicMerge` in profile `old` was removed in");
    let project = Project::new().file("devspace.yaml", text.split("- name: old").next().unwrap_or_default());
    assert_eq!(printed(&project, &[])["images"]["api"]["tags"], json!(["plain"]));
    assert_eq!(printed(&project, &["-p", "dev"])["images"]["api"]["tags"], json!(["made"]));
    assert_eq!(printed(&project, &["-p", "patched"])["images"]["api"]["tags"], json!(["patched"]));
}
