//! Images are built in parallel, and a failure of one leaves the others in a known state.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::{Daemon, Output, Project, TestRepository};

/// A project of images `(name, lines of its Dockerfile)`, all from the base image and in their own repositories. In a
/// line, `{name}` is the repository of that image.
fn project(daemon: &Daemon, images: &[(&str, &str)]) -> (Project, Vec<TestRepository>) {
    let repositories: Vec<_> = images.iter().map(|(name, _)| daemon.repository("", name)).collect();
    let mut config = "version: v1beta9\nimages:\n".to_owned();
    let mut project = Project::new().daemon(daemon);
    for ((name, lines), repository) in images.iter().zip(&repositories) {
        let _ = write!(config, "  {name}:\n    image: {repository}\n    dockerfile: {name}.Dockerfile\n");
        let mut text = lines.replace("{base}", &daemon.base());
        for ((other, _), repository) in images.iter().zip(&repositories) {
            text = text.replace(&format!("{{{other}}}"), repository.name());
        }
        project = project.file(format!("{name}.Dockerfile"), text);
    }
    (project.file("devspace.yaml", config), repositories)
}

/// Name and outcome of every image in the result file, in its order.
fn outcomes(project: &Project) -> Vec<(String, String)> {
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("the result is JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let images = result["images"].as_array().expect("the result lists images");
    images.iter().map(|image| (text(&image["image"]), text(&image["outcome"]))).collect()
}

#[track_caller]
fn check_outcomes(project: &Project, expected: &[(&str, &str)]) {
    let outcomes = outcomes(project);
    let outcomes: Vec<_> =
        outcomes.iter().map(|(image, outcome)| (image.as_str(), outcome.as_str())).collect();
    assert_eq!(outcomes, expected);
}

/// The largest number of images that were being built at the same time.
fn most_at_once(output: &Output) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for event in output.json_lines() {
        match event["type"].as_str() {
            Some("image_decided") => now += 1,
            Some("image_finished") => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

const ALONE: &str = "FROM {base}\nRUN echo done\n";
const FAILS: &str = "FROM {base}\nRUN false\n";

#[test]
fn parallel_builds_are_limited() {
    let Some(daemon) = Daemon::acquire() else { return };
    let names = ["a", "b", "c", "d", "e"];
    let images: Vec<_> = names.iter().map(|name| (*name, ALONE)).collect();
    let (project, _repositories) = project(&daemon, &images);
    #[track_caller]
    fn check(project: &Project, limit: &[&str], at_most: usize) {
        let fixed = ["build", "-b", "--skip-push", "--progress", "json"];
        let output = project.run(fixed.iter().chain(limit));
        output.success();
        assert!(most_at_once(&output) <= at_most, "{output}");
        let finished = output.json_lines().iter().filter(|event| event["type"] == "image_finished").count();
        assert_eq!(finished, 5);
    }
    check(&project, &["--build-sequential"], 1);
    check(&project, &["--max-concurrent-builds", "1"], 1);
    check(&project, &["--max-concurrent-builds", "3"], 3);
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    check(&project, &[], cores);
    project.run(["build", "--max-concurrent-builds", "0"]).exits(2);
    project.run(["build", "--max-concurrent-builds", "2", "--build-sequential"]).exits(2);
}

#[test]
fn images_are_built_in_parallel() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("a", ALONE), ("b", ALONE)]);
    // Each hook waits for the other: run one after the other, they would never end.
    let meet = |mine: &str, other: &str| {
        format!(
            "  - command: sh\n    args: [-c, 'touch {mine}.here; until [ -e {other}.here ]; do sleep 0.05; done']\n    \
             when: {{before: {{images: {mine}}}}}\n"
        )
    };
    let config = project.read("devspace.yaml");
    project.write("devspace.yaml", format!("{config}hooks:\n{}{}", meet("a", "b"), meet("b", "a")));
    project.run(["build", "--skip-push", "--max-concurrent-builds", "2"]).success();
}

#[test]
fn first_failure_cancels_images_that_have_not_started() {
    let Some(daemon) = Daemon::acquire() else { return };
    let images = [("a", ALONE), ("b", FAILS), ("c", ALONE), ("d", "FROM {b}\n")];
    let (project, repositories) = project(&daemon, &images);
    let output = project.run(["build", "--skip-push", "--build-sequential", "--result", "result.json"]);
    output.exits(1).stderr_has("1 built, 1 failed, 2 cancelled").stderr_has("failed: b");
    output.stderr_has("cancelled: another image failed").stderr_has("cancelled: its base `b` failed");
    check_outcomes(&project, &[("a", "built"), ("b", "failed"), ("c", "cancelled"), ("d", "cancelled")]);
    assert_eq!(daemon.tags(&repositories[0]).len(), 1);
    assert!(daemon.tags(&repositories[2]).is_empty());

    // The finished image is recorded, although the run failed.
    project.write("b.Dockerfile", format!("FROM {}\n", daemon.base()));
    let output = project.run(["build", "--skip-push", "--result", "result.json"]);
    output.success().stderr_has("3 built, 1 skipped");
    check_outcomes(&project, &[("a", "skipped"), ("b", "built"), ("c", "built"), ("d", "built")]);
}

#[test]
fn running_images_finish_after_a_failure() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("a", ALONE), ("b", FAILS), ("c", ALONE)]);
    // `a` is in its hook until `b` has failed; `b` fails only after `a` has started.
    let hooks = "hooks:\n\
        \x20 - command: sh\n    args: [-c, 'touch a.runs; until [ -e b.failed ]; do sleep 0.05; done']\n    when: {before: {images: a}}\n\
        \x20 - command: sh\n    args: [-c, 'until [ -e a.runs ]; do sleep 0.05; done']\n    when: {before: {images: b}}\n\
        \x20 - command: touch\n    args: [b.failed]\n    when: {onError: {images: b}}\n";
    let config = project.read("devspace.yaml");
    project.write("devspace.yaml", format!("{config}{hooks}"));
    let arguments = ["build", "--skip-push", "--max-concurrent-builds", "2", "--result", "result.json"];
    project.run(arguments).exits(1).stderr_has("1 failed");
    let outcomes = outcomes(&project);
    assert_eq!(outcomes[0], ("a".to_owned(), "built".to_owned()));
    assert_eq!(outcomes[1], ("b".to_owned(), "failed".to_owned()));
}

#[test]
fn keep_going_builds_images_that_do_not_need_the_failed_one() {
    let Some(daemon) = Daemon::acquire() else { return };
    let images = [("a", FAILS), ("b", "FROM {a}\n"), ("c", "FROM {b}\n"), ("d", ALONE), ("e", "FROM {d}\n")];
    let (project, _repositories) = project(&daemon, &images);
    let output = project.run(["build", "--skip-push", "--keep-going", "--result", "result.json"]);
    output.exits(1).stderr_has("2 built, 1 failed, 2 cancelled").stderr_has("its base `a` failed");
    let expected = [("a", "failed"), ("b", "cancelled"), ("c", "cancelled"), ("d", "built"), ("e", "built")];
    check_outcomes(&project, &expected);
}

#[test]
fn every_failure_is_reported_with_its_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("first", FAILS), ("second", FAILS)]);
    let output = project.run(["build", "--skip-push", "--keep-going", "--build-sequential"]);
    output.exits(1).stderr_has("x first: ").stderr_has("x second: ").lacks("run::failed");
}
