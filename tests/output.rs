//! The output of a run: live lines, plain lines, JSON lines, log files and the result file.

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Daemon, Output, Project, TestRepository};

/// A project with one image for each of `images`: its name and the lines after `FROM`, in which `{unique}` is the
/// repository, so that no build uses another's cache.
fn project(daemon: &Daemon, images: &[(&str, &str)]) -> (Project, Vec<TestRepository>) {
    let repositories: Vec<_> = images.iter().map(|(name, _)| daemon.repository("", name)).collect();
    let mut config = "version: v1beta9\nimages:\n".to_owned();
    let mut project = Project::new().daemon(daemon).file("hello", "hello\n");
    for ((name, lines), repository) in images.iter().zip(&repositories) {
        let lines = lines.replace("{unique}", repository.name());
        config.push_str(&format!("  {name}:\n    image: {repository}\n    dockerfile: {name}.Dockerfile\n"));
        project = project.file(format!("{name}.Dockerfile"), format!("FROM {}\n{lines}", daemon.base()));
    }
    (project.file("devspace.yaml", config), repositories)
}

const GOOD: &str = "COPY hello /hello\nRUN echo from inside {unique}\n";
const BAD: &str = "RUN echo the reason; \\\n    exit 7\n";

fn lines_of<'a>(output: &'a Output, image: &str) -> Vec<&'a str> {
    output
        .stderr
        .lines()
        .filter(|line| line.split_once('|').is_some_and(|(name, _)| name.trim() == image))
        .collect()
}

#[test]
fn plain_lines_carry_the_image_and_begin_with_the_decision() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, repositories) = project(&daemon, &[("api", GOOD), ("web", GOOD)]);
    let config = project.read("devspace.yaml");
    let hook = "hooks:\n  - command: echo\n    args: [said by the hook]\n    when: {before: {images: api}}\n";
    project.write("devspace.yaml", format!("{config}{hook}"));
    let output = project.run(["build", "--skip-push", "-t", "1"]);
    output.success().stdout_is("").lacks("[internal]").lacks("\x1b");
    for image in ["api", "web"] {
        let lines = lines_of(&output, image);
        assert!(lines[0].ends_with("| building: never built here"), "{output}");
        let last = lines.last().expect("an image has lines");
        assert!(last.contains("| built "), "{output}");
        assert!(lines.iter().any(|line| line.contains("| from inside ")), "{output}");
    }
    output.stderr_has("api | said by the hook").stderr_has(format!("built {}:1 in ", repositories[0]));
    let last = output.stderr.lines().last().expect("some output");
    assert!(last.starts_with("2 built in "), "{output}");

    let output = project.run(["build", "--skip-push", "-t", "1"]);
    output.success().stdout_is("");
    let mut lines: Vec<_> = output.stderr.lines().collect();
    // Images run in parallel: either may come first.
    lines[..2].sort_unstable();
    assert_eq!(lines[..2], ["api | skipped: unchanged", "web | skipped: unchanged"], "{output}");
    assert!(lines[2].starts_with("2 skipped in ") && lines.len() == 3, "{output}");
}

#[test]
fn lines_of_images_that_run_together_are_grouped_by_step() {
    let Some(daemon) = Daemon::acquire() else { return };
    let talk = "RUN for word in a b c d e; do echo word-$word; done # {unique}\n";
    let (project, _repositories) = project(&daemon, &[("api", talk), ("web", talk)]);
    let output = project.run(["build", "--skip-push", "--max-concurrent-builds", "2"]);
    output.success();
    for image in ["api", "web"] {
        let block = ["a", "b", "c", "d", "e"].map(|word| format!("{image} | word-{word}\n")).concat();
        output.stderr_has(block);
    }
}

