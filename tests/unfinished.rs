//! A check or hook that fails after the build runs again in the next run, on the image that was kept.

use serde_json::Value;

use crate::harness::{Daemon, Project, Registry, TestRepository};

/// A project whose checks run a program that fails until `good` exists, and that records the checked images.
fn project(daemon: &Daemon, repository: &TestRepository, script: &str) -> Project {
    Project::new()
        .daemon(daemon)
        .file(
            "devspace.yaml",
            format!("version: v1beta9\nimages:\n  api: {{image: {repository}, tags: ['1']}}\n"),
        )
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", repository.name())
        .file(
            "windlass.rhai",
            format!("import \"scripts/build\" as base;\nimport \"std/hooks\" as hooks;\n{script}"),
        )
        .executable("check", "#!/bin/sh\necho checking \"$@\"\necho \"$@\" >> checked\ntest -e good\n")
}

/// How often the check ran.
fn checks(project: &Project) -> usize {
    std::fs::read_to_string(project.path("checked")).unwrap_or_default().lines().count()
}

/// The decision of the only image of a run with `--progress json`, and its reason.
#[track_caller]
fn decision(events: &[Value]) -> String {
    let decided = events.iter().find(|event| event["type"] == "image_decided").expect("it is decided");
    format!("{}: {}", decided["decision"].as_str().unwrap_or("?"), decided["reason"].as_str().unwrap_or("?"))
}

/// The decision of a plan about the only image.
#[track_caller]
fn planned(project: &Project, arguments: &[&str]) -> String {
    let output = project.run(["plan", "--json"].iter().chain(arguments));
    let plan: Value = serde_json::from_str(&output.success().stdout).expect("a plan is JSON");
    let image = &plan["images"][0];
    format!("{}: {}", image["decision"].as_str().unwrap_or("?"), image["reason"].as_str().unwrap_or("?"))
}

/// Builds, with the same decision as the plan before it; returns the decision and whether the run succeeded.
#[track_caller]
fn build(project: &Project, arguments: &[&str]) -> (String, bool) {
    let planned = planned(project, arguments);
    let output = project.run(["build", "--progress", "json"].iter().chain(arguments));
    let decided = decision(&output.json_lines());
    assert_eq!(planned, decided, "a plan decides like the build\n{output}");
    (decided, output.code() == Some(0))
}

/// A failing check fails in every run until it succeeds; there is one build, and nothing is pushed before.
#[track_caller]
fn check(script: &str, pushes_first: bool, left: &str) {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = project(&daemon, &repository, script);
    let is_pushed = |registry: &Registry| !registry.tags(&repository).is_empty();
    assert_eq!(build(&project, &[]), ("build: never built here".to_owned(), false));
    let id = daemon.image_id(&format!("{repository}:1"));
    for run in 2..4 {
        assert_eq!(is_pushed(&registry), pushes_first);
        assert_eq!(build(&project, &[]), (format!("finish: unchanged, {left}"), false));
        assert_eq!(checks(&project), run, "the check runs again");
    }
    project.write("good", "");
    assert_eq!(build(&project, &[]), (format!("finish: unchanged, {left}"), true));
    assert!(is_pushed(&registry));
    assert_eq!(daemon.image_id(&format!("{repository}:1")), id, "nothing was built");
    assert_eq!(build(&project, &[]), ("skip: unchanged".to_owned(), true));
    assert_eq!(checks(&project), 4, "a check that passed is not repeated");
    // A new image is checked.
    project.write("a.txt", "changed");
    assert_eq!(build(&project, &[]), ("build: a.txt changed".to_owned(), true));
    assert_eq!(checks(&project), 5);
}

#[test]
fn failing_verify_publishes_nothing_and_is_repeated() {
    check(
        "fn verify(image, built) { exec([\"./check\", built.references[0]]); }\n",
        false,
        "not verified yet, not pushed yet",
    );
}

#[test]
fn failing_scan_is_repeated_wherever_it_is_called() {
    let in_verify = "fn verify(image, built) { hooks::scan(built, [\"./check\"]); }\n";
    check(in_verify, false, "not verified yet, not pushed yet");
    check(
        "fn after_image(image, result) { hooks::scan(result, [\"./check\"]); }\n",
        true,
        "not finished yet",
    );
    let in_publish =
        "fn publish(image, built) { hooks::scan(built, [\"./check\"]); base::publish(image, built) }\n";
    check(in_publish, false, "not finished yet, not pushed yet");
}

#[test]
fn scan_of_all_images_is_repeated_as_well() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let script = "fn after_build(project, results) { for result in results { hooks::scan(result, [\"./check\"]); } }\n";
    let project = project(&daemon, &repository, script);
    assert_eq!(build(&project, &["--skip-push"]), ("build: never built here".to_owned(), false));
    // The image itself is finished, so it is skipped; but no run with it has finished yet.
    assert_eq!(build(&project, &["--skip-push"]), ("skip: unchanged".to_owned(), false));
    project.write("good", "");
    assert_eq!(build(&project, &["--skip-push"]), ("skip: unchanged".to_owned(), true));
    assert_eq!(build(&project, &["--skip-push"]), ("skip: unchanged".to_owned(), true));
    assert_eq!(checks(&project), 3);
}

