//! `windlass test`: pipelines tested in memory.

use std::path::Path;

use crate::harness::{Output, Project};

const CONFIG: &str = "\
version: v1beta9
images:
  api: { image: acme/api }
  web: { image: acme/web, tags: [\"1.4\"] }
profiles:
- name: dev
";

const OVERRIDES: &str =
    "fn tags(image) { if image.name == \"api\" { [\"2.0\", \"latest\"] } else { image.tags } }\n";

/// A project without a daemon, with overrides, and with these tests.
fn project(tests: &str) -> Project {
    Project::new()
        .file("devspace.yaml", CONFIG)
        .file("Dockerfile", "FROM scratch\n")
        .file("windlass.rhai", OVERRIDES)
        .file("windlass.dev.rhai", "fn entrypoint(image) { [\"sleep\", \"infinity\"] }\n")
        .file("windlass_test.rhai", tests)
}

/// The output with every time as `N ms`.
fn without_times(output: &Output) -> String {
    let times = regex::Regex::new(r"\d+ ms").expect("a pattern");
    times.replace_all(&output.stdout, "N ms").into_owned()
}

#[test]
fn passing_tests_are_listed() {
    let project = project(
        "fn test_dev_waits() {
            assert_eq(entrypoint(project(#{ profile: \"dev\" }).image(\"api\")), [\"sleep\", \"infinity\"]);
            assert_eq(entrypoint(project().image(\"api\")), ());
        }
        fn test_pushes() {
            build(project());
            assert_eq(calls(\"push\"), [\"acme/api:2.0\", \"acme/api:latest\", \"acme/web:1.4\"]);
        }
        private fn helper() { 1 }\n",
    );
    let output = project.run(["test"]).success().clone();
    insta::assert_snapshot!(without_times(&output), @"
    windlass_test.rhai
      ok     test_dev_waits N ms
      ok     test_pushes N ms

    2 passed; the slowest took N ms
    ");
    assert_eq!(output.stderr, "");
    assert!(!project.path(".windlass").exists(), "a test left something in the project");
}

#[test]
fn failing_test_shows_its_line_the_difference_and_the_calls() {
    let output = project(
        "fn test_pushes() {
    print(\"about to build\");
    build(project());
    assert_eq(calls(\"push\"), [\"acme/api:2.0\"]);
}\n",
    );
    let output = output.run(["test"]).exits(1).clone();
    insta::assert_snapshot!(without_times(&output), @r#"
    windlass_test.rhai
      FAILED test_pushes N ms

    FAILED windlass_test.rhai::test_pushes
    test::assert_eq

      x values are not equal
      | expected: ["acme/api:2.0"]
      |   actual: ["acme/api:2.0", "acme/api:latest", "acme/web:1.4"]
       ,-[windlass_test.rhai:4:5]
     3 |     build(project());
     4 |     assert_eq(calls("push"), ["acme/api:2.0"]);
       :     ^^^^|^^^^
       :         `-- here, in `test_pushes`
     5 | }
       `----
      calls:
        build api
        push acme/api:2.0
        push acme/api:latest
        build web
        push acme/web:1.4
      printed:
        about to build

    0 passed, 1 failed; the slowest took N ms
    no test calls `entrypoint(image)` in windlass.dev.rhai:1
    "#);
}

#[test]
fn error_in_an_override_is_shown_with_both_locations() {
    let project = project("fn test_tags() { tags(project().image(\"api\")) }\n")
        .file("windlass.rhai", "fn tags(image) {\n    [image.nam]\n}\n");
    let output = project.run(["test"]).exits(1).clone();
    insta::assert_snapshot!(without_times(&output), @r#"
    windlass_test.rhai
      FAILED test_tags N ms

    FAILED windlass_test.rhai::test_tags
    script::unknown_property

      x unknown property `nam` of Image
       ,-[windlass.rhai:2:12]
     1 | fn tags(image) {
     2 |     [image.nam]
       :            ^|^
       :             `-- here, in `tags`
     3 | }
       `----
      help: did you mean `name`?
      `->   > in windlass_test.rhai
             ,-[windlass_test.rhai:1:18]
           1 | fn test_tags() { tags(project().image("api")) }
             :                  ^^|^
             :                    `-- here, in `test_tags`
             `----

    0 passed, 1 failed; the slowest took N ms
    no test calls `entrypoint(image)` in windlass.dev.rhai:1
    "#);
}

#[test]
fn json_reports_the_same() {
    let project = project("fn test_one() { assert(true); } fn test_two() { assert_eq(1, 2); }");
    let output = project.run(["test", "--json"]).exits(1).clone();
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("the output is JSON");
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &1.into()));
    let two = &report["tests"][1];
    assert_eq!((&two["test"], &two["outcome"]), (&"test_two".into(), &"failed".into()));
    assert!(two["message"].as_str().is_some_and(|text| text.contains("expected: 2")), "{two}");
    assert!(two["report"].as_str().is_some_and(|text| text.contains("windlass_test.rhai:1:")), "{two}");
}

#[test]
fn filter_selects_tests_and_files() {
    let project = project("fn test_one() { } fn test_two() { }")
        .file("lib/names_test.rhai", "fn test_three() { assert_eq(project().images.len(), 2); }");
    project.run(["test", "two"]).success().stdout_has("test_two").lacks("test_one").stdout_has("1 passed");
    project.run(["test", "names_test"]).success().stdout_has("test_three").stdout_has("1 passed");
    project.run(["test"]).success().stdout_has("3 passed");
    let output = project.run(["test", "test_tow"]).exits(2).clone();
    insta::assert_snapshot!(output.stderr, @"
    test::no_match

      x no test matches `test_tow`
      help: did you mean `test_two`?
    ");
}

#[test]
fn invalid_test_files_are_usage_errors() {
    let output = project("fn test_one( { }").run(["test"]).exits(2).clone();
    output.stderr_has("script::syntax").stderr_has("windlass_test.rhai:1");
    let output = project("fn test_one(image) { }").run(["test"]).exits(2).clone();
    insta::assert_snapshot!(output.stderr, @"
    test::parameters

      x `test_one(image)` in windlass_test.rhai:1 has parameters, but tests take no arguments
      help: write `fn test_one()`
    ");
}

#[test]
fn a_function_that_only_looks_like_a_test_is_named() {
    let project = project("fn test_one() { }\nfn tset_two() { throw \"never\" }\n");
    let output = project.run(["test"]);
    output
        .success()
        .stdout_has("1 passed")
        .stderr_has("`tset_two()` never runs: it is not a test, and nothing calls it")
        .stderr_has("windlass_test.rhai:2:4");
}

#[test]
fn project_without_tests_explains_tests() {
    let project = project("");
    project.remove("windlass_test.rhai");
    let output = project.run(["test"]).exits(2).clone();
    output.stderr_has("no tests found in").stderr_has("fn test_...()");
}

#[test]
fn test_over_its_timeout_is_stopped_and_the_others_run() {
    let project = project("fn test_endless() { loop { } } fn test_fine() { }");
    let output = project.run(["test", "--timeout", "1"]).exits(1).clone();
    output.stdout_has("LATE   test_endless").stdout_has("ok     test_fine");
}

#[test]
fn snapshot_is_stored_compared_and_updated() {
    let project =
        project("fn test_plans() { for image in project().images { snapshot(plan(tagged(image))); } }");
    let output = project.run(["test"]).exits(1).clone();
    output.stdout_has("no snapshot exists yet").stdout_has("windlass test --update");
    assert!(!project.path("windlass_test.snap").exists());

    project.run(["test", "--update"]).success();
    insta::assert_snapshot!(project.read("windlass_test.snap"), @r#"
    test_plans:
      image: "api"
      repository: "acme/api"
      tags: ["2.0", "latest"]
      pushes: true
      decision: "build"
      reason: "never built here"
      dockerfile:
        FROM scratch

    test_plans 2:
      image: "web"
      repository: "acme/web"
      tags: ["1.4"]
      pushes: true
      decision: "build"
      reason: "never built here"
      dockerfile:
        FROM scratch
    "#);
    project.run(["test"]).success();

    project.write("windlass.rhai", OVERRIDES.replace("2.0", "2.1"));
    let output = project.run(["test"]).exits(1).clone();
    insta::assert_snapshot!(without_times(&output), @r#"
    windlass_test.rhai
      FAILED test_plans N ms

    FAILED windlass_test.rhai::test_plans
    test::snapshot

      x value differs from its snapshot
      | - expected, + actual
      |   image: "api"
      |   repository: "acme/api"
      | - tags: ["2.0", "latest"]
      | + tags: ["2.1", "latest"]
      |   pushes: true
      |   decision: "build"
       ,-[windlass_test.rhai:1:51]
     1 | fn test_plans() { for image in project().images { snapshot(plan(tagged(image))); } }
       :                                                   ^^^^|^^^
       :                                                       `-- here, in `test_plans`
       `----
      help: if the new value is correct, run `windlass test --update`

    0 passed, 1 failed; the slowest took N ms
    no test calls `entrypoint(image)` in windlass.dev.rhai:1
    "#);
    project.run(["test", "--update"]).success();
    assert!(project.read("windlass_test.snap").contains("2.1"));

    // A snapshot that no test uses any longer is removed.
    project.write("windlass_test.rhai", "fn test_nothing() { }");
    project.run(["test", "--update"]).success();
    assert!(!project.path("windlass_test.snap").exists());
}

#[test]
fn files_of_a_test_are_a_copy() {
    let project = project(
        "fn test_rebuild() {
            build(project(#{ files: #{ \"Dockerfile\": \"FROM scratch\\nCOPY a.txt /\\n\", \"a.txt\": \"1\" } }));
            build(project(#{ files: #{ \"a.txt\": \"2\" } }));
            assert_eq(calls(\"build\"), [\"api\", \"web\", \"api\", \"web\"]);
            assert_throws(|| project(#{ files: #{ \"../x\": \"\" } }), \"test::outside\");
        }",
    );
    project.run(["test"]).success();
    assert!(!project.path("a.txt").exists());
    assert_eq!(project.read("Dockerfile"), "FROM scratch\n");
}

#[test]
fn profiles_and_variables_of_the_command_line_apply_to_test_projects() {
    let project = project("fn test_profiles() { assert_eq(project().profiles, [\"dev\"]); }");
    project.run(["test", "-p", "dev"]).success();
    project.run(["test"]).exits(1);
}

#[test]
fn uncalled_overrides_are_named() {
    let project = project("fn test_tags() { tags(project().image(\"api\")); }").file(
        "windlass.rhai",
        "import \"scripts/build\" as base;\n\
         fn tags(image) { [name(image)] }\n\
         private fn name(image) {\n  image.name\n}\n\
         fn publish(image, built) { base::publish(image, built) }\n",
    );
    let output = project.run(["test"]).success().clone();
    output.stdout_has(
        "no test calls `entrypoint(image)` in windlass.dev.rhai:1, `publish(image, built)` in windlass.rhai:6\n",
    );
    project.run(["test", "tags"]).success().lacks("no test calls");
    let output = project.run(["test", "--json"]).success().clone();
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("the output is JSON");
    assert_eq!(report["untested"].as_array().map(Vec::len), Some(2), "{report}");
}

#[test]
fn replaced_override_is_called_through_its_replacement() {
    let project = project("fn test_dev() { tags(project(#{ profile: \"dev\" }).image(\"api\")); }")
        .file("windlass.rhai", "fn tags(image) { [\"1\"] }\n")
        .file(
            "windlass.dev.rhai",
            "import \"scripts/build\" as base;\nfn tags(image) { base::tags(image) + [\"dev\"] }\n",
        );
    project.run(["test"]).success().lacks("no test calls");
}

#[test]
fn error_in_a_one_line_function_has_the_correct_location() {
    let project = project("fn test_tags() { tags(project().image(\"api\")) }\n")
        .file("windlass.rhai", "fn tags(image) { [image.nam] }\n");
    project.run(["test"]).exits(1).stdout_has("[windlass.rhai:1:25]");
}

/// The examples that users copy are tested, and so is the standard library.
#[test]
fn examples_and_standard_library_pass_their_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Project::new().run_in(root, ["test"]).success().clone();
    for example in ["entrypoint", "hook", "tags", "testing"] {
        output.stdout_has(format!("examples/{example}/windlass_test.rhai"));
    }
    output.stdout_has("stdlib/tags_test.rhai").stdout_has("stdlib/hooks_test.rhai");
}

#[test]
fn dev_sessions_run_in_memory() {
    let config = "version: v1beta9\nimages:\n  api: {image: acme/api, tags: ['1']}\ndeployments: [{name: shop, kubectl: \
                  {manifests: [kube.yaml]}}]\ndev:\n  ports: [{imageName: api, forward: [{port: 8080}]}]\n  sync: \
                  [{imageName: api, localSubPath: src, containerPath: /src}]\n  open: [{url: 'http://localhost:8080'}]\n  \
                  terminal: {imageName: api, command: [sh], disabled: true}\n  autoReload: {images: [api]}\n";
    let output = Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY . /\n")
        .file("src/page", "a page")
        .file(
            "kube.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {image: acme/api}\n",
        )
        .file(
            "windlass.rhai",
            "fn opened_pages(project) { project.dev.pages + [\"http://localhost:8080/admin\"] }\n",
        )
        .file(
            "windlass_test.rhai",
            r#"
            fn test_everything_is_connected() {
                dev(project());
                assert_eq(calls("build"), ["api"]);
                assert_eq(calls("forward_port"), ["localhost:8080 -> port 8080 of image `api`"]);
                assert_eq(calls("sync_folder"), ["src <-> /src of image `api`"]);
                assert_eq(calls("open_page"), ["http://localhost:8080", "http://localhost:8080/admin"]);
                assert_eq(calls("show"), ["logs of the project"]);
            }
            fn test_only_the_connections() {
                dev(project(#{ skip_pipeline: true, terminal: true }));
                assert_eq(calls("build") + calls("apply"), []);
                assert_eq(calls("show"), ["terminal of image `api`: sh"]);
            }
            fn test_what_a_saved_file_builds() {
                let project = project();
                assert_throws(|| reloaded(project, "Dockerfile"), "test::not_planned");
                dev(project);
                assert_eq(reloaded(project, "Dockerfile"), ["api"]);
                assert_eq(reloaded(project, "src/page"), []);
            }
            fn test_reloads_decides() {
                let project = project(#{ script: "fn reloads(image, change) { change.is_covered }" });
                dev(project);
                assert_eq(reloaded(project, "src/page"), ["api"]);
                assert_eq(reloaded(project, "Dockerfile"), []);
            }
            fn test_a_changed_file_is_built_and_deployed() {
                dev(project());
                reload(project(#{ files: #{ "Dockerfile": "FROM scratch\n" } }));
                assert_eq(calls("build"), ["api", "api"]);
                assert_eq(calls("forward_port").len(), 1);
            }
            "#,
        )
        .run(["test"]);
    output.success().stdout_has("5 passed");
}
