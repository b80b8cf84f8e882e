//! `windlass check`: finds the errors of every profile without building.

use serde_json::Value;

use crate::harness::Project;

/// A project of two images and two profiles.
fn project() -> Project {
    Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9
images:
  api:
    image: acme/api
  web:
    image: acme/web
profiles:
  - name: dev
  - name: staging
    patches:
      - op: replace
        path: images.api.image
        value: acme/api-staging
",
        )
        .file("Dockerfile", "FROM scratch\nCOPY greeting /\n")
        .file("greeting", "hello")
}

/// The findings of `windlass check --json`, and its exit code.
#[track_caller]
fn findings(project: &Project, exit: i32) -> Vec<Value> {
    let output = project.run(["check", "--json"]);
    let found: Value = serde_json::from_str(&output.exits(exit).stdout).expect("JSON");
    assert!(!project.path(".windlass").exists(), "a check leaves nothing behind");
    found.as_array().expect("a list").clone()
}

/// A finding in one line: place, profiles, code, message, help.
fn line(finding: &Value) -> String {
    let text = |field: &str| finding[field].as_str().unwrap_or("-").to_owned();
    let profiles = finding["profiles"].as_array().map(|names| {
        names.iter().filter_map(Value::as_str).map(|name| format!(" [{name}]")).collect::<String>()
    });
    format!(
        "{}:{}:{}{} {}: {} ({})",
        text("file"),
        finding["line"],
        finding["column"],
        profiles.unwrap_or_default(),
        text("code"),
        text("message"),
        text("help").replace('\n', " ")
    )
}

/// The findings with `script` as windlass.rhai, one per line.
fn found(script: &str) -> String {
    let project = project().file("windlass.rhai", script);
    findings(&project, 2).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn valid_project_has_no_findings() {
    let project = project()
        .file("lib/names.rhai", "fn suffix(image) { image.name.to_upper() }\n")
        .file(
            "windlass.rhai",
            "import \"scripts/build\" as base;\nimport \"lib/names\" as names;\n
fn tags(image) { [`v-${names::suffix(image)}`] }
fn publish(image, built) { on_failure(|| base::publish(image, built), |error| print(error.message)) }
fn release(project, version) { parallel(project.images, |image| build_image(image.with_tags([version]))) }
fn build_image(image) { [1, 2].map(|n| n + 1); base::build_image(image) }
",
        )
        .file("windlass.dev.rhai", "fn entrypoint(image) { [\"sleep\", \"infinity\"] }\n");
    let output = project.run(["check"]);
    output.success().stderr_has("no problems in 2 images and 2 profiles");
    assert_eq!(output.stdout, "");
    assert_eq!(findings(&project, 0), [Value::Null; 0]);
}

#[test]
fn every_profile_is_checked() {
    let project = project()
        .file("windlass.dev.rhai", "fn tags(image) { tagz(image) }\n")
        .file("windlass.stagign.rhai", "fn tags(image) { [\"1\"] }\n")
        .file("dev.rhai", "fn tags(image) { [\"1\"] }\n");
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    dev.rhai:1:1 script::no_such_profile: `dev.rhai` is never used: windlass reads no script with this name (did you mean windlass.dev.rhai, for the profile `dev`?)
    windlass.stagign.rhai:1:1 script::no_such_profile: `windlass.stagign.rhai` is never used: unknown profile `stagign` (did you mean windlass.staging.rhai, for the profile `staging`?)
    windlass.dev.rhai:1:18 [dev] script::unknown_function: unknown function `tagz` (did you mean `tags`?)
    ");
    let output = project.run(["check"]);
    output
        .exits(2)
        .stderr_has("in the profile `dev`: unknown function `tagz`")
        .stderr_has("windlass.dev.rhai:1:18");
    // A run reports it as well if the name looks like a typo.
    project.run(["plan"]).success().stderr_has(
        "warning: `windlass.stagign.rhai` is never used: unknown profile `stagign`; did you mean windlass.staging.rhai",
    );
    project.remove("windlass.stagign.rhai");
    project.remove("dev.rhai");
    project.run(["plan"]).success().lacks("never used");
}

#[test]
fn patch_that_matches_nothing_is_found() {
    let config = project().read("devspace.yaml").replace("images.api.image", "images.ap.image");
    let project = project().file("devspace.yaml", config);
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"devspace.yaml:12:15 [staging] config::patch: devspace.yaml:12:15: cannot apply patch 1 of profile `staging`: its path matches nothing (`images` has no `ap`; did you mean `api`?)");
}