#[test]
fn failure_shows_its_output_last_and_names_the_log() {
    let Some(daemon) = Daemon::acquire() else { return };
    for build_kit in [true, false] {
        let (project, _repositories) = project(&daemon, &[("api", BAD)]);
        let config = project.read("devspace.yaml");
        project
            .write("devspace.yaml", format!("{config}    build: {{docker: {{useBuildKit: {build_kit}}}}}\n"));
        let output = project.run(["build", "--skip-push"]);
        output.exits(1).stdout_is("").lacks("\x1b").stderr_has("(log: .windlass/logs/api.log)");
        let (_, tail) = output.stderr.split_once("failed: api\n").expect("the summary names the image");
        assert!(tail.contains("x api: ") && tail.contains("exit code 7"), "{output}");
        assert!(tail.contains("the reason"), "{output}");
        assert!(project.read(".windlass/logs/api.log").contains("\nthe reason\n"), "{output}");
    }
}

#[test]
fn logs_of_the_previous_run_are_kept() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, repositories) = project(&daemon, &[("api", "RUN echo first words # {unique}\n")]);
    project.run(["build", "--skip-push"]).success();
    let log = project.read(".windlass/logs/api.log");
    assert!(log.contains("building: never built here") && log.contains("\nfirst words\n"), "{log}");
    assert!(log.lines().last().is_some_and(|line| line.contains(" built ")), "{log}");
    project.run(["build", "--skip-push"]).success();
    assert_eq!(project.read(".windlass/logs/api.log"), log, "a skip leaves the log alone");
    project.write(
        "api.Dockerfile",
        format!("FROM {}\nRUN echo second words # {}\n", daemon.base(), repositories[0]),
    );
    project.run(["build", "--skip-push"]).success();
    assert!(project.read(".windlass/logs/api.log").contains("\nsecond words\n"));
    assert_eq!(project.read(".windlass/logs/api.log.1"), log);
}

#[test]
fn json_is_one_documented_event_a_line() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("api", GOOD), ("web", BAD)]);
    let output = project.run(["build", "--skip-push", "--keep-going", "--progress", "json"]);
    output.exits(1).stderr_has("exit code 7");
    let known = [
        "run_started",
        "image_decided",
        "step_started",
        "step_progress",
        "output",
        "notice",
        "pushed",
        "image_finished",
        "run_finished",
    ];
    let events = output.json_lines();
    for event in &events {
        assert_eq!(event["version"], 1, "{event}");
        assert!(event["time"].is_string(), "{event}");
        assert!(known.iter().any(|kind| event["type"] == *kind), "{event}");
    }
    assert_eq!(events[0]["type"], "run_started");
    assert_eq!(events[0]["images"], serde_json::json!(["api", "web"]));
    for image in ["api", "web"] {
        let mut of_image = events.iter().filter(|event| event["image"] == image);
        assert_eq!(of_image.next().map(|event| &event["type"]), Some(&"image_decided".into()), "{output}");
        assert_eq!(
            of_image.next_back().map(|event| &event["type"]),
            Some(&"image_finished".into()),
            "{output}"
        );
    }
    let last = events.last().expect("at least one event");
    assert_eq!((&last["type"], &last["success"]), (&"run_finished".into(), &false.into()));
}

#[test]
fn silent_prints_only_failures() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("api", GOOD), ("web", BAD)]);
    let output = project.run(["build", "--skip-push", "--silent", "api"]);
    output.success().stdout_is("");
    assert_eq!(output.stderr, "");
    let output = project.run(["build", "--skip-push", "--silent"]);
    output.exits(1).stderr_has("web | failed after").stderr_has("exit code 7").lacks("api");
}

