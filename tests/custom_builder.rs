//! The custom builder: a command of the user creates the image.

use std::time::Duration;

use crate::harness::{Output, Project, Signal, wait_for};

/// Writes its arguments and its variables, one per line, to `said`.
const TELL: &str = r#"#!/bin/sh
{
  for argument; do echo "arg $argument"; done
  for name in IMAGE TAG TAGS CONTEXT DOCKERFILE SKIP_PUSH NAMESPACE KUBE_CONTEXT FROM_FILE; do
    eval "echo $name=\$$name"
  done
  echo "folder $(pwd)"
  echo "input $(cat)"
} > said
"#;

/// A project whose image `api` is built by `custom` (YAML of one line) with two tags.
fn project(custom: &str) -> Project {
    let config = format!(
        "version: v1beta9\nimages:\n  api:\n    image: r.example/api\n    tags: [one, two]\n    context: src\n    \
         dockerfile: src/My.Dockerfile\n    build:\n      custom: {custom}\n"
    );
    Project::new().file("devspace.yaml", config).folder("src").executable("tell.sh", TELL)
}

/// The arguments of `tell.sh` when it ran for `custom`.
#[track_caller]
fn arguments(custom: &str) -> Vec<String> {
    let project = project(custom);
    project.run(["build"]).success();
    let said = project.read("said");
    said.lines().filter_map(|line| line.strip_prefix("arg ")).map(str::to_owned).collect()
}

#[test]
fn images_are_passed_between_args_and_append_args() {
    let (one, two) = ("r.example/api:one", "r.example/api:two");
    assert_eq!(arguments("{command: ./tell.sh}"), [one, two]);
    assert_eq!(
        arguments("{command: ./tell.sh, args: [-v, 'a b'], appendArgs: [--push]}"),
        ["-v", "a b", one, two, "--push"]
    );
    assert_eq!(
        arguments("{command: ./tell.sh, args: [x], imageFlag: --tag, appendArgs: [y]}"),
        ["x", "--tag", one, "--tag", two, "y"]
    );
}

#[test]
fn image_argument_can_be_the_tag_alone_or_omitted() {
    assert_eq!(
        arguments("{command: ./tell.sh, imageTagOnly: true, imageFlag: -t}"),
        ["-t", "one", "-t", "two"]
    );
    assert_eq!(arguments("{command: ./tell.sh, args: [a], skipImageArg: true, appendArgs: [b]}"), ["a", "b"]);
}

#[test]
fn command_finds_the_image_in_its_environment() {
    let project = project("{command: ./tell.sh}").file(".env", "FROM_FILE=yes\nTAG=hidden\n");
    project.run(["build", "--skip-push", "-n", "dev", "--kube-context", "here"]).success();
    let said = project.read("said");
    let place = |path: &str| project.path(path).canonicalize().unwrap().display().to_string();
    for expected in [
        "IMAGE=r.example/api:one".to_owned(),
        "TAG=one".to_owned(),
        "TAGS=one two".to_owned(),
        format!("CONTEXT={}", place("src")),
        format!("DOCKERFILE={}/My.Dockerfile", place("src")),
        "SKIP_PUSH=true".to_owned(),
        "NAMESPACE=dev".to_owned(),
        "KUBE_CONTEXT=here".to_owned(),
        "FROM_FILE=yes".to_owned(),
        format!("folder {}", place("")),
        "input ".to_owned(),
    ] {
        assert!(
            said.lines().any(|line| line.trim_end_matches('/') == expected.trim_end_matches('/')),
            "no `{expected}` in\n{said}"
        );
    }
}

#[test]
fn command_always_runs_in_the_project_directory() {
    let project = project("{command: ./tell.sh}");
    project.run_in("src", ["build"]).success();
    assert!(project.read("said").contains("SKIP_PUSH=false"));
}

