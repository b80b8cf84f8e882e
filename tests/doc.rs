//! `windlass doc`, `windlass man` and `windlass editor`: the reference.

use crate::harness::Project;

#[test]
fn function_is_documented_with_its_default_and_an_override() {
    let output = Project::new().run(["doc", "publish"]).success().clone();
    insta::assert_snapshot!(output.stdout, @r#"
    publish(image, built)
      a function of the pipeline, which you can override

      Step 7: makes the image available. The default pushes every tag, or loads an unpushed image into a
      local cluster.

      Default
        fn publish(image, built) { if image.pushes { built.push() } else { built.load() } }

      Example
        /// Pushes only `api`.
        fn publish(image, built) { if image.name == "api" { built.push() } else { built } }
    "#);
    assert_eq!(output.stderr, "");
}

#[test]
fn name_is_documented_for_every_use() {
    let output = Project::new().run(["doc", "tags"]).success().clone();
    for line in ["tags(image)", "image.tags -> list", "built.tags -> list"] {
        assert!(output.stdout.lines().any(|found| found == line), "no `{line}`\n{output}");
    }
}

#[test]
fn path_of_a_stage_finds_that_stage_alone() {
    let output = Project::new().run(["doc", "built.push"]).success().clone();
    insta::assert_snapshot!(output.stdout, @r#"
    built.push() -> Built
      a stage

      Pushes the tags that the registry does not have yet, and records the digest.

      Does nothing with `--skip-push`.

      Errors
        `registry::...` if the registry rejects the push or is unreachable.

      Example
        fn publish(image, built) { if image.name == "api" { built.push() } else { built } }
    "#);
}

#[test]
fn type_lists_its_functions() {
    let output = Project::new().run(["doc", "plan"]).success().clone();
    let (function, members) = output.stdout.split_once("Members of `plan`\n").expect("two parts");
    assert!(function.starts_with("plan(image)\n"), "{output}");
    assert!(members.contains("\n  plan.key") && !members.contains("\n  image."), "{output}");
}

#[test]
fn every_entry_has_a_line() {
    let output = Project::new().run(["doc"]).success().clone();
    for line in ["  tags(image)  ", "  image.with_tags(tags)  ", "  plan_image(image, dockerfile, context)"] {
        assert!(output.stdout.lines().any(|found| found.starts_with(line)), "no `{line}`\n{output}");
    }
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 100), "{output}");
}

#[test]
fn unknown_name_suggests_the_nearest() {
    let output = Project::new().run(["doc", "image.with_tgs"]).exits(2).clone();
    insta::assert_snapshot!(output.stderr, @"
    doc::unknown

      x no documentation for `image.with_tgs`
      help: did you mean `image.with_tags`?
    ");
    let output = Project::new().run(["doc", "nonsense"]).exits(2).clone();
    insta::assert_snapshot!(output.stderr, @"
    doc::unknown

      x no documentation for `nonsense`
      help: run `windlass doc` to list all entries
    ");
}

#[test]
fn json_has_the_same_entries() {
    let project = Project::new();
    let read = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let output = project.run(arguments).success().clone();
        serde_json::from_str(&output.stdout).expect("the output is JSON")
    };
    let all = read(&["doc", "--json"]);
    assert!(all.len() > 60, "{}", all.len());
    let one = read(&["doc", "load_context", "--json"]);
    let [entry] = one.as_slice() else { panic!("one entry expected, found {one:?}") };
    assert!(all.contains(entry));
    assert_eq!(entry["kind"], "stage");
    assert_eq!(entry["call"], "load_context(image)");
    assert_eq!(entry["returns"], "Context");
    let example = entry["examples"][0].as_str().expect("an example");
    assert!(example.contains("load_context(image.with_context("), "{example}");
}

#[test]
fn reference_can_be_piped_to_head() {
    let project = Project::new();
    let program = env!("CARGO_BIN_EXE_windlass");
    let script = format!("set -o pipefail; {program} editor definitions | head -n 1");
    project.run_program("bash", ["-c", &script]).success().stdout_has("module static;");
}

#[test]
fn manual_pages_cover_windlass_and_each_command() {
    let project = Project::new();
    project.run(["man"]).success().stdout_has(".TH windlass 1").stdout_has("windlass build");
    project.run(["man", "build"]).success().stdout_has(".TH windlass-build 1").stdout_has("force\\-build");
    let output = project.run(["man", "biuld"]).exits(2).clone();
    output.stderr_has("did you mean `build`?");
}

#[test]
fn keys_of_devspace_yaml_are_documented_with_their_versions() {
    let output = Project::new().run(["doc", "images.*.tags"]).success().clone();
    insta::assert_snapshot!(output.stdout, @"
    images.*.tags -> list
      a key of devspace.yaml

      Tags to build and push; `#` is a random letter. Default: one random tag.

      Since v1beta7.
    ");
    let output = Project::new().run(["doc", "images"]).success().clone();
    output.stdout_has("\n  images  ").stdout_has("\n  images.*.dockerfile  ");
    let output = Project::new().run(["doc", "entrypoint"]).success().clone();
    output.stdout_has("entrypoint(image)\n").stdout_has("Keys of devspace.yaml\n  images.*.entrypoint  ");
}

#[test]
fn schema_covers_every_version() {
    let output = Project::new().run(["editor", "schema"]).success().clone();
    let schema: serde_json::Value = serde_json::from_str(&output.stdout).expect("the output is JSON");
    let versions = schema["properties"]["version"]["enum"].as_array().expect("a list");
    assert!(versions.contains(&"v1beta9".into()) && versions.contains(&"v2beta1".into()), "{versions:?}");
}
