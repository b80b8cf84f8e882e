//! Ctrl-C, SIGTERM and SIGHUP end a run soon and leave only finished work behind.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Daemon, Fault, FaultProxy, Output, Project, Running, Signal, TestRepository, wait_for};

/// A number that no other process has on its command line: the seconds of a `sleep`.
fn marker() -> String {
    format!("9{:08}", fastrand::u32(..100_000_000))
}

/// The processes of this machine whose command line has `marker`.
fn processes(marker: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let commands = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .filter(|text| text.contains(marker))
        .collect()
}

fn wait_for_process(marker: &str) {
    wait_for("the start of the long program", Duration::from_secs(60), || {
        processes(&format!("sleep\0{marker}\0")).first().map(|_| ())
    });
}

#[track_caller]
fn wait_until_gone(marker: &str) {
    wait_for("the end of the long program", Duration::from_secs(30), || {
        processes(&format!("sleep\0{marker}\0")).is_empty().then_some(())
    });
}

/// Two images, the second of which is made by `recipe`: `done` is finished when `slow` starts.
fn project(daemon: &Daemon, slow: &str, image: &str, lines: &str) -> (Project, [TestRepository; 2]) {
    let repositories = [daemon.repository("", "done"), daemon.repository("", "slow")];
    let config = format!(
        "version: v1beta9\nimages:\n  done:\n    image: {}\n  slow:\n    image: {}\n    dockerfile: \
         slow.Dockerfile\n{image}  never:\n    image: {}x\n{lines}",
        repositories[0], repositories[1], repositories[1]
    );
    let project = Project::new()
        .daemon(daemon)
        .file("Dockerfile", format!("FROM {}\n", daemon.base()))
        .file("slow.Dockerfile", format!("FROM {}\n{slow}", daemon.base()))
        .file("devspace.yaml", config);
    (project, repositories)
}

const BUILD: [&str; 5] = ["build", "--skip-push", "--build-sequential", "--result", "result.json"];

/// Waits for the end of `running` and checks the output common to every interrupted run of [`project`].
#[track_caller]
fn check_interrupted(project: &Project, running: Running) -> Output {
    let output = running.finish();
    output.exits(130);
    assert_eq!(output.stderr.matches("interrupted").count(), 1, "{output}");
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("the result is JSON");
    let outcome = |index: usize| result["images"][index]["outcome"].clone();
    assert_eq!([outcome(0), outcome(1), outcome(2)], ["built", "cancelled", "cancelled"], "{output}");
    assert_eq!(result["success"], false);
    output
        .stderr_has("1 built, 2 cancelled")
        .stderr_has("cancelled: stopped")
        .stderr_has("cancelled: not started");
    output
}

/// `done` was recorded: the next run skips it.
#[track_caller]
fn check_remembered(project: &Project) {
    project.run(["build", "--skip-push", "done"]).success().stderr_has("1 skipped");
}

#[track_caller]
fn check_run_step(build_kit: bool, signal: Signal) {
    let Some(daemon) = Daemon::acquire() else { return };
    let marker = marker();
    let image = format!("    build: {{docker: {{useBuildKit: {build_kit}}}}}\n");
    let (project, _repositories) = project(&daemon, &format!("RUN sleep {marker}\n"), &image, "");
    let running = project.spawn(BUILD);
    wait_for_process(&marker);
    running.signal(signal);
    check_interrupted(&project, running);
    wait_until_gone(&marker);
    wait_for("the removal of the container", Duration::from_secs(30), || {
        let containers = daemon.docker(["ps", "--all", "--no-trunc", "--format", "{{.Command}}"]);
        (!containers.contains(&marker)).then_some(())
    });
    check_remembered(&project);
}

#[test]
fn ctrl_c_stops_a_run_step_of_buildkit() {
    check_run_step(true, Signal::Interrupt);
}

#[test]
fn ctrl_c_stops_a_run_step_of_the_classic_builder() {
    check_run_step(false, Signal::Interrupt);
}

#[test]
fn sigterm_stops_a_run_step_too() {
    check_run_step(true, Signal::Terminate);
}

#[test]
fn ctrl_c_stops_a_custom_command_and_its_children() {
    let Some(daemon) = Daemon::acquire() else { return };
    let marker = marker();
    let command = format!("sh -c 'sleep {marker} & sleep {marker}; true'");
    let image = format!("    build: {{custom: {{command: \"{command}\"}}}}\n");
    let (project, _repositories) = project(&daemon, "", &image, "");
    let running = project.spawn(BUILD);
    wait_for_process(&marker);
    running.signal(Signal::Interrupt);
    check_interrupted(&project, running);
    wait_until_gone(&marker);
    check_remembered(&project);
}

/// `signals` are sent in quick succession.
#[track_caller]
fn check_hook_tidies_up(signals: &[Signal]) {
    let Some(daemon) = Daemon::acquire() else { return };
    let marker = marker();
    let script = format!("trap 'touch tidied; exit 1' TERM; sleep {marker} & wait");
    let hooks = format!(
        "hooks:\n  - command: sh\n    args: [-c, \"{script}\"]\n    when: {{before: {{images: slow}}}}\n"
    );
    let (project, _repositories) = project(&daemon, "", "", &hooks);
    let running = project.spawn(BUILD);
    wait_for_process(&marker);
    for signal in signals {
        running.signal(*signal);
    }
    check_interrupted(&project, running);
    wait_until_gone(&marker);
    project.read("tidied");
    check_remembered(&project);
}

