//! Overrides: scripts of the project, of a profile and of the command line redefine stages of the default pipeline.

use crate::harness::{Daemon, Output, Project, Registry, TestRepository};

/// A project of the image `app`, with the profiles `dev` and `ci`.
fn project(daemon: &Daemon, repository: &TestRepository) -> Project {
    Project::new()
        .daemon(daemon)
        .file(
            "devspace.yaml",
            format!(
                "version: v1beta9\nimages:\n  app:\n    image: {repository}\nprofiles:\n  - name: dev\n  - name: ci\n"
            ),
        )
        .file("Dockerfile", "FROM scratch\nCOPY greeting /\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n")
        .file("greeting", "hello")
}

/// The output of `docker inspect` for the one image in `repository`.
#[track_caller]
fn config_of(daemon: &Daemon, repository: &TestRepository) -> serde_json::Value {
    let tags = daemon.tags(repository);
    let tag = tags.first().unwrap_or_else(|| panic!("no image in {repository}"));
    daemon.inspect(&format!("{repository}:{tag}"))["Config"].clone()
}

/// Both outputs of a build.
fn said(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}

#[test]
fn later_scripts_win() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    let say = |who: &str| {
        format!("fn before_build(project) {{ print(\"from {who}\") }}\nfn before_image(image) {{ }}\n")
    };
    let project = project(&daemon, &repository)
        .file("windlass.rhai", say("project"))
        .file("windlass.dev.rhai", say("dev"))
        .file("windlass.ci.rhai", say("ci"))
        .file("more/one.rhai", say("one"))
        .file("more/two.rhai", say("two"));
    let check = |arguments: &[&str], winner: &str| {
        let arguments = ["build", "--skip-push"].iter().chain(arguments);
        let output = project.run(arguments);
        let said = said(output.success());
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with("from ")).collect();
        assert_eq!(lines.len(), 1, "{output}");
        assert!(lines[0].ends_with(&format!("from {winner}")), "{output}");
    };
    check(&[], "project");
    check(&["-p", "dev"], "dev");
    check(&["-p", "dev", "-p", "ci"], "ci");
    check(&["-p", "ci", "-p", "dev"], "dev");
    check(&["-p", "dev", "--script", "more/one.rhai"], "one");
    check(&["--script", "more/one.rhai", "--script", "more/two.rhai"], "two");
}

#[test]
fn functions_that_a_later_script_does_not_replace_remain() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    project(&daemon, &repository)
        .file("windlass.rhai", "fn entrypoint(image) { [\"/tini\"] }\nfn tags(image) { [\"project\"] }\n")
        .file("windlass.dev.rhai", "fn tags(image) { [\"dev\"] }\n")
        .file("windlass.ci.rhai", "fn command(image) { [\"test\"] }\n")
        .run(["build", "--skip-push", "-p", "dev", "-p", "ci"])
        .success();
    assert_eq!(daemon.tags(&repository), ["dev"]);
    let config = config_of(&daemon, &repository);
    assert_eq!(config["Entrypoint"], serde_json::json!(["/tini"]));
    assert_eq!(config["Cmd"], serde_json::json!(["test"]));
}

#[test]
fn script_without_a_project_script_is_enough() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    project(&daemon, &repository)
        .file("windlass.dev.rhai", "fn entrypoint(image) { [\"sleep\", \"infinity\"] }\n")
        .run(["build", "--skip-push", "-p", "dev"])
        .success();
    assert_eq!(config_of(&daemon, &repository)["Entrypoint"], serde_json::json!(["sleep", "infinity"]));
}

#[test]
fn hooks_run_in_order_around_a_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    let project = project(&daemon, &repository).file(
        "windlass.rhai",
        "fn before_build(project) { print(\"1 before_build\") }
fn before_image(image) { print(`2 before_image ${image.name}`) }
fn after_image(image, result) { print(`3 after_image ${result.is_new}`) }
fn on_skip(image, plan) { print(`4 on_skip ${plan.reason}`) }
fn on_error(image, error) { print(`5 on_error ${error.code}`) }
fn after_build(project, results) { print(`6 after_build ${results.len()}`) }
",
    );
    let hooks = |output: &Output| -> Vec<String> {
        let is_hook =
            |line: &&str| line.contains("before_") || line.contains("after_") || line.contains("on_");
        said(output).lines().filter(is_hook).map(|line| line.trim().to_owned()).collect()
    };
    let output = project.run(["build", "--skip-push"]);
    assert_eq!(
        hooks(output.success()),
        ["1 before_build", "2 before_image app", "3 after_image true", "6 after_build 1"]
    );
    let output = project.run(["build", "--skip-push"]);
    assert_eq!(hooks(output.success()), ["1 before_build", "4 on_skip unchanged", "6 after_build 1"]);
    project.write("Dockerfile", "FROM scratch\nCOPY none /\n");
    let output = project.run(["build", "--skip-push"]);
    let hooks = hooks(output.exits(1));
    assert_eq!(hooks.first().map(String::as_str), Some("1 before_build"), "{output}");
    assert!(hooks.last().is_some_and(|line| line.starts_with("5 on_error ")), "{output}");
}

