//! What windlass says about scripts that are wrong, stages that fail and overrides that override nothing.

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

/// The end of `windlass build --skip-push` with `script` as windlass.rhai.
fn build_with(script: &str) -> Output {
    project().file("windlass.rhai", script).run(["build", "--skip-push"])
}

/// What standard error says of a wrong script, from the diagnostic on.
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
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Whether a line is nothing but the code of a diagnostic: `script::syntax`.
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
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn syntax_error_of_a_profile_names_its_file() {
    let output = project()
        .file("windlass.rhai", "fn tags(image) { [\"1\"] }\n")
        .file("windlass.dev.rhai", "fn tags(image { [\"1\"] }\n")
        .run(["build", "-p", "dev"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn unknown_function_suggests_the_nearest() {
    let output = build_with("fn dockerfile(image) { load_dockerfil(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn wrong_number_of_arguments_shows_the_definition() {
    let output = build_with("fn tags(image) { helper(image, 1) }\nfn helper(image) { [\"1\"] }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn wrong_arguments_of_a_stage_show_its_parameters() {
    let output = build_with("fn plan(image) { plan_image(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn text_in_place_of_tags_names_the_fix() {
    let output = build_with("fn tags(image) {\n    \"1.4\"\n}\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn text_in_place_of_an_entrypoint_names_the_fix() {
    let output =
        build_with("/// Waits.\nfn entrypoint(image) { \"sleep infinity\" }\nfn command(image) { () }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn number_among_tags_names_the_fix() {
    let output = build_with("fn tags(image) { [1] }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn tags_that_return_nothing_are_told() {
    let output = build_with("fn tags(image) { let tags = [\"1\"]; }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn needs_build_that_returns_text_is_told() {
    let output = build_with("fn needs_build(image, plan) { plan.reason }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn unknown_builder_suggests_the_nearest() {
    let output = build_with("fn builder(image) { \"dockr\" }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn plan_that_returns_nothing_is_told() {
    let output = build_with("fn plan(image) { }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn publish_that_returns_nothing_is_found_where_its_result_is_used() {
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
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn missing_module_is_told() {
    let output = build_with("import \"lib/nope\" as nope;\nfn tags(image) { nope::tags(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn thrown_map_gives_message_code_and_help() {
    let output = build_with(
        "fn before_image(image) {\n    throw #{ message: \"the freeze is on\", code: \"acme::freeze\", help: \"wait until Monday\" };\n}\n",
    );
    insta::assert_snapshot!(diagnostic(&output, 1), @"");
}

#[test]
fn thrown_text_is_the_message() {
    let output = build_with("fn before_build(project) { throw \"not on a Friday\"; }\n");
    insta::assert_snapshot!(diagnostic(&output, 1), @"");
}

#[test]
fn stage_error_can_be_caught_and_asked() {
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
    let text = diagnostic(&project.run(["build"]), 1);
    insta::assert_snapshot!(text.replace(&*project.path("").to_string_lossy(), "[project]/"), @"");
}

#[test]
fn closure_is_shown_in_the_file_that_wrote_it() {
    let output = project()
        .file(
            "windlass.rhai",
            "fn build_image(image) {\n    on_failure(|| each(|one| frob(one)), |error| ())\n}\n",
        )
        .file("windlass.dev.rhai", "\n\nfn each(work) { work.call(1) }\n")
        .run(["build", "-p", "dev"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
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
fn endless_recursion_is_an_error_of_the_script() {
    let output = build_with("fn tags(image) { tags(image) }\n");
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}

#[test]
fn endless_loop_ends_at_ctrl_c() {
    let project =
        project().file("windlass.rhai", "fn before_build(project) { print(\"looping\"); loop {} }\n");
    let running = project.spawn(["build"]);
    running.wait_for_text("looping").signal(Signal::Interrupt);
    running.finish().exits(130).lacks("panic");
}

#[test]
fn endless_loop_in_parallel_ends_at_ctrl_c() {
    let project = project().file("windlass.rhai", "fn build_image(image) { print(\"looping\"); loop {} }\n");
    let running = project.spawn(["build"]);
    running.wait_for_text("looping").signal(Signal::Interrupt);
    running.finish().exits(130).lacks("panic");
}

#[test]
fn near_misses_are_warned_about() {
    insta::assert_snapshot!(warnings("fn tag(image) { [\"1\"] }\n").join("\n"), @"");
    insta::assert_snapshot!(warnings("fn tags(image, plan) { [\"1\"] }\n").join("\n"), @"");
    insta::assert_snapshot!(warnings("fn entrypiont(image) { [\"a\"] }\nfn on_skip(image) { }\n").join("\n"), @"");
}

#[test]
fn helpers_and_overrides_are_not_warned_about() {
    let none: [String; 0] = [];
    assert_eq!(warnings("fn tags(image) { [my_tag(image)] }\nfn my_tag(image) { \"1\" }\n"), none);
    assert_eq!(warnings("fn tags(image) { [tag(image)] }\nfn tag(image) { \"1\" }\n"), none);
    assert_eq!(warnings("fn tags(image) { [1].map(tag) }\nfn tag(n) { \"1\" }\n"), none);
    assert_eq!(warnings("private fn tag(image) { \"1\" }\n"), none);
    assert_eq!(warnings("fn release_notes(image) { \"1\" }\n"), none);
}

#[test]
fn no_warn_leaves_near_misses_out() {
    let output = project().file("windlass.rhai", "fn tag(image) { [\"1\"] }\n").run(["build", "--no-warn"]);
    output.lacks("overrides nothing");
}

#[test]
fn missing_script_of_the_command_line_is_told() {
    let output = project().run(["build", "--script", "nope.rhai"]);
    insta::assert_snapshot!(diagnostic(&output, 2), @"");
}