#[test]
fn ctrl_c_lets_a_hook_clean_up() {
    check_hook_tidies_up(&[Signal::Interrupt]);
}

/// Both the system and the shell send the signal.
#[test]
fn a_closed_terminal_lets_a_hook_clean_up() {
    check_hook_tidies_up(&[Signal::HangUp, Signal::HangUp]);
}

#[test]
fn a_closed_terminal_stops_a_run_step() {
    check_run_step(true, Signal::HangUp);
}

#[test]
fn run_under_nohup_survives_its_terminal() {
    let project = Project::new()
        .file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  api:\n    image: acme/api\nhooks:\n  - command: sh\n    args: [-c, 'echo hook \
             runs; until [ -e go ]; do sleep 0.1; done']\n    when: {before: {images: api}}\n",
        );
    let build = ["build", "--skip-push", "--builder", "oci"];
    let arguments = std::iter::once(env!("CARGO_BIN_EXE_windlass")).chain(build);
    let running = project.spawn_program("nohup", arguments);
    running.wait_for_text("hook runs").signal(Signal::HangUp);
    project.write("go", "");
    running.finish().success().stderr_has("1 built");
}

#[test]
fn second_ctrl_c_ends_windlass_immediately() {
    let Some(daemon) = Daemon::acquire() else { return };
    let marker = marker();
    // Ignores SIGTERM: the first Ctrl-C gives it a few seconds.
    let script = format!("trap '' TERM; touch runs; sleep {marker}");
    let hooks = format!(
        "hooks:\n  - command: sh\n    args: [-c, \"{script}\"]\n    when: {{before: {{images: slow}}}}\n"
    );
    let (project, _repositories) = project(&daemon, "", "", &hooks);
    let running = project.spawn(BUILD);
    wait_for_process(&marker);
    running.signal(Signal::Interrupt).wait_for_text("interrupted");
    running.signal(Signal::Interrupt);
    running.finish().exits(130).lacks("1 built, 2 cancelled");
    // It no longer belongs to windlass; the test cleans up.
    Project::new().run_program(
        "sh",
        ["-c", &format!("kill -9 $(grep -lsz {marker} /proc/[0-9]*/cmdline | cut -d/ -f3 | grep -vx $$)")],
    );
}

#[test]
fn ctrl_c_stops_a_push() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "api");
    let manifests = format!("/v2/{}/manifests/", repository.path());
    proxy.fault(1, "PUT", &manifests, Fault::Hold);
    let project = Project::new()
        .daemon(&daemon)
        .file("Dockerfile", format!("FROM {}\n", daemon.base()))
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n"));
    let running = project.spawn(["build", "-t", "1", "--result", "result.json"]);
    proxy.wait_for_request("PUT", &manifests);
    running.signal(Signal::Interrupt);
    let output = running.finish();
    output.exits(130).stderr_has("1 cancelled");
    assert_eq!(output.stderr.matches("interrupted").count(), 1, "{output}");
    let result: Value = serde_json::from_str(&project.read("result.json")).expect("the result is JSON");
    assert_eq!(
        (&result["images"][0]["outcome"], &result["images"][0]["pushed"]),
        (&"cancelled".into(), &false.into())
    );
    proxy.release();
    // The build is recorded, and the missing push is done.
    project.run(["build", "-t", "1"]).success().stderr_has("finishing: unchanged, not finished yet, ");
    assert_eq!(registry.tags(&repository), ["1"]);
}

/// A project that says `reading` before it reads its context.
fn project_that_reports_when_it_reads() -> Project {
    let script =
        "import \"scripts/build\" as base;\nfn context(image) { print(\"reading\"); base::context(image) }\n";
    Project::new()
        // Far less than reading takes.
        .limit(Duration::from_secs(60))
        .file("devspace.yaml", "version: v1beta11\nimages:\n  app:\n    image: acme/app\n")
        .file("Dockerfile", "FROM scratch\nCOPY . /\n")
        .file("windlass.rhai", script)
}

#[test]
fn ctrl_c_stops_matching_a_pathological_ignore_file() {
    let patterns: String = (0..20_000).map(|number| format!("**/*a*a*a*a*a*a*b{number}\n")).collect();
    let project = project_that_reports_when_it_reads().file(".dockerignore", patterns);
    let name = "a".repeat(100);
    let project = (0..1000).fold(project, |project, number| project.file(format!("{name}{number}"), ""));
    let running = project.spawn(["build", "--builder", "oci", "--skip-push"]);
    running.wait_for_text("reading").signal(Signal::Interrupt);
    running.finish().exits(130).stderr_has("interrupted");
}

#[test]
fn ctrl_c_stops_hashing_a_huge_file() {
    let project = project_that_reports_when_it_reads().file("huge", "");
    // It takes no room on disk.
    let huge = std::fs::File::options().write(true).open(project.path("huge")).expect("a file");
    huge.set_len(1 << 40).expect("a length");
    let running = project.spawn(["build", "--builder", "oci", "--skip-push"]);
    running.wait_for_text("reading").signal(Signal::Interrupt);
    running.finish().exits(130).stderr_has("interrupted");
}