#[test]
fn shell_lines_run_in_the_shell_without_the_image_argument() {
    let project = project(r#"{command: 'echo "$IMAGE" "$#" > said && test -d src'}"#);
    project.run(["build"]).success();
    assert_eq!(project.read("said"), "r.example/api:one 0\n");
}

#[test]
fn command_for_the_operating_system_takes_precedence() {
    let commands = "[{os: windows, command: nothing}, {os: 'darwin, linux', command: ./tell.sh}]";
    assert_eq!(arguments(&format!("{{command: nothing, commands: {commands}}}")).len(), 2);
}

#[test]
fn missing_command_for_the_operating_system_is_reported() {
    project("{commands: [{os: plan9, command: x}]}")
        .run(["build"])
        .exits(1)
        .stderr_has("cannot build `api`: `build.custom` has no command for linux")
        .stderr_has("build.custom.commands");
}

#[test]
fn failing_command_shows_its_code_and_last_lines() {
    let line = "i=1; while [ $i -le 30 ]; do echo line $i; i=$((i+1)); done; echo broken >&2; exit 3";
    let output = project(&format!("{{command: '{line}'}}")).run(["build"]);
    output.exits(1).stderr_has("failed with exit code 3").stderr_has("broken");
    let shown_again = output.stderr.rsplit("failed with exit code 3").next().unwrap();
    assert!(shown_again.contains("line 30") && !shown_again.contains("line 5\n"), "{output}");
}

#[test]
fn missing_command_is_named() {
    project("{command: no-such-builder}")
        .run(["build"])
        .exits(1)
        .stderr_has("cannot build `api`: cannot run `no-such-builder`: command not found")
        .stderr_has("add its directory to PATH");
    project("{command: ./gone.sh}").run(["build"]).exits(1).stderr_has("check the path: it resolves to");
}

/// Counts its runs in `count`.
const COUNT: &str = "#!/bin/sh\necho x >> count\n";

fn counting(custom: &str) -> Project {
    project(custom).executable("count.sh", COUNT).file("src/a.go", "a").file("src/deep/b.go", "b")
}

/// Runs a build and checks how often the command has run so far.
#[track_caller]
fn check_runs(project: &Project, expected: usize) -> Output {
    let output = project.run(["build"]);
    output.success();
    assert_eq!(project.read("count").lines().count(), expected, "{output}");
    output
}

#[test]
fn command_runs_again_if_its_tag_was_built_from_other_inputs_since() {
    let project = counting("{command: ./count.sh, onChange: [src/a.go]}");
    let build = |tag: &str| project.run(["build", "-t", tag]).success().clone();
    build("dev");
    project.write("src/a.go", "b");
    build("dev");
    project.write("src/a.go", "a");
    build("dev").stderr_has("tag dev was built from other inputs since");
    build("dev").stderr_has("1 skipped");
    assert_eq!(project.read("count").lines().count(), 3);
}

#[test]
fn command_without_on_change_always_runs() {
    let project = counting("{command: ./count.sh}");
    check_runs(&project, 1);
    check_runs(&project, 2).stderr_has("a custom command without `onChange` always runs");
}

#[test]
fn content_of_the_on_change_files_decides() {
    let project = counting("{command: ./count.sh, onChange: ['src/**/*.go', 'none/**']}");
    check_runs(&project, 1);
    check_runs(&project, 1).stderr_has("unchanged");
    project.write("src/a.go", "a");
    check_runs(&project, 1);
    project.write("src/other.txt", "no glob names it");
    check_runs(&project, 1);
    project.write("src/a.go", "A");
    check_runs(&project, 2).stderr_has("src/a.go");
    project.write("src/deep/c.go", "new");
    check_runs(&project, 3).stderr_has("src/deep/c.go");
    project.remove("src/deep/b.go");
    check_runs(&project, 4).stderr_has("src/deep/b.go");
    check_runs(&project, 4);
}

#[test]
fn arguments_of_the_command_decide_too() {
    let project = counting("{command: ./count.sh, args: [a], onChange: [src]}");
    check_runs(&project, 1);
    let config = project.read("devspace.yaml");
    project.write("devspace.yaml", config.replace("[a]", "[b]"));
    check_runs(&project, 2);
    project.run(["build", "-b"]).success();
    check_runs(&project, 3);
}

#[test]
fn skipped_image_keeps_its_tags() {
    let custom = "{command: ./count.sh, onChange: [src]}";
    let project = counting(custom);
    let config = project.read("devspace.yaml").replace("tags: [one, two]", "tags: ['v-####']");
    project.write("devspace.yaml", config);
    let tags = || -> serde_json::Value {
        let result: serde_json::Value = serde_json::from_str(&project.read("result.json")).unwrap();
        result["images"][0]["tags"].clone()
    };
    project.run(["build", "--result", "result.json"]).success();
    let first = tags();
    assert!(first[0].as_str().is_some_and(|tag| tag.starts_with("v-") && !tag.contains('#')), "{first}");
    project.run(["build", "--result", "result.json"]).success();
    assert_eq!(tags(), first);
    assert_eq!(project.read("count").lines().count(), 1);
}

#[test]
fn failed_command_is_run_again() {
    let project = counting("{command: 'echo x >> count; test -e src/good', onChange: [src/a.go]}");
    project.run(["build"]).exits(1);
    project.write("src/good", "");
    check_runs(&project, 2);
    check_runs(&project, 2);
}

/// Whether a process with this ID runs.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z"))
}

/// Stops a build with `signal` while its command and a child process of it run; both must end.
#[track_caller]
fn check_stop(script: &str, signal: Signal) -> Output {
    let project = project("{command: ./slow.sh}").executable("slow.sh", script);
    let running = project.spawn(["build"]);
    running.wait_for_text("ready");
    let pids = [project.read("parent"), project.read("child")];
    assert!(pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
    running.signal(signal);
    let output = running.finish();
    wait_for("the command's end", Duration::from_secs(20), || {
        (!pids.iter().any(|pid| is_alive(pid))).then_some(())
    });
    output
}

#[test]
fn interrupt_ends_the_command_and_its_children() {
    let script = "#!/bin/sh\nsh -c 'echo $$ > child; exec sleep 1000' &\necho $$ > parent\n\
                  until test -s child; do sleep 0.01; done\necho ready\nwait\n";
    check_stop(script, Signal::Interrupt).exits(130);
    check_stop(script, Signal::Terminate).exits(130);
}

#[test]
fn command_that_ignores_signals_is_killed() {
    let script = "#!/bin/sh\ntrap '' TERM INT\nsh -c 'trap \"\" TERM INT; echo $$ > child; while :; do sleep 1; done' &\n\
                  echo $$ > parent\nuntil test -s child; do sleep 0.01; done\necho ready\nwhile :; do sleep 1; done\n";
    check_stop(script, Signal::Interrupt).exits(130);
}

#[test]
fn interrupted_command_may_clean_up() {
    let project = project("{command: ./slow.sh}").executable(
        "slow.sh",
        "#!/bin/sh\ntrap 'echo tidy > tidied; exit 1' TERM\necho ready\nwhile :; do sleep 0.05; done\n",
    );
    let running = project.spawn(["build"]);
    running.wait_for_text("ready");
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    assert_eq!(project.read("tidied"), "tidy\n");
}
