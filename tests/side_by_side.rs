//! Parallel runs on one project: one builds an image, the others wait for it and reuse its images.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Daemon, Project, Running, Signal, wait_for};

/// The command of an image: it records that it runs, and continues when `go` exists.
const COMMAND: &str = "echo built >> $LOG; until [ -e $GO ]; do sleep 0.05; done";

/// An image of a custom command, built when `input` changed.
fn config(more: &str) -> String {
    format!(
        "version: v1beta11\nimages:\n  api:\n    image: r.example/api\n    tags: ['1']\n    build:\n      custom:\n        \
         command: '{COMMAND}'\n        onChange: [input]\n{more}"
    )
}

fn project(config: impl AsRef<[u8]>) -> Project {
    let project = Project::new().file("devspace.yaml", config).file("input", "0");
    let (log, go) = (project.path("log"), project.path("go"));
    project.env("LOG", log).env("GO", go).env("WINDLASS", env!("CARGO_BIN_EXE_windlass"))
}

/// Waits until the command ran `count` times.
#[track_caller]
fn wait_for_builds(project: &Project, count: usize) {
    let log = project.path("log");
    wait_for("the command to run", Duration::from_secs(60), || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        (text.lines().count() == count).then_some(())
    });
}

/// Starts another run, which waits for `holder`.
#[track_caller]
fn waiting(project: &Project, holder: &Running) -> Running {
    let running = project.spawn(["build"]);
    running.wait_for_text(&format!("waiting for process {}, which builds this image", holder.pid()));
    running
}

#[test]
fn one_run_builds_and_the_others_reuse_it() {
    let project = project(config(""));
    let first = project.spawn(["build"]);
    wait_for_builds(&project, 1);
    let others: Vec<_> = (0..9).map(|_| waiting(&project, &first)).collect();
    project.write("go", "");
    first.finish().success().stderr_has("1 built");
    for other in others {
        other.finish().success().stderr_has("1 skipped");
    }
    wait_for_builds(&project, 1);
}

#[test]
fn waiting_run_decides_by_the_files_after_the_wait() {
    let project = project(config(""));
    let first = project.spawn(["build"]);
    wait_for_builds(&project, 1);
    project.write("input", "another");
    let other = waiting(&project, &first);
    project.write("go", "");
    first.finish().success();
    other.finish().success().stderr_has("1 built");
    project.run(["build"]).success().stderr_has("1 skipped");
}

#[test]
fn a_killed_run_is_not_waited_for() {
    let project = project(config(""));
    let first = project.spawn(["build"]);
    wait_for_builds(&project, 1);
    let other = waiting(&project, &first);
    first.signal(Signal::Kill);
    wait_for_builds(&project, 2);
    project.write("go", "");
    other.finish().success().stderr_has("1 built");
}

#[test]
fn ctrl_c_ends_the_wait() {
    let project = project(config(""));
    let first = project.spawn(["build"]);
    wait_for_builds(&project, 1);
    let other = waiting(&project, &first);
    other.signal(Signal::Interrupt);
    other.finish().exits(130).stderr_has("interrupted");
    project.write("go", "");
    first.finish().success().stderr_has("1 built");
}

#[test]
fn a_plan_and_a_forced_build_do_not_wait() {
    let project = project(config(""));
    let first = project.spawn(["build"]);
    wait_for_builds(&project, 1);
    project.run(["plan"]).success().stdout_has("1 to build").lacks("waiting");
    let forced = project.spawn(["build", "-b"]);
    wait_for_builds(&project, 2);
    project.write("go", "");
    first.finish().success();
    forced.finish().success().stderr_has("1 built").lacks("waiting");
}

#[test]
fn a_hook_that_builds_its_own_image_does_not_wait_for_itself() {
    let hook = "hooks:\n  - command: '[ -n \"$INNER\" ] || INNER=1 \"$WINDLASS\" build'\n    events: ['before:build:api']\n";
    let project = project(config(hook));
    project.write("go", "");
    project.run(["build"]).success().lacks("waiting");
}

#[test]
fn a_dependency_of_two_projects_is_built_once() {
    let need = "dependencies:\n- {name: shared, source: {path: ../shared}}\n";
    let project = project("")
        .file("shared/devspace.yaml", config(""))
        .file("shared/input", "0")
        .file("one/devspace.yaml", format!("version: v1beta11\n{need}"))
        .file("two/devspace.yaml", format!("version: v1beta11\n{need}"));
    project.remove("devspace.yaml");
    let start = |folder: &str| {
        let command = format!("cd {folder} && exec \"$WINDLASS\" build");
        project.spawn_program("sh", ["-c", &command])
    };
    let one = start("one");
    wait_for_builds(&project, 1);
    let two = start("two");
    two.wait_for_text(&format!("waiting for process {}", one.pid()));
    project.write("go", "");
    one.finish().success().stderr_has("1 built");
    two.finish().success().stderr_has("1 skipped");
    wait_for_builds(&project, 1);
}

#[test]
fn ten_runs_build_each_image_once_in_the_daemon() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (base, app) = (daemon.repository("", "base"), daemon.repository("", "app"));
    let project = Project::new()
        .limit(Duration::from_secs(600))
        .daemon(&daemon)
        .file(
            "devspace.yaml",
            format!(
                "version: v1beta9\nimages:\n  base:\n    image: {base}\n    dockerfile: base.Dockerfile\n  app:\n    image: {app}\n"
            ),
        )
        .file("base.Dockerfile", format!("FROM {}\nCOPY devspace.yaml /\nRUN echo base\n", daemon.base()))
        .file("Dockerfile", format!("FROM {base}\nCOPY devspace.yaml /app/\n"));
    let runs: Vec<_> = (0..10)
        .map(|number| {
            let result = project.home().join(format!("{number}.json"));
            project.spawn(["build", "--skip-push", "--result", &result.display().to_string()])
        })
        .collect();
    for run in runs {
        run.finish().success();
    }
    let outcomes = (0..10).flat_map(|number| {
        let text = std::fs::read_to_string(project.home().join(format!("{number}.json"))).expect("a result");
        let result: Value = serde_json::from_str(&text).expect("JSON");
        let images = result["images"].as_array().expect("images").clone();
        images.into_iter().map(|image| format!("{} {}", image["image"], image["outcome"]))
    });
    let outcomes: Vec<_> = outcomes.collect();
    let count = |what: &str| outcomes.iter().filter(|outcome| *outcome == what).count();
    let counts =
        [r#""base" "built""#, r#""app" "built""#, r#""base" "skipped""#, r#""app" "skipped""#].map(count);
    assert_eq!(counts, [1, 1, 9, 9], "{outcomes:?}");
    assert_eq!((daemon.tags(&base).len(), daemon.tags(&app).len()), (1, 1));
}