#[test]
fn result_file_is_complete() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = Project::new()
        .daemon(&daemon)
        .file("Dockerfile", format!("FROM {}\n", daemon.base()))
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n"));
    let read =
        || serde_json::from_str::<Value>(&project.read("out/result.json")).expect("the result is JSON");
    project.write("out/.keep", "");
    let arguments = ["build", "-t", "1", "-t", "2", "--result", "out/result.json"];
    project.run(arguments).success();
    let result = read();
    let image = &result["images"][0];
    assert_eq!((&result["version"], &result["success"]), (&2.into(), &true.into()));
    assert_eq!(
        (&image["image"], &image["outcome"], &image["pushed"]),
        (&"api".into(), &"built".into(), &true.into())
    );
    assert_eq!(image["tags"], serde_json::json!(["1", "2"]));
    assert_eq!(image["digest"].as_str(), registry.digest(&repository, "1").as_deref());
    assert_eq!(image["image_id"].as_str(), daemon.image_id(&format!("{repository}:1")).as_deref());
    assert_eq!(image["key"].as_str().map(str::len), Some(64));
    assert!(image["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));

    project.run(arguments).success();
    let again = read();
    assert_eq!(
        (&again["images"][0]["outcome"], &again["images"][0]["reason"]),
        (&"skipped".into(), &"unchanged".into())
    );
    assert_eq!(again["images"][0]["key"], image["key"]);
    assert_eq!(again["images"][0]["digest"], image["digest"]);
}

#[test]
fn unwritable_result_file_is_an_error_before_the_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, repositories) = project(&daemon, &[("api", GOOD)]);
    let project = project.folder("folder");
    for path in ["missing/result.json", "folder"] {
        let output = project.run(["build", "--skip-push", "--result", path]);
        output
            .exits(2)
            .stderr_has(format!("cannot write the result of the run to `{path}`"))
            .lacks("building");
    }
    assert!(daemon.tags(&repositories[0]).is_empty());
}

#[test]
fn a_trace_has_a_row_for_each_image_with_its_steps() {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v2beta1\nimages:\n  base: {image: r.example/base, tags: [1], dockerfile: base.Dockerfile}\n  api: {image: \
             r.example/api, tags: [1]}\n",
        )
        .file("base.Dockerfile", "FROM scratch\nCOPY hello /\n")
        .file("Dockerfile", "FROM r.example/base\nCOPY hello /api\n")
        .file("hello", "hello");
    let build = ["build", "--builder", "oci", "--skip-push", "--trace", "trace.json"];
    let events = |output: &Output| {
        output.success();
        let trace: Value = serde_json::from_str(&project.read("trace.json")).expect("JSON");
        trace["traceEvents"].as_array().expect("events").clone()
    };
    let spans = |events: &[Value], row: &str| {
        let name = events.iter().find(|event| event["ph"] == "M" && event["args"]["name"] == row);
        let tid = name.unwrap_or_else(|| panic!("no row {row}: {events:?}"))["tid"].clone();
        let spans = events.iter().filter(|event| event["ph"] == "X" && event["tid"] == tid).cloned();
        spans.collect::<Vec<_>>()
    };
    let end =
        |span: &Value| span["ts"].as_i64().expect("a start") + span["dur"].as_i64().expect("a duration");
    let first = events(&project.run(build));
    let run = spans(&first, "run").pop().expect("the run");
    assert_eq!((&run["args"]["pipeline"], &run["args"]["success"]), (&"build".into(), &true.into()));
    let [base, api] = ["base", "api"].map(|image| {
        let mut spans = spans(&first, image);
        let work = spans.pop().expect("the work");
        assert_eq!((&work["cat"], &work["args"]["outcome"]), (&"work".into(), &"built".into()), "{work}");
        assert!(!spans.is_empty(), "{image} has no steps");
        for step in &spans {
            assert!(step["ts"].as_i64() >= work["ts"].as_i64() && end(step) <= end(&work), "{step} {work}");
        }
        assert!(end(&work) <= end(&run));
        work
    });
    assert!(api["args"]["reason"] == "never built here" && end(&base) <= end(&api), "{base} {api}");

    // A run that skips everything replaces the file.
    let second = events(&project.run(build));
    assert_eq!(spans(&second, "api").pop().expect("the work")["args"]["outcome"], "skipped");

    project.run(["build", "--trace", "none/trace.json"]).exits(2).stderr_has("`none/trace.json`");
}

#[test]
fn run_continues_without_a_reader() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, repositories) = project(&daemon, &[("api", GOOD)]);
    let program = env!("CARGO_BIN_EXE_windlass");
    for (number, progress) in ["json", "plain"].iter().enumerate() {
        let tag = number.to_string();
        let arguments = ["build", "-b", "--skip-push", "-t", &tag, "--progress", progress];
        let mut command = project.command(program, arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.as_mut().expect("the program can be started");
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().expect("the program can be waited for");
        assert_eq!(status.code(), Some(0));
        assert!(daemon.tags(&repositories[0]).contains(&tag));
    }
}

