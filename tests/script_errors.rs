//! The messages for invalid scripts, failing stages and overrides that override nothing.

use crate::harness::{Daemon, Output, Project, Signal};

/// A project of one image, without a daemon.
fn project() -> Project {
    Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  api:\n    image: acme/api\nprofiles:\n  - name: dev\n",
        )
        .file("Dockerfile", "FROM scratch\nCOPY greeting /\n")
        .file("greeting", "hello")
}

/// The output of `windlass build --skip-push` with `script` as windlass.rhai.
fn build_with(script: &str) -> Output {
    project().file("windlass.rhai", script).run(["build", "--skip-push"])
}

/// Standard error for an invalid script, from the diagnostic on.
#[track_caller]
fn diagnostic(output: &Output, exit: i32) -> String {
    output.exits(exit);
    let start = output.stderr.find("Error: ").or_else(|| {
        let lines = output.stderr.match_indices('\n').map(|(index, _)| index + 1);
        std::iter::once(0)
            .chain(lines)
            .find(|&start| is_code(output.stderr[start..].lines().next().unwrap_or("")))
    });
    let start = start.unwrap_or_else(|| panic!("no diagnostic\n{output}"));
    let text = &output.stderr[start..];
    text.lines().map(|line| without_places(line.trim_end())).collect::<Vec<_>>().join("\n")
}

/// A line without the line numbers of the default pipeline, which move whenever it is edited.
fn without_places(line: &str) -> String {
    let numbers = regex::Regex::new(r"\b\d+\b").expect("a pattern");
    match line.split_once("scripts/build.rhai, ") {
        Some((before, places)) => format!("{before}scripts/build.rhai, {}", numbers.replace_all(places, "N")),
        None => line.to_owned(),
    }
}

/// Whether a line is nothing but the code of a diagnostic, such as `script::syntax`.
fn is_code(line: &str) -> bool {
    line.contains("::") && line.chars().all(|char| char.is_ascii_lowercase() || char == ':' || char == '_')
}

/// The warnings of a build with `script` as windlass.rhai.
fn warnings(script: &str) -> Vec<String> {
    let output = build_with(script);
    let text = format!("{}{}", output.stdout, output.stderr);
    text.lines().filter(|line| line.contains("overrides nothing")).map(ToOwned::to_owned).collect()
}