#[test]
fn colliding_tags_are_found() {
    let config = project().read("devspace.yaml").replace("acme/web", "acme/api");
    let project =
        project().file("devspace.yaml", config).file("windlass.dev.rhai", "fn tags(image) { [\"1\"] }\n");
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"-:null:null [dev] image::tag_clash: the images `api` and `web` would both be `acme/api:1` (give one of them another tag or repository (devspace.yaml:3:3 and devspace.yaml:5:3))");
}

#[test]
fn errors_in_unreached_code_are_found() {
    insta::assert_snapshot!(found(
        "import \"scripts/build\" as base;
import \"lib/none\" as none;
fn on_error(image, error) { notfy(error); base::on_eror(image, error) }
fn on_skip(image, plan) { run_hooks(image); std::skip() }
fn release(project) { project.images.filter(|image| image.is_custm()) }
fn tag(image) { [\"1\"] }
"
    ), @r#"
    windlass.rhai:2:8 script::module_not_found: cannot find the module `lib/none` (modules are inside the project: `import "lib/x" as x` reads lib/x.rhai, `./x` the file next to this one)
    windlass.rhai:3:29 script::unknown_function: unknown function `notfy` (it is in std/hooks: begin the file with `import "std/hooks" as hooks;` and write `hooks::notify(url, text)`)
    windlass.rhai:3:49 script::unknown_function: unknown function `base::on_eror` (did you mean `base::on_error`?)
    windlass.rhai:4:27 script::wrong_arguments: `run_hooks` does not take 1 argument (it is defined as `run_hooks(deployment, event)`, `run_hooks(deployment, event, outcome)`, `run_hooks(folder, event, reason)`, `run_hooks(image, event)`, `run_hooks(image, event, outcome)`, `run_hooks(port, event, reason)`, `run_hooks(project, event)`, `run_hooks(project, event, error)`)
    windlass.rhai:4:45 script::not_imported: nothing is imported as `std` (begin the file with `import "lib/std" as std;`)
    windlass.rhai:5:59 script::unknown_function: unknown function `is_custm` (did you mean the property `is_custom`, without `()`?)
    windlass.rhai:6:4 script::overrides_nothing: `tag(image)` overrides nothing (did you mean `tags(image)`?)
    "#);
}

/// Errors that are typical of a first script: the message names the fix, in a check and in a build.
#[test]
fn typical_errors_name_their_fix() {
    let scripts = [
        ("typo", "fn dockerfile(image) { load_dockerfil(image) }"),
        ("arity", "fn plan(image) { plan_image(image) }"),
        ("missing import", "fn tags(image) { base::tags(image) }"),
        ("wrong type", "fn tags(image) { 1 }"),
        ("string for array", "fn entrypoint(image) { \"sleep infinity\" }"),
        ("missing return", "fn tags(image) { let tags = [\"1\"]; }"),
        ("number for text", "fn tags(image) { [1.4] }"),
        ("assignment", "fn needs_build(image, plan) { if image.name = \"api\" { true } else { false } }"),
        ("unknown method", "fn tags(image) { image.with_tag([\"1\"]) }"),
        ("unknown property", "fn tags(image) { [image.nam] }"),
        ("no quotes", "fn tags(image) { [dev] }"),
        ("single quotes", "fn tags(image) { ['dev'] }"),
        ("no semicolon", "fn tags(image) { let tag = \"1\" [tag] }"),
        ("no comma", "fn entrypoint(image) { [\"sleep\" \"infinity\"] }"),
        ("null", "fn entrypoint(image) { null }"),
        ("def", "def tags(image) { [\"1\"] }"),
        (
            "elif",
            "fn tags(image) { if image.name == \"a\" { [\"1\"] } elif true { [\"2\"] } else { [\"3\"] } }",
        ),
        ("and", "fn needs_build(image, plan) { plan.needs_build and image.name == \"api\" }"),
        ("dollar", "fn tags(image) { [\"v\" + ${image.name}] }"),
        ("missing brace", "fn tags(image) { [\"1\"]\n"),
        ("function for value", "fn tags(image) { [command] }"),
    ];
    let mut answers = Vec::new();
    for (name, script) in scripts {
        let project = project().file("windlass.rhai", script);
        let findings = findings(&project, 2);
        answers.push(format!("{name}\n  {}", findings.iter().map(line).collect::<Vec<_>>().join("\n  ")));
        // The build stops for the same reason, with the same help.
        let build = project.run(["build", "--skip-push"]);
        build.exits(2).stderr_has("windlass.rhai:");
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    typo
      windlass.rhai:1:24 script::unknown_function: unknown function `load_dockerfil` (did you mean `load_dockerfile`?)
    arity
      windlass.rhai:1:18 script::wrong_arguments: `plan_image` does not take 1 argument (it is defined as `plan_image(image, dockerfile, context)`)
    missing import
      windlass.rhai:1:18 script::not_imported: nothing is imported as `base` (begin the file with `import "scripts/build" as base;`)
    wrong type
      windlass.rhai:1:4 script::wrong_type: `tags` must be a list of strings, found a number (return a list such as ["..."])
    string for array
      windlass.rhai:1:4 script::wrong_type: `entrypoint` must be a list of strings, found a string (write ["sleep", "infinity"])
    missing return
      windlass.rhai:1:4 script::wrong_type: `tags` must be a list of strings, found nothing (`()`) (return a list such as ["..."])
    number for text
      windlass.rhai:1:4 script::wrong_type: `tags` must be a list of strings, found a number in it (convert it with `to_string()`)
    assignment
      windlass.rhai:1:45 script::syntax: cannot read the script `windlass.rhai`: possibly a typo of '=='? (`=` assigns; compare with `==`)
    unknown method
      windlass.rhai:1:24 script::unknown_function: unknown function `with_tag` (did you mean `with_tags`?)
    unknown property
      windlass.rhai:1:25 script::unknown_property: unknown property `nam` of Image (did you mean `name`?)
    no quotes
      windlass.rhai:1:4 script::wrong_type: `tags` must be a list of strings, found a function in it (call the function: `dev(...)`, or write a string in quotes: "dev")
    single quotes
      windlass.rhai:1:19 script::syntax: cannot read the script `windlass.rhai`: invalid character: 'dev' (write strings in double quotes: "dev")
    no semicolon
      windlass.rhai:1:33 script::unknown_variable: unknown variable `tag` (put a `;` before the `[`: without it, `[` indexes the value before it)
    no comma
      windlass.rhai:1:33 script::syntax: cannot read the script `windlass.rhai`: expecting ',' to separate the items of this array literal (put a `,` between the items)
    null
      windlass.rhai:1:24 script::syntax: cannot read the script `windlass.rhai`: 'null' is a reserved keyword (write `()` for nothing)
    def
      windlass.rhai:1:5 script::syntax: cannot read the script `windlass.rhai`: expecting ';' to terminate this statement (functions begin with `fn`: `fn tags(image) { ... }`)
    elif
      windlass.rhai:1:54 script::syntax: cannot read the script `windlass.rhai`: expecting ';' to terminate this statement (write `else if`)
    and
      windlass.rhai:1:48 script::syntax: cannot read the script `windlass.rhai`: expecting ';' to terminate this statement (write `&&`)
    dollar
      windlass.rhai:1:25 script::syntax: cannot read the script `windlass.rhai`: '$' is a reserved symbol (write `${...}` only in a string in backticks: `v-${image.name}`; elsewhere, write the value itself)
    missing brace
      windlass.rhai:2:1 script::syntax: cannot read the script `windlass.rhai`: expecting ';' to terminate this statement (the `{` in line 1 is not closed: the file ends before its `}`)
    function for value
      windlass.rhai:1:4 script::wrong_type: `tags` must be a list of strings, found a function in it (call the function: `command(...)`, or write a string in quotes: "command")
    "#);
}

#[test]
fn dockerfile_and_configuration_are_checked() {
    let project = project().file("Dockerfile", "FROM scratch\nCOYP greeting /\n");
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    assert!(lines[0].contains("dockerfile::"), "{lines:?}");
    let project = project.file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    imagee: acme/api\n");
    project.run(["check"]).exits(2).stderr_has("imagee");
}

#[test]
fn no_command_runs() {
    let config =
        project().read("devspace.yaml") + "hooks:\n  - command: touch ran\n    events: ['before:build']\n";
    let project = project().file("devspace.yaml", config);
    project.run(["check"]).success();
    assert!(!project.path("ran").exists());
}

#[test]
fn dependencies_are_checked() {
    let config = "version: v1beta11\nimages:\n  api:\n    image: acme/api\n    build:\n      docker:\n        options:\n          buildArgs:\n            BASE: ${runtime.dependencies.auth.images.base}\ndependencies:\n- {name: auth, source: {path: libs/auth}}\n- {name: far, source: {git: 'file:///nowhere/far.git'}}\nprofiles:\n- name: dev\n";
    let below = "version: v1beta11\nimages:\n  base:\n    image: acme/base\n";
    let project = project()
        .file("devspace.yaml", config)
        .file("libs/auth/devspace.yaml", below)
        .file("libs/auth/Dockerfile", "FROM scratch\n")
        .file("libs/auth/windlass.rhai", "fn tags(image) { [\"1\"] }\n");
    let output = project.run(["check"]);
    output
        .success()
        .stderr_has("not checking file:///nowhere/far.git: run `windlass update dependencies` to fetch it")
        .stderr_has("no problems in 1 image and 1 profile, and in 1 dependency");

    project
        .write("libs/auth/windlass.rhai", "fn tags(image) { \"1\" }\nfn on_skip(image, plan) { notfy(1) }\n");
    project.write("libs/auth/Dockerfile", "FROM scratch\nCOYP a b\n");
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    libs/auth/windlass.rhai:2:27 script::unknown_function: unknown function `notfy` (it is in std/hooks: begin the file with `import "std/hooks" as hooks;` and write `hooks::notify(url, text)`)
    libs/auth/windlass.rhai:1:4 script::wrong_type: `tags` must be a list of strings, found a string (write ["1"])
    "#);
    let found = findings(&project, 2);
    assert!(found.iter().all(|finding| finding["dependency"] == "auth"), "{found:?}");
    project
        .run(["check"])
        .exits(2)
        .stderr_has("auth (in libs/auth): ")
        .stderr_has("libs/auth/windlass.rhai:1:");

    project.write("libs/auth/windlass.rhai", "fn tags(image) {\n");
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    assert!(lines[0].starts_with("libs/auth/windlass.rhai:2:1 script::syntax"), "{lines:?}");
    project.remove("libs/auth/windlass.rhai");
    project.write("libs/auth/devspace.yaml", format!("{below}imgaes: {{}}\n"));
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    assert!(lines[0].contains("libs/auth/devspace.yaml:5:1") && lines[0].contains("imgaes"), "{lines:?}");
}

#[test]
fn test_files_are_checked() {
    let project = project()
        .file("windlass.rhai", "fn tags(image) { [suffix(image)] }\nfn suffix(image) { image.name }\nfn release(project, version) { }\n")
        .file(
            "windlass_test.rhai",
            "import \"std/testing\" as testing;
fn test_tags() { assert_eq(tags(project().image(\"api\")), [\"api\"]); assert_eq(suffix(1), helper(1)); }
fn test_release() { release(project(), \"1\"); host.git(#{ branch: \"main\" }); calls(\"push\"); }
fn helper(x) { x }
",
        );
    let output = project.run(["check"]);
    output.success().stderr_has("no problems in 2 images, 1 test file and 2 profiles");
    project.write(
        "windlass_test.rhai",
        "fn test_tags() { asert_eq(tags(project()), 1); tags(project(), 1) }
fn test_release() { project().run(\"release\"); testing::x(); release(project()) }
fn tset_tags() { helper() }
fn helper() { tags(project()) }
",
    );
    project.write("lib/other_test.rhai", "fn test_it(x) { }\n");
    project.write("lib/broken_test.rhai", "fn test_it() {\n    print(1)\n    print(2)\n}\n");
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    lib/broken_test.rhai:3:5 script::syntax: cannot read the script `lib/broken_test.rhai`: expecting ';' to terminate this statement (end the line before with a `;`: `print(1);`)
    -:null:null test::parameters: `test_it(x)` in lib/other_test.rhai:1 has parameters, but tests take no arguments (write `fn test_it()`)
    windlass_test.rhai:1:18 script::unknown_function: unknown function `asert_eq` (did you mean `assert_eq`?)
    windlass_test.rhai:1:48 script::wrong_arguments: `tags` does not take 2 arguments (it is defined as `tags(image)`)
    windlass_test.rhai:2:31 script::unknown_function: unknown function `run` (call the pipeline as a function: `release(project, "1.4.0")`)
    windlass_test.rhai:2:47 script::not_imported: nothing is imported as `testing` (begin the file with `import "std/testing" as testing;`)
    windlass_test.rhai:2:61 script::wrong_arguments: `release` does not take 1 argument (it takes 2 arguments)
    windlass_test.rhai:3:4 test::never_run: `tset_tags()` never runs: it is not a test, and nothing calls it (begin its name with `test_`, or write `private fn` if it is not a test)
    "#);
}

/// More typical errors, one per line: the message and the fix. `windlass plan` reports the same.
#[test]
fn more_errors_name_their_fix() {
    let scripts = [
        ("no semicolon after let", "fn tags(image) { let tag = \"1\"\n [tag] }"),
        ("no semicolon after a call", "fn before_build(project) {\n    print(\"a\")\n    print(\"b\")\n}"),
        ("no semicolon after import", "import \"std/tags\" as tags\nfn tags(image) { [tags::branch()] }"),
        ("no quote", "fn tags(image) { [\"dev] }"),
        ("no backtick", "fn tags(image) { [`dev-${image.name}] }"),
        ("no parenthesis", "fn tags(image) { [env(\"TAG\"] }"),
        ("no bracket", "fn tags(image) { [\"dev\" }"),
        ("a brace too many", "fn tags(image) { [\"dev\"] } }"),
        ("no braces", "fn tags(image) [\"dev\"]"),
        ("type of a result", "fn tags(image) -> list { [\"dev\"] }"),
        ("type of a parameter", "fn tags(image: Image) { [\"dev\"] }"),
        ("pub", "pub fn tags(image) { [\"dev\"] }"),
        ("f-string", "fn tags(image) { [f\"{image.name}\"] }"),
        ("value in quotes", "fn tags(image) { [\"v-${image.name}\"] }"),
        ("map without hash", "fn prepare(image, dockerfile) { dockerfile.with_labels({ \"a\": \"b\" }) }"),
        ("arrow", "fn build_all(project) { project.images.map(image => build_image(image)) }"),
        ("conditional", "fn tags(image) { image.name == \"api\" ? [\"1\"] : [\"2\"] }"),
        ("comment", "# comment\nfn tags(image) { [\"1\"] }"),
        ("for in parentheses", "fn before_build(project) { for (image in project.images) { } }"),
        ("if without braces", "fn tags(image) { if image.name == \"api\" [\"1\"] else [\"2\"] }"),
        ("defined twice", "fn tags(image) { [\"1\"] }\nfn tags(image) { [\"2\"] }"),
        ("constant", "const TAG = \"1\";\nfn tags(image) { [TAG] }"),
        ("variable of the file", "let tag = \"1\";\nfn tags(image) { [tag] }"),
        ("misspelled variable", "fn tags(image) { [imgae.name] }"),
        ("shadowing", "fn tags(image) { let image = image.name; [image.name] }"),
        ("method without ()", "fn tags(image) { [image.name.to_upper] }"),
        ("property with ()", "fn tags(image) { [git.branch()] }"),
        ("library without import", "fn tags(image) { [git_describe()] }"),
        ("library not imported", "fn tags(image) { [tags::git_describe()] }"),
        ("misspelled module", "import \"std/tag\" as tags;\nfn tags(image) { [tags::branch()] }"),
        ("import without as", "import \"std/tags\";\nfn tags(image) { [tags::branch()] }"),
        ("writing outside", "fn before_build(project) { write_file(\"../x\", \"a\"); }"),
        ("command as string", "fn before_build(project) { exec(\"make all\"); }"),
        ("misspelled option", "fn before_build(project) { exec([\"make\"], #{ timout: 3 }); }"),
        ("string for seconds", "fn before_build(project) { timeout(\"3\", || 1); }"),
        ("itself", "fn tags(image) { tags(image) + [\"x\"] }"),
        ("a pipeline called by name", "fn before_build(project) { project.run(\"release\"); }"),
        ("shell", "fn before_build(project) { shell(\"ls\"); }"),
        ("image by name", "fn before_build(project) { project.images[\"api\"]; }"),
        ("no such item", "fn before_build(project) { project.images[7]; }"),
        ("print of two", "fn before_build(project) { print(\"a\", \"b\"); }"),
        ("length", "fn before_build(project) { project.images.length; }"),
        ("tag of a branch", "fn tags(image) { [\"feature/x\"] }"),
        ("string for boolean", "fn needs_build(image, plan) { \"true\" }"),
        ("closure without parameter", "fn build_all(project) { parallel(project.images, || 1) }"),
        ("nothing returned", "fn plan(image) { }"),
        ("setting a property", "fn before_image(image) { image.entrypoint = [\"x\"]; }"),
        ("list for map", "fn before_image(image) { image.with_build_args([\"A=1\"]); }"),
        ("no such entry", "fn before_build(project) { let m = #{ a: 1 }; print(m.b.c); }"),
        ("json of a file", "fn before_build(project) { read_json(\"x.json\"); }"),
        ("minus", "fn tags(image) { [\"v\" - 1] }"),
        ("unset variable", "fn tags(image) { [env(\"NOPE_NOT_SET\")] }"),
    ];
    let mut answers = Vec::new();
    for (name, script) in scripts {
        let project = project().file("windlass.rhai", script);
        let output = project.run(["check", "--json"]);
        let findings: Vec<Value> = serde_json::from_str(&output.stdout).expect("JSON");
        let lines: Vec<_> = findings.iter().map(line).collect();
        answers.push(format!("{name}\n  {}", lines.join("\n  ")));
    }
    insta::assert_snapshot!("mistakes", answers.join("\n"));
}

/// A build ignores errors in `dev`, with a warning; `check` reports them.
#[test]
fn errors_of_dev_are_found_and_unsupported_keys_are_warnings() {
    let file = |dev: &str| {
        format!(
            "version: v1beta11\nimages:\n  api: {{image: acme/api, build: {{custom: {{command: 'true'}}}}}}\ndev:\n{dev}"
        )
    };
    let text = file(
        "  sync: [{imageSelector: image(apo), initialSync: mirrorLokal}]\n  autoReload: {images: [web]}\n",
    );
    let project = Project::new().file("devspace.yaml", &text);
    let lines: Vec<_> = findings(&project, 2).iter().map(line).collect();
    let expected = [
        "devspace.yaml:5:26 config::dev: devspace.yaml:5:26: unknown image `apo` in a sync entry of `dev` (did you mean `api`?)",
        "devspace.yaml:5:51 config::dev: devspace.yaml:5:51: unknown value `mirrorLokal` of `initialSync` of a sync entry of `dev` (did you mean `mirrorLocal`?)",
        "devspace.yaml:6:25 config::dev: devspace.yaml:6:25: unknown image `web` in `images` of `autoReload` of `dev` (valid names: `api`)",
    ];
    assert_eq!(lines, expected);
    project.run(["build", "--skip-push"]).success().stderr_has("unknown image `apo`");

    let project = Project::new().file("devspace.yaml", file("  replacePods: [{imageSelector: nginx}]\n"));
    let output = project.run(["check"]);
    output.success().stderr_has("warning: devspace.yaml:5:3: `replacePods` of `dev` is ignored");
    project.run(["build", "--skip-push"]).success().lacks("replacePods");
}

#[test]
fn functions_of_a_dev_session_are_called() {
    insta::assert_snapshot!(
        found(
            "fn reloads(image, change) { print(image.name); }\n\
             fn forwarded_ports(project) { project.dev.port }\n\
             fn before_dev(project) { exec(\"never\"); misspelled(1); }\n"
        ),
        @r#"
    windlass.rhai:3:41 script::unknown_function: unknown function `misspelled` (run `windlass doc` to list what scripts can call)
    windlass.rhai:3:26 script::wrong_type: `command` must be a list of strings, found a string (write ["never"])
    windlass.rhai:2:43 script::unknown_property: unknown property `port` of Dev (`port` is a property of Forward: check the value before it)
    windlass.rhai:1:4 script::wrong_type: `reloads` must return true or false, not nothing (`()`) (a function returns its last expression, unless a `;` ends it)
    "#
    );
    insta::assert_snapshot!(
        found("fn synced_folder(project) { [] }\nfn reloads(image) { true }\nfn opened_pages(project) { print(1); }\n"),
        @"
    windlass.rhai:2:4 script::overrides_nothing: `reloads(image)` overrides nothing (did you mean `reloads(image, change)`?)
    windlass.rhai:1:4 script::overrides_nothing: `synced_folder(project)` overrides nothing (did you mean `synced_folders(project)`?)
    windlass.rhai:3:4 script::wrong_type: `for` needs a list, a range or a string (a function returns its last expression, unless a `;` ends it)
    "
    );
    let project = project().file(
        "windlass.rhai",
        "fn reloads(image, change) { change.is_automatic && !change.files.is_empty() }\n\
         fn foreground(project) { project.dev.logs }\n\
         fn opened_pages(project) { [\"http://localhost:8080\"] }\n",
    );
    project.run(["check"]).success().stderr_has("no problems");
}