/// A Dockerfile step that runs until the test releases it, so that the live lines can be examined.
fn gated(project: &Project, image: &str) {
    let config = project.read("devspace.yaml");
    let wait = "touch here; until [ -e gate ]; do sleep 0.05; done";
    let hook = format!(
        "hooks:\n  - command: sh\n    args: [-c, '{wait}']\n    when: {{before: {{images: {image}}}}}\n"
    );
    project.write("devspace.yaml", format!("{config}{hook}"));
}

#[test]
fn terminal_has_one_live_line_and_results_scroll_up() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("api", GOOD), ("web", BAD)]);
    gated(&project, "api");
    let mut terminal =
        project.terminal(["build", "--skip-push", "--keep-going", "--max-concurrent-builds", "2"]);
    terminal.wait_for_text("✘ web");
    terminal.wait_for_text("hook sh");
    let screen = terminal.screen();
    assert_eq!(screen.lines().filter(|line| line.contains(" api ")).count(), 1, "{screen}");
    assert!(screen.find("✘ web") < screen.find(" api "), "{screen}");
    terminal.resize(24, 40);
    project.write("gate", "");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 1);
    assert!(screen.contains("✔ api"), "{screen}");
    let (_, tail) = screen.split_once("failed: web").expect("the summary names the image");
    assert!(tail.contains("exit code 7") && tail.contains("the reason"), "{screen}");
}

#[test]
fn narrow_terminal_cuts_live_lines() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("api", GOOD)]);
    gated(&project, "api");
    // The size is set before windlass starts.
    let program = env!("CARGO_BIN_EXE_windlass");
    let script = format!("stty cols 40; exec {program} build --skip-push");
    let mut terminal = project.program_terminal("sh", ["-c", &script]);
    terminal.resize(24, 40);
    terminal.wait_for_text("hook sh");
    let screen = terminal.screen();
    assert!(screen.lines().all(|line| line.chars().count() <= 40), "{screen}");
    assert_eq!(screen.lines().filter(|line| !line.trim().is_empty()).count(), 1, "{screen}");
    project.write("gate", "");
    let (status, screen) = terminal.finish();
    assert!(status.success() && screen.contains("✔ api"), "{screen}");
}

#[test]
fn terminal_without_colours_and_plain_progress_in_a_terminal() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (project, _repositories) = project(&daemon, &[("api", GOOD)]);
    let program = env!("CARGO_BIN_EXE_windlass");
    #[track_caller]
    fn transcript(project: &Project, script: &str) -> String {
        let terminal = project.program_terminal("sh", ["-c", script]);
        terminal.wait_for_text("1 built in");
        let transcript = terminal.transcript();
        assert!(terminal.finish().0.success());
        transcript
    }
    let coloured = transcript(&project, &format!("{program} build -b --skip-push"));
    assert!(coloured.contains("\x1b[32m"), "{coloured}");
    let plain = transcript(&project, &format!("NO_COLOR=1 {program} build -b --skip-push"));
    assert!(!plain.contains("\x1b[32m") && !plain.contains("\x1b[1m"), "{plain}");
    let lines = transcript(&project, &format!("NO_COLOR=1 {program} build -b --skip-push --progress plain"));
    assert!(lines.contains("api | building: forced") && !lines.contains('\x1b'), "{lines}");
}

#[test]
fn json_lines_on_a_full_disk_are_an_error() {
    let file = "version: v1beta9\nimages:\n  api: {image: acme/api, build: {custom: {command: 'true'}}}\n";
    let project = Project::new().file("devspace.yaml", file);
    let line = format!("'{}' build --skip-push --progress json > /dev/full", env!("CARGO_BIN_EXE_windlass"));
    let output = project.run_program("sh", ["-c", &line]);
    output.exits(1).stderr_says("cannot write the events of the run to standard output: No space left");
    // A reader that stops reading is not an error.
    let line = format!(
        "{{ '{}' build -b --skip-push --progress json; echo \"exit $?\" >&2; }} | true",
        env!("CARGO_BIN_EXE_windlass")
    );
    project.run_program("sh", ["-c", &line]).success().stderr_has("exit 0");
}
