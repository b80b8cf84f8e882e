//! Pipelines on a fake host without daemon and registry.

use crate::fake_project::FakeProject;
use crate::run::RunOptions;

/// Three images without base images.
fn three() -> FakeProject {
    FakeProject::of_images(&[("a", "scratch"), ("b", "scratch"), ("c", "scratch")])
}

fn options(jobs: usize) -> RunOptions {
    RunOptions { jobs, skip_push: true, ..RunOptions::default() }
}

#[test]
fn pipeline_builds_then_skips() {
    let world = three();
    let ended = world.build("");
    assert_eq!(ended.result.expect("all build").into_array().expect("a list").len(), 3);
    assert_eq!(world.take_log(), ["build a", "built a", "build b", "built b", "build c", "built c"]);
    let ended = world.build("");
    assert_eq!(ended.outcomes(), ["a Skipped: unchanged", "b Skipped: unchanged", "c Skipped: unchanged"]);
    assert_eq!(world.take_log(), [""; 0]);
}

#[test]
fn parallel_keeps_the_order_of_items() {
    let world = three();
    let script = "fn build(project) { print(parallel([3, \"b\", 1], |item| [item])); print(parallel([], |item| item)); }";
    for jobs in [1, 2, 8] {
        let ended = world.build_with(script, options(jobs));
        ended.succeeds();
        assert_eq!(ended.printed(), ["[[3], [\"b\"], [1]]", "[]"]);
    }
}

#[test]
fn parallel_can_be_nested() {
    let script = "fn build(project) { print(parallel([1, 2], |x| parallel([10, 20], |y| x * y))); }";
    for jobs in [1, 2] {
        let ended = three().build_with(script, options(jobs));
        ended.succeeds();
        assert_eq!(ended.printed(), ["[[10, 20], [20, 40]]"]);
    }
}

#[test]
fn parallel_builds_bases_first() {
    for jobs in [1, 2, 8] {
        let world =
            FakeProject::of_images(&[("app", "acme/mid"), ("mid", "acme/low:latest"), ("low", "scratch")]);
        let script = "fn build(project) { parallel([\"app\", \"mid\", \"low\"].map(|n| project.image(n)), |i| build_image(i)) }";
        world.build_with(script, options(jobs)).succeeds();
        assert_eq!(
            world.take_log(),
            ["build low", "built low", "build mid", "built mid", "build app", "built app"]
        );
    }
}

#[test]
fn parallel_starts_nothing_new_after_a_failure() {
    let world = three();
    world.set_broken("b", true);
    let ended = world.build("");
    assert_eq!(ended.error(), "1 of 3 images failed");
    assert_eq!(
        ended.outcomes(),
        [
            "a Built: never built here",
            "b Failed: cannot build `b`: configured by the test",
            "c Cancelled: another image failed"
        ]
    );
    assert_eq!(world.take_log(), ["build a", "built a", "build b"]);
}

#[test]
fn parallel_that_keeps_going_builds_images_that_do_not_need_the_failed_one() {
    let world = FakeProject::of_images(&[
        ("low", "scratch"),
        ("mid", "acme/low"),
        ("app", "acme/mid"),
        ("other", "scratch"),
    ]);
    world.set_broken("low", true);
    let ended = world.build_with("", RunOptions { keep_going: true, ..options(1) });
    assert_eq!(ended.error(), "1 of 4 images failed");
    assert_eq!(
        ended.outcomes(),
        [
            "low Failed: cannot build `low`: configured by the test",
            "other Built: never built here",
            "mid Cancelled: its base `low` failed",
            "app Cancelled: its base `low` failed",
        ]
    );
}

#[test]
fn parallel_throws_the_error_of_an_item_that_is_not_an_image() {
    let ended =
        three().build("fn build(project) { parallel([1, 2], |n| if n == 2 { throw `no ${n}` } else { n }) }");
    assert_eq!(ended.error(), "no 2");
}

#[test]
fn failed_parallel_can_be_caught() {
    let world = three();
    world.set_broken("a", true);
    let script = "import \"scripts/build\" as base;
        fn build(project) { try { base::build(project) } catch (e) { print(e.code); [] } }";
    let ended = world.build(script);
    ended.succeeds();
    assert_eq!(ended.printed(), ["run::failed"]);
}