#[test]
fn failing_hook_is_repeated_without_a_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = project(&daemon, &repository, "");
    let yaml = project.read("devspace.yaml");
    project.write(
        "devspace.yaml",
        format!("{yaml}hooks:\n- {{command: ./check, events: ['after:build:api']}}\n"),
    );
    let not_finished = "finish: unchanged, not finished yet".to_owned();
    assert_eq!(build(&project, &["--skip-push"]), ("build: never built here".to_owned(), false));
    assert_eq!(build(&project, &["--skip-push"]), (not_finished.clone(), false));
    project.write("good", "");
    assert_eq!(build(&project, &["--skip-push"]), (not_finished, true));
    assert_eq!(build(&project, &["--skip-push"]), ("skip: unchanged".to_owned(), true));
    assert_eq!(checks(&project), 3);
}

#[test]
fn failure_of_one_image_does_not_undo_another() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (api, web) = (daemon.repository("", "api"), daemon.repository("", "web"));
    let script =
        "fn verify(image, built) { exec([\"./check\", image.name], #{ check: image.name == \"web\" }); }\n";
    let project = project(&daemon, &api, script);
    let yaml = format!(
        "version: v1beta9\nimages:\n  api: {{image: {api}}}\n  web: {{image: {web}, dockerfile: web.Dockerfile}}\n"
    );
    project.write("devspace.yaml", yaml);
    project.write("web.Dockerfile", format!("FROM {api}\n"));
    project.run(["build", "--skip-push"]).exits(1).stderr_has("1 built, 1 failed");
    let output = project.run(["build", "--skip-push"]);
    output
        .exits(1)
        .stderr_has("api | skipped: unchanged")
        .stderr_has("web | finishing: unchanged, not verified yet");
    let lines: Vec<_> = project.read("checked").lines().map(str::to_owned).collect();
    assert_eq!(lines, ["api", "web", "web"]);
}

#[test]
fn caught_check_failure_still_counts_as_a_failure() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let script = "fn verify(image, built) { exec([\"./check\"]); }\n\
                  fn build_image(image) { try { return base::build_image(image); } catch (error) { warn(error); } image.disabled() }\n";
    let project = project(&daemon, &repository, script);
    assert_eq!(build(&project, &["--skip-push"]), ("build: never built here".to_owned(), true));
    assert_eq!(build(&project, &["--skip-push"]), ("finish: unchanged, not verified yet".to_owned(), true));
    assert_eq!(checks(&project), 2);
}

#[test]
fn failed_check_does_not_repeat_the_command() {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  api: {image: r.invalid/api, build: {custom: {command: ./make, onChange: [make]}}}\n",
        )
        .file("windlass.rhai", "fn verify(image, built) { exec([\"./check\", built.references[0]]); }\n")
        .executable("make", "#!/bin/sh\necho made >> made\n")
        .executable("check", "#!/bin/sh\necho \"$@\" >> checked\ntest -e good\n");
    assert_eq!(build(&project, &[]), ("build: never built here".to_owned(), false));
    assert_eq!(build(&project, &[]), ("finish: unchanged, not verified yet".to_owned(), false));
    project.write("good", "");
    assert_eq!(build(&project, &[]), ("finish: unchanged, not verified yet".to_owned(), true));
    assert_eq!(build(&project, &[]), ("skip: unchanged".to_owned(), true));
    assert_eq!((project.read("made").lines().count(), checks(&project)), (1, 3));
}

#[test]
fn new_check_runs_on_existing_images() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = project(&daemon, &repository, "");
    let yaml = project.read("devspace.yaml");
    project.write("devspace.yaml", format!("{yaml}profiles:\n- {{name: prod}}\n"));
    project.write("windlass.prod.rhai", "fn verify(image, built) { exec([\"./check\", \"prod\"]); }\n");
    assert_eq!(build(&project, &["--skip-push"]), ("build: never built here".to_owned(), true));
    let not_verified = "finish: unchanged, not verified yet, not pushed yet".to_owned();
    assert_eq!(build(&project, &["-p", "prod"]), (not_verified.clone(), false));
    assert!(registry.tags(&repository).is_empty());
    project.write("good", "");
    assert_eq!(build(&project, &["-p", "prod"]), (not_verified, true));
    assert_eq!(checks(&project), 2);
    // A check that passed is not repeated, whatever other profiles check.
    project.write("windlass.rhai", "fn verify(image, built) { exec([\"./check\", \"all\"]); }\n");
    assert_eq!(build(&project, &[]), ("finish: unchanged, not verified yet".to_owned(), true));
    assert_eq!(build(&project, &["-p", "prod"]), ("finish: unchanged, not verified yet".to_owned(), true));
    for arguments in [&[][..], &["-p", "prod"]] {
        assert_eq!(build(&project, arguments), ("skip: unchanged".to_owned(), true));
    }
    assert_eq!(checks(&project), 4);
}