#[test]
fn syntax_error_shows_the_line() {
    let output = build_with("fn tags(image) {\n    [\"1\"\n}\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::syntax

      x cannot read the script `windlass.rhai`: expecting ',' to separate the items of this array
      | literal
       ,-[windlass.rhai:3:1]
     2 |     ["1"
     3 | }
       : |
       : `-- here
       `----
      help: the `[` in line 2 is not closed: put its `]` before this
    "#);
}

#[test]
fn syntax_error_of_a_profile_names_its_file() {
    let output = project()
        .file("windlass.rhai", "fn tags(image) { [\"1\"] }\n")
        .file("windlass.dev.rhai", "fn tags(image { [\"1\"] }\n")
        .run(["build", "-p", "dev"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::syntax

      x cannot read the script `windlass.dev.rhai`: expecting ',' to separate the parameters of
      | function 'tags'
       ,-[windlass.dev.rhai:1:15]
     1 | fn tags(image { ["1"] }
       :               |
       :               `-- here
       `----
      help: the `(` in line 1 is not closed: put its `)` before this
    "#);
}

#[test]
fn unknown_function_suggests_the_nearest() {
    let output = build_with("fn dockerfile(image) { load_dockerfil(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::unknown_function

      x api: unknown function `load_dockerfil (Image)`
       ,-[windlass.rhai:1:24]
     1 | fn dockerfile(image) { load_dockerfil(image) }
       :                        ^^^^^^^|^^^^^^
       :                               `-- here, in `dockerfile`
       `----
      help: did you mean `load_dockerfile`?
      `->   > called from scripts/build.rhai, lines N (`plan`), N (`build_or_reuse`), N
            | (`build_image`), 29
    ");
}

#[test]
fn wrong_argument_count_shows_the_definition() {
    let output = build_with("fn tags(image) { helper(image, 1) }\nfn helper(image) { [\"1\"] }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::unknown_function

      x unknown function `helper (Image, number)`
       ,-[windlass.rhai:1:18]
     1 | fn tags(image) { helper(image, 1) }
       :                  ^^^|^^
       :                     `-- here, in `tags`
     2 | fn helper(image) { ["1"] }
       `----
      help: it is defined as `helper(image)`
      `->   > called from scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    "#);
}

#[test]
fn wrong_arguments_of_a_stage_show_its_parameters() {
    let output = build_with("fn plan(image) { plan_image(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::unknown_function

      x api: unknown function `plan_image (Image)`
       ,-[windlass.rhai:1:18]
     1 | fn plan(image) { plan_image(image) }
       :                  ^^^^^|^^^^
       :                       `-- here, in `plan`
       `----
      help: call it as `plan_image(image, dockerfile, context)`; see `windlass doc plan_image`
      `->   > called from scripts/build.rhai, lines N (`build_or_reuse`), N (`build_image`), N
    ");
}

#[test]
fn string_instead_of_tags_names_the_fix() {
    let output = build_with("fn tags(image) {\n    \"1.4\"\n}\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::wrong_type

      x `tags` must be a list of strings, found a string
       ,-[windlass.rhai:1:4]
     1 | fn tags(image) {
       :    ^^|^
       :      `-- what this returns
     2 |     "1.4"
       `----
      help: write ["1.4"]
      `->   > found in scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    "#);
}

#[test]
fn string_instead_of_an_entrypoint_names_the_fix() {
    let output =
        build_with("/// Waits.\nfn entrypoint(image) { \"sleep infinity\" }\nfn command(image) { () }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::wrong_type

      x api: `entrypoint` must be a list of strings, found a string
       ,-[windlass.rhai:2:4]
     1 | /// Waits.
     2 | fn entrypoint(image) { "sleep infinity" }
       :    ^^^^^|^^^^
       :         `-- what this returns
     3 | fn command(image) { () }
       `----
      help: write ["sleep", "infinity"]
      `->   > found in scripts/build.rhai, lines N (`prepare`), N (`plan`), N (`build_or_reuse`),
            | 38 (`build_image`), 29
    "#);
}

#[test]
fn number_in_tags_names_the_fix() {
    let output = build_with("fn tags(image) { [1] }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::wrong_type

      x `tags` must be a list of strings, found a number in it
       ,-[windlass.rhai:1:4]
     1 | fn tags(image) { [1] }
       :    ^^|^
       :      `-- what this returns
       `----
      help: convert it with `to_string()`
      `->   > found in scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    ");
}

#[test]
fn tags_without_a_return_value_is_reported() {
    let output = build_with("fn tags(image) { let tags = [\"1\"]; }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::wrong_type

      x `tags` must be a list of strings, found nothing (`()`)
       ,-[windlass.rhai:1:4]
     1 | fn tags(image) { let tags = ["1"]; }
       :    ^^|^
       :      `-- what this returns
       `----
      help: return a list such as ["..."]
      `->   > found in scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    "#);
}

#[test]
fn needs_build_that_returns_a_string_is_reported() {
    let output = build_with("fn needs_build(image, plan) { plan.reason }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::wrong_type

      x api: `needs_build` must be true or false, found a string
       ,-[windlass.rhai:1:4]
     1 | fn needs_build(image, plan) { plan.reason }
       :    ^^^^^|^^^^^
       :         `-- what this returns
       `----
      help: return `true`, `false`, or a comparison
      `->   > found in scripts/build.rhai, lines N (`build_or_reuse`), N (`build_image`), N
    ");
}

#[test]
fn unknown_builder_suggests_the_nearest() {
    let output = build_with("fn builder(image) { \"dockr\" }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    builder::unknown

      x api: unknown builder `dockr`
       ,-[windlass.rhai:1:4]
     1 | fn builder(image) { "dockr" }
       :    ^^^|^^^
       :       `-- what this returns
       `----
      help: did you mean `docker`?
      `->   > found in scripts/build.rhai, lines N (`build_or_reuse`), N (`build_image`), N
    "#);
}

#[test]
fn plan_without_a_return_value_is_reported() {
    let output = build_with("fn plan(image) { }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::unknown_property

      x api: unknown property `needs_build` of nothing (`()`)
       ,-[windlass.rhai:1:4]
     1 | fn plan(image) { }
       :    ^^|^
       :      `-- what this returns
       `----
      help: a function returns its last expression, unless a `;` ends it
      `->   > found in scripts/build.rhai, lines N (`needs_build`), N (`build_or_reuse`), N
            | (`build_image`), 29
    ");
}

#[test]
fn publish_without_a_return_value_is_reported_where_its_result_is_used() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let output = project()
        .daemon(&daemon)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n"))
        .file(
            "windlass.rhai",
            "fn publish(image, built) { }\nfn after_image(image, result) { print(result.references[0]) }\n",
        )
        .run(["build"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::unknown_property

      x api: unknown property `references` of nothing (`()`)
       ,-[windlass.rhai:2:46]
     1 | fn publish(image, built) { }
     2 | fn after_image(image, result) { print(result.references[0]) }
       :                                              ^^^^^|^^^^
       :                                                   `-- here, in `after_image`
       `----
      help: a function returns its last expression, unless a `;` ends it
      `->   > called from scripts/build.rhai, lines N (`build_or_reuse`), N (`build_image`), N
    ");
}

#[test]
fn missing_module_is_reported() {
    let output = build_with("import \"lib/nope\" as nope;\nfn tags(image) { nope::tags(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::module_not_found

      x cannot find the module `lib/nope`
       ,-[windlass.rhai:1:8]
     1 | import "lib/nope" as nope;
       :        |
       :        `-- here
     2 | fn tags(image) { nope::tags(image) }
       `----
      help: modules are inside the project: `import "lib/x" as x` reads lib/x.rhai, `./x` the file
            next to this one
    "#);
}

#[test]
fn forgotten_import_names_the_line_to_write() {
    let output = build_with("fn tags(image) { base::tags(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::not_imported

      x nothing is imported as `base`
       ,-[windlass.rhai:1:18]
     1 | fn tags(image) { base::tags(image) }
       :                  ^^|^
       :                    `-- here, in `tags`
       `----
      help: begin the file with `import "scripts/build" as base;`
      `->   > called from scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    "#);
}

#[test]
fn misspelled_function_of_a_module_is_shown_as_written() {
    let output = build_with("import \"scripts/build\" as base;\nfn tags(image) { base::tgas(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::unknown_function

      x unknown function `base::tgas (Image)`
       ,-[windlass.rhai:2:24]
     1 | import "scripts/build" as base;
     2 | fn tags(image) { base::tgas(image) }
       :                        ^^|^
       :                          `-- here, in `tags`
       `----
      help: did you mean `base::tags`?
      `->   > called from scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    "#);
}

#[test]
fn error_in_a_replaced_function_shows_the_file_that_defines_it() {
    let output = project()
        .file("windlass.rhai", "/// Tags.\nfn tags(image) { tagz(image) }\n")
        .file(
            "windlass.dev.rhai",
            "import \"scripts/build\" as base;\nfn tags(image) { base::tags(image) + [\"dev\"] }\n",
        )
        .run(["build", "-p", "dev"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::unknown_function

      x unknown function `tagz (Image)`
       ,-[windlass.rhai:2:18]
     1 | /// Tags.
     2 | fn tags(image) { tagz(image) }
       :                  ^^|^
       :                    `-- here, in `tags`
       `----
      help: did you mean `tags`?
      |->   > called from windlass.dev.rhai
      |      ,-[windlass.dev.rhai:2:24]
      |    1 | import "scripts/build" as base;
      |    2 | fn tags(image) { base::tags(image) + ["dev"] }
      |      :                        ^^|^
      |      :                          `-- called here, in `tags`
      |      `----
      `->   > called from scripts/build.rhai, lines N (`tagged`), N (`build_all`), N
            | (`build_images`), 9 (`build`)
    "#);
}

#[test]
fn thrown_map_gives_message_code_and_help() {
    let output = build_with(
        "fn before_image(image) {\n    throw #{ message: \"the freeze is on\", code: \"acme::freeze\", help: \"wait until Monday\" };\n}\n",
    );
    insta::assert_snapshot!(diagnostic(&output, 1), @r#"
    acme::freeze

      x api: the freeze is on
       ,-[windlass.rhai:2:5]
     1 | fn before_image(image) {
     2 |     throw #{ message: "the freeze is on", code: "acme::freeze", help: "wait until Monday" };
       :     ^^|^^
       :       `-- here, in `before_image`
     3 | }
       `----
      help: wait until Monday
      `->   > called from scripts/build.rhai, lines N (`build_or_reuse`), N (`build_image`), N
    "#);
}

#[test]
fn thrown_string_is_the_message() {
    let output = build_with("fn before_build(project) { throw \"not on a Friday\"; }\n");
    insta::assert_snapshot!(diagnostic(&output, 1), @r#"
    script::thrown

      x not on a Friday
       ,-[windlass.rhai:1:28]
     1 | fn before_build(project) { throw "not on a Friday"; }
       :                            ^^|^^
       :                              `-- here, in `before_build`
       `----
      `->   > called from scripts/build.rhai, lines N (`build_all`), N (`build_images`), N (`build`)
    "#);
}

#[test]
fn stage_error_can_be_caught_and_inspected() {
    let output = build_with(
        r#"fn build_image(image) {
    try { load_dockerfile(image.with_dockerfile("none/Dockerfile")); }
    catch (e) { print(`code ${e.code}`); print(`message ${e.message}`); print(`help ${e.help}`); }
    image.disabled()
}
"#,
    );
    output.success();
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(text.contains("code stage::load_dockerfile::unreadable"), "{text}");
    assert!(text.contains("message cannot read the Dockerfile `none/Dockerfile`: No such file"), "{text}");
    assert!(text.contains("help `images.api.dockerfile`"), "{text}");
}

#[test]
fn caught_error_thrown_again_keeps_its_code() {
    let output = build_with(
        "fn dockerfile(image) {\n    try { load_dockerfile(image.with_dockerfile(\"none\")) } catch (e) { throw e; }\n}\n",
    );
    output.exits(1).stderr_has("stage::load_dockerfile::unreadable");
}

#[test]
fn stage_error_shows_each_file_of_the_call_chain() {
    let project = project()
        .file("lib/files.rhai", "/// A Dockerfile of ours.\nfn ours(image, path) {\n    load_dockerfile(image.with_dockerfile(path))\n}\n")
        .file(
            "windlass.rhai",
            "import \"lib/files\" as files;\n\nfn dockerfile(image) {\n    [\"none/Dockerfile\"].map(|path| files::ours(image, path))[0]\n}\n",
        );
    // The help names the project directory, which differs in each run.
    let text = diagnostic(&project.run(["build"]), 1);
    let (failure, help) = text.split_once("  help: ").expect("a help line");
    let (_, chain) = help.split_once("\n  |->").expect("the chain follows");
    insta::assert_snapshot!(format!("{failure}  |->{chain}"), @r#"
    stage::load_dockerfile::unreadable

      x api: cannot read the Dockerfile `none/Dockerfile`: No such file or directory (os error 2)
       ,-[lib/files.rhai:3:5]
     2 | fn ours(image, path) {
     3 |     load_dockerfile(image.with_dockerfile(path))
       :     ^^^^^^^|^^^^^^^
       :            `-- here, in `ours`
     4 | }
       `----
      |->   > called from windlass.rhai
      |      ,-[windlass.rhai:4:25]
      |    3 | fn dockerfile(image) {
      |    4 |     ["none/Dockerfile"].map(|path| files::ours(image, path))[0]
      |      :                         ^|^               ^^|^
      |      :                          |                  `-- called here
      |      :                          `-- called here, in `dockerfile`
      |    5 | }
      |      `----
      `->   > called from scripts/build.rhai, lines N (`plan`), N (`build_or_reuse`), N
            | (`build_image`), 29
    "#);
}

#[test]
fn closure_is_shown_in_its_file() {
    let output = project()
        .file(
            "windlass.rhai",
            "fn build_image(image) {\n    on_failure(|| each(|one| frob(one)), |error| ())\n}\n",
        )
        .file("windlass.dev.rhai", "\n\nfn each(work) { work.call(1) }\n")
        .run(["build", "-p", "dev"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @"
    script::unknown_function

      x api: unknown function `frob (number)`
       ,-[windlass.rhai:2:30]
     1 | fn build_image(image) {
     2 |     on_failure(|| each(|one| frob(one)), |error| ())
       :                              ^^|^
       :                                `-- here
     3 | }
       `----
      help: run `windlass doc` to list what scripts can call
      |->   > called from windlass.dev.rhai
      |      ,-[windlass.dev.rhai:3:22]
      |    2 |
      |    3 | fn each(work) { work.call(1) }
      |      :                      ^^|^
      |      :                        `-- called here, in `each`
      |      `----
      |->   > called from windlass.rhai
      |      ,-[windlass.rhai:2:5]
      |    1 | fn build_image(image) {
      |    2 |     on_failure(|| each(|one| frob(one)), |error| ())
      |      :     ^^^^^|^^^^    ^^|^
      |      :          |          `-- called here
      |      :          `-- called here, in `build_image`
      |    3 | }
      |      `----
      `->   > called from scripts/build.rhai, line N
    ");
}

#[test]
fn stage_error_in_the_default_script_shows_no_script() {
    let config = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    dockerfile: none/Dockerfile\n";
    let output = project().file("devspace.yaml", config).run(["build"]);
    let text = diagnostic(&output, 1);
    assert!(text.contains("cannot read the Dockerfile `none/Dockerfile`"), "{text}");
    assert!(!text.contains(".rhai"), "{text}");
}

#[test]
fn failing_step_shows_the_dockerfile_and_the_script() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let output = project()
        .daemon(&daemon)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n"))
        .file("windlass.rhai", "fn build_image(image) {\n    plan(tagged(image)).build_with(\"docker\")\n}\n")
        .file("Dockerfile", format!("FROM {}\nRUN echo nope && false\n", daemon.base()))
        .run(["build", "--skip-push"]);
    output
        .exits(1)
        .stderr_has("Dockerfile")
        .stderr_has("plan(tagged(image)).build_with(\"docker\")")
        .stderr_has("windlass.rhai:2:");
}

#[test]
fn infinite_recursion_is_an_error_of_the_script() {
    let output = build_with("fn tags(image) { tags(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @r#"
    script::too_deep

      x function calls are nested too deeply
       ,-[windlass.rhai:1:4]
     1 | fn tags(image) { tags(image) }
       :    ^^|^
       :      `-- this calls itself
       `----
      help: to call a replaced function, use `import "scripts/build" as base;` and `base::`
      `->   > found in scripts/build.rhai, lines N (`build_all`), N (`build_images`), N (`build`)
    "#);
}

#[test]
fn infinite_loop_ends_at_ctrl_c() {
    let project =
        project().file("windlass.rhai", "fn before_build(project) { print(\"looping\"); loop {} }\n");
    let running = project.spawn(["build"]);
    running.wait_for_text("looping").signal(Signal::Interrupt);
    running.finish().exits(130).lacks("panic");
}

#[test]
fn infinite_loop_in_parallel_ends_at_ctrl_c() {
    let project = project().file("windlass.rhai", "fn build_image(image) { print(\"looping\"); loop {} }\n");
    let running = project.spawn(["build"]);
    running.wait_for_text("looping").signal(Signal::Interrupt);
    running.finish().exits(130).lacks("panic");
}

#[test]
fn unused_overrides_cause_warnings() {
    insta::assert_snapshot!(warnings("fn tag(image) { [\"1\"] }\n").join("\n"), @"warning: `tag(image)` in windlass.rhai overrides nothing; did you mean `tags(image)`?");
    insta::assert_snapshot!(warnings("fn tags(image, plan) { [\"1\"] }\n").join("\n"), @"warning: `tags(image, plan)` in windlass.rhai overrides nothing; did you mean `tags(image)`?");
    insta::assert_snapshot!(warnings("fn entrypiont(image) { [\"a\"] }\nfn on_skip(image) { }\n").join("\n"), @r"
    warning: `entrypiont(image)` in windlass.rhai overrides nothing; did you mean `entrypoint(image)`?
    warning: `on_skip(image)` in windlass.rhai overrides nothing; did you mean `on_skip(image, plan)`?
    ");
}

#[test]
fn helpers_and_overrides_cause_no_warnings() {
    let none: [String; 0] = [];
    assert_eq!(warnings("fn tags(image) { [my_tag(image)] }\nfn my_tag(image) { \"1\" }\n"), none);
    assert_eq!(warnings("fn tags(image) { [tag(image)] }\nfn tag(image) { \"1\" }\n"), none);
    assert_eq!(warnings("fn tags(image) { [1].map(tag) }\nfn tag(n) { \"1\" }\n"), none);
    assert_eq!(warnings("private fn tag(image) { \"1\" }\n"), none);
    assert_eq!(warnings("fn release_notes(image) { \"1\" }\n"), none);
}

#[test]
fn no_warn_hides_unused_override_warnings() {
    let output = project().file("windlass.rhai", "fn tag(image) { [\"1\"] }\n").run(["build", "--no-warn"]);
    output.lacks("overrides nothing");
}

#[test]
fn missing_script_of_the_command_line_is_reported() {
    let output = project().run(["build", "--script", "nope.rhai"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @r"
    script::unreadable

      x cannot read the script `nope.rhai`: No such file or directory (os error 2)
      help: check that it is UTF-8 text; `--script` is relative to the working directory
    ");
}