#[test]
fn build_image_override_can_have_two_lines() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    let project = project(&daemon, &repository).file(
        "windlass.rhai",
        "fn build_image(image) {\n    plan(image.with_tags([\"two-lines\"])).build_with(\"docker\")\n}\n",
    );
    project.run(["build"]).success();
    assert_eq!(daemon.tags(&repository), ["two-lines"]);
    assert_eq!(daemon.file(&format!("{repository}:two-lines"), "/greeting"), "hello");
}

#[test]
fn replaced_stage_stays_callable_as_base() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let script = "import \"scripts/build\" as base;
fn publish(image, built) {
    let built = base::publish(image, built);
    print(`published ${built.digest}`);
    built
}
fn tags(image) { [\"based\"] }
";
    let output = project(&daemon, &repository).file("windlass.rhai", script).run(["build"]);
    let digest = registry.digest(&repository, "based").expect("the tag exists");
    assert!(said(output.success()).contains(&format!("published {digest}")), "{output}");
}

#[test]
fn modules_are_found_in_the_project_root_and_next_to_the_file() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "app");
    project(&daemon, &repository)
        .file("lib/names.rhai", "import \"./deep/parts\" as parts;\nfn tag(image) { `${image.name}-${parts::suffix()}` }\n")
        .file("lib/deep/parts.rhai", "import \"../word\" as word;\nfn suffix() { word::word() + \"-\" + word::word() }\n")
        .file("lib/word.rhai", "fn word() { \"nested\" }\n")
        .file("local.rhai", "fn entrypoint() { [\"local\"] }\n")
        .file(
            "windlass.rhai",
            "import \"lib/names\" as names;\nimport \"./local\" as local;\nfn tags(image) { [names::tag(image)] }\nfn entrypoint(image) { local::entrypoint() }\n",
        )
        .run(["build", "--skip-push"])
        .success();
    assert_eq!(daemon.tags(&repository), ["app-nested-nested"]);
    assert_eq!(config_of(&daemon, &repository)["Entrypoint"], serde_json::json!(["local"]));
}

#[test]
fn modules_outside_the_project_are_rejected() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n")
        .file("Dockerfile", "FROM scratch\n");
    let outside = project.home().join("outside.rhai");
    std::fs::write(&outside, "fn tags() { [\"1\"] }\n").expect("a file can be written");
    let project = project.symlink("link.rhai", &outside);
    for path in ["../home/outside", "./../home/outside", "lib/../../home/outside", "link"] {
        project.write("windlass.rhai", format!("import \"{path}\" as x;\nfn tags(image) {{ x::tags() }}\n"));
        project
            .run(["build"])
            .exits(2)
            .stderr_has(format!("cannot find the module `{path}`"))
            .stderr_has("windlass.rhai:1:");
    }
    let absolute = outside.with_extension("");
    project.write(
        "windlass.rhai",
        format!("import \"{}\" as x;\nfn tags(image) {{ x::tags() }}\n", absolute.display()),
    );
    project.run(["build"]).exits(2).stderr_has("cannot find the module");
}

#[test]
fn modules_that_import_each_other_are_an_error() {
    let output = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n")
        .file("Dockerfile", "FROM scratch\n")
        .file("lib/a.rhai", "import \"lib/b\" as b;\nfn tag() { b::tag() }\n")
        .file("lib/b.rhai", "import \"lib/a\" as a;\nfn tag() { a::tag() }\n")
        .file("windlass.rhai", "import \"lib/a\" as a;\nfn tags(image) { [a::tag()] }\n")
        .run(["build"]);
    output.exits(2).stderr_has("import cycle: lib/a.rhai -> lib/b.rhai -> lib/a.rhai");
    output.stderr_has("lib/b.rhai:1:");
}

#[test]
fn printed_text_is_an_info_line() {
    let output = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  app:\n    image: acme/app\n    build:\n      disabled: true\n",
        )
        .file(
            "windlass.rhai",
            "fn before_build(project) { print(`images: ${project.images.map(|i| i.name)}`); }\n",
        )
        .run(["build", "--progress", "json"]);
    let notices: Vec<_> =
        output.success().json_lines().into_iter().filter(|event| event["level"] == "info").collect();
    assert!(notices.iter().any(|event| event["message"] == "images: [\"app\"]"), "{output}");
}

#[test]
fn overrides_apply_on_every_thread() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let names: Vec<_> = (0..6).map(|number| format!("app{number}")).collect();
    let repositories: Vec<_> =
        names.iter().map(|name| daemon.repository(&registry.address(), name)).collect();
    let mut config = "version: v1beta9\nimages:\n".to_owned();
    for (name, repository) in names.iter().zip(&repositories) {
        config += &format!("  {name}:\n    image: {repository}\n");
    }
    Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY greeting /\n")
        .file("greeting", "hello")
        .file("lib/v.rhai", "fn tag(image) { `v-${image.name}` }\n")
        .file("windlass.rhai", "import \"lib/v\" as v;\nfn tags(image) { [v::tag(image)] }\n")
        .run(["build", "--max-concurrent-builds", "4"])
        .success();
    for (name, repository) in names.iter().zip(&repositories) {
        assert_eq!(tags(&registry, repository), [format!("v-{name}")]);
    }
}

fn tags(registry: &Registry, repository: &TestRepository) -> Vec<String> {
    registry.tags(repository)
}