#[test]
fn hooks_run_in_order() {
    let script = "fn before_build(project) { print(\"before_build\") }
        fn before_image(image) { print(`before_image ${image.name}`) }
        fn after_image(image, result) { print(`after_image ${image.name} ${result.is_new}`) }
        fn on_skip(image, plan) { print(`on_skip ${image.name}`) }
        fn on_error(image, error) { print(`on_error ${image.name} ${error.code} ${error.help}`) }
        fn after_build(project, results) { print(`after_build ${results.len()}`) }";
    let world = FakeProject::of_images(&[("a", "scratch")]);
    assert_eq!(
        world.build(script).printed(),
        ["before_build", "before_image a", "after_image a true", "after_build 1"]
    );
    assert_eq!(world.build(script).printed(), ["before_build", "on_skip a", "after_build 1"]);
    world.write("a.txt", "changed");
    world.set_broken("a", true);
    assert_eq!(
        world.build(script).printed(),
        [
            "before_build",
            "before_image a",
            "on_error a stage::build::step_failed configured by the test: `host.build(...)`"
        ]
    );
}

#[test]
fn on_failure_gives_the_value_or_hands_the_error_on() {
    let script = "fn build(project) {
        print(on_failure(|| 1, |error| print(\"never\")));
        on_failure(|| throw #{ message: \"first\", code: \"a::b\" }, |error| print(`saw ${error.message}`));
    }";
    let ended = three().build(script);
    assert_eq!(ended.printed(), ["1", "saw first"]);
    assert_eq!(ended.error(), "first");
}

#[test]
fn error_of_an_error_handler_counts() {
    let ended =
        three().build("fn build(project) { on_failure(|| throw \"first\", |error| throw \"second\") }");
    assert_eq!(ended.error(), "second");
}

#[test]
fn two_images_with_one_reference_are_refused_before_anything_is_built() {
    let world = FakeProject::of_config(
        "version: v1beta9\nimages:\n  a:\n    image: acme/x\n    tags: [one]\n  b:\n    image: acme/x\n    tags: [two]\n",
    );
    world.write("Dockerfile", "FROM scratch\n");
    assert_eq!(
        world.build("fn tags(image) { [\"one\"] }").error(),
        "the images `a` and `b` would both be `acme/x:one`"
    );
    assert_eq!(world.take_log(), [""; 0]);
    // A random part makes them different.
    world.build("fn tags(image) { [\"one-##\"] }").succeeds();
}

#[test]
fn nothing_can_be_reused_before_the_first_build() {
    let ended = three().build("fn build(project) { plan(project.image(\"a\")).reuse() }");
    assert_eq!(ended.error(), "no earlier build of `a` to reuse");
}

#[test]
fn latest_build_can_be_reused_although_files_changed() {
    let world = FakeProject::of_images(&[("a", "scratch")]);
    world.build("").succeeds();
    world.take_log();
    world.write("a.txt", "changed");
    let ended = world.build("fn needs_build(image, plan) { false }");
    ended.succeeds();
    assert_eq!(ended.outcomes(), ["a Skipped: requested by the pipeline"]);
    assert_eq!(world.take_log(), [""; 0]);
}

#[test]
fn every_tag_is_pushed_once() {
    let world = FakeProject::of_images(&[("a", "scratch")]);
    let options = || RunOptions { jobs: 1, ..RunOptions::default() };
    let script = "fn tags(image) { [\"1\", \"2\"] }";
    world.build_with(script, options()).succeeds();
    assert_eq!(world.take_log(), ["build a", "built a", "push acme/a:1", "push acme/a:2"]);
    world.build_with(script, options()).succeeds();
    assert_eq!(world.take_log(), [""; 0]);
}

/// Runs `build` with these sources as windlass.rhai, windlass.dev.rhai, windlass.ci.rhai.
fn build_layers(texts: [&str; 3]) -> crate::fake_project::PipelineRun {
    let names = ["windlass.rhai", "windlass.dev.rhai", "windlass.ci.rhai"];
    let world = FakeProject::of_images(&[("a", "scratch")]);
    let files = names.iter().zip(texts).map(|(name, text)| world.script_file(name, text));
    world.build_files(files.collect(), options(1))
}

#[test]
fn replaced_function_is_that_of_the_file_below() {
    let extend = |tag: &str| {
        format!(
            "import \"scripts/build\" as base;
            fn tags(image) {{ let tags = base::tags(image); tags.push(\"{tag}\"); print(tags); tags }}"
        )
    };
    let ended = build_layers([&extend("project"), &extend("dev"), &extend("ci")]);
    ended.succeeds();
    assert_eq!(
        ended.printed(),
        [
            "[\"#####\", \"project\"]",
            "[\"#####\", \"project\", \"dev\"]",
            "[\"#####\", \"project\", \"dev\", \"ci\"]"
        ]
    );
}

#[test]
fn replaced_function_calls_overrides() {
    let ended = build_layers([
        "import \"scripts/build\" as base; fn build_image(image) { print(`wraps ${image.name}`); base::build_image(image) }",
        "import \"scripts/build\" as under; fn on_skip(image, plan) { } fn before_image(image) { print(\"dev\") }",
        "import \"scripts/build\" as base; fn build(project) { base::build(project).map(|built| built.image.name) }
        fn after_build(project, results) { print(results.len()) }",
    ]);
    ended.succeeds();
    assert_eq!(ended.printed(), ["wraps a", "dev", "1"]);
}

#[test]
fn two_files_may_give_two_modules_one_name() {
    let world = FakeProject::of_images(&[("a", "scratch")]);
    world.write("one.rhai", "fn word() { \"one\" }");
    world.write("two.rhai", "fn word() { \"two\" }");
    let files = vec![
        world.script_file(
            "windlass.rhai",
            "import \"one\" as x; fn before_build(project) { print(`${x::word()}`) }",
        ),
        world.script_file(
            "more/windlass.dev.rhai",
            "import \"../two\" as x; fn before_image(image) { print(x::word()) }",
        ),
    ];
    let ended = world.build_files(files, options(1));
    ended.succeeds();
    assert_eq!(ended.printed(), ["one", "two"]);
}

/// Each edit returns a copy; the original value stays unchanged.
#[test]
fn values_never_change() {
    let checks = [
        ("image.tags", "image.with_tags([\"9\"])"),
        ("image.is_tagged", "image.with_tags([\"9\"])"),
        ("image.entrypoint", "image.with_entrypoint([\"x\"])"),
        ("image.cmd", "image.with_cmd([\"x\"])"),
        ("image.context", "image.with_context(\"sub\")"),
        ("image.dockerfile", "image.with_dockerfile(\"other\")"),
        ("image.target", "image.with_target(\"t\")"),
        ("image.build_args", "image.with_build_args(#{ A: 1 })"),
        ("dockerfile.text", "dockerfile.with_entrypoint([\"x\"])"),
        ("dockerfile.text", "dockerfile.with_command([\"x\"])"),
        ("dockerfile.text", "dockerfile.with_labels(#{ a: 1 })"),
        ("dockerfile.text", "dockerfile.with_env(#{ A: 1 })"),
        ("dockerfile.text", "dockerfile.with_instructions([\"LABEL a=b\"])"),
    ];
    for (property, edit) in checks {
        let (value, member) = property.split_once('.').expect("a property of a value");
        let script = format!(
            "fn build(project) {{
                let image = project.image(\"a\");
                let dockerfile = load_dockerfile(image);
                let before = to_debug({property});
                let copy = {edit};
                print(before == to_debug({property}) && before != to_debug(copy.{member}));
                let {value} = copy;
            }}"
        );
        let ended = three().build(&script);
        ended.result.as_ref().unwrap_or_else(|error| panic!("{edit}: {error}"));
        assert_eq!(ended.printed(), ["true"], "{edit}");
    }
}

#[test]
fn properties_cannot_be_assigned() {
    let ended =
        three().build("fn build(project) { let image = project.image(\"a\"); image.tags = [\"1\"]; }");
    assert!(ended.error().contains("tags"), "{}", ended.error());
}
