//! Hooks of devspace.yaml around the building of images, in all their forms.

use std::time::Duration;

use crate::harness::{Daemon, Project, Signal, wait_for};

/// A project with the custom images `api` and `web`, whose commands write `built NAME` to `log`, and `hooks` (YAML
/// of one line).
fn project(hooks: &str) -> Project {
    let image = |name: &str, command: &str| {
        format!(
            "  {name}:\n    image: r.example/{name}\n    tags: ['{name}-##', extra]\n    build:\n      custom:\n        \
             command: '{command}'\n        onChange: [{name}.txt]\n"
        )
    };
    let config = format!(
        "version: v1beta9\nimages:\n{}{}hooks: {hooks}\n",
        image("api", "echo built api >> log; test ! -e broken"),
        image("web", "echo built web >> log")
    );
    Project::new().file("devspace.yaml", config).file("api.txt", "a").file("web.txt", "w")
}

/// A hook that writes `word` to `log`, with `more` of its fields.
fn say(word: &str, more: &str) -> String {
    format!("{{command: 'echo {word} >> log', {more}}}")
}

/// The content of `log` after `windlass build`.
#[track_caller]
fn log_of(project: &Project) -> Vec<String> {
    project.run(["build", "--build-sequential"]).success();
    project.read("log").lines().map(str::to_owned).collect()
}

#[test]
fn old_hooks_run_around_all_images() {
    let hooks = [
        say("after", "when: {after: {images: all}}"),
        say("first", "when: {before: {images: all}}"),
        say("second", "when: {before: {images: all}}"),
    ];
    let project = project(&format!("[{}]", hooks.join(", ")));
    assert_eq!(log_of(&project), ["first", "second", "built api", "built web", "after"]);
    // Also if every image is skipped.
    project.remove("log");
    assert_eq!(log_of(&project), ["first", "second", "after"]);
}

#[test]
fn command_and_args_run_without_a_shell() {
    let project = project("[{command: ./tell, args: ['a b', '$HOME'], when: {before: {images: all}}}]")
        .executable("tell", "#!/bin/sh\nfor word; do echo \"$word\" >> log; done; pwd >> where\n");
    assert_eq!(log_of(&project)[..2], ["a b", "$HOME"]);
    let root = project.path("").canonicalize().unwrap();
    assert_eq!(project.read("where").trim_end(), root.display().to_string().trim_end_matches('/'));
}

#[test]
fn hook_events_and_image_names_select_when_hooks_run() {
    let hooks = [
        say("all-before", "events: ['before:build']"),
        say("all-after", "events: ['after:build']"),
        say("api-before", "events: ['before:build:api']"),
        say("api-before-old", "when: {before: {images: api}}"),
        say("each-after", "events: ['after:build:*']"),
        say("web-skipped", "events: ['skip:build:web']"),
        say("error", "events: ['error:build', 'error:build:*']"),
        say("deploy", "events: ['before:deploy'], when: {before: {deployments: all}}"),
        say("off", "events: ['before:build'], disabled: true"),
    ];
    let project = project(&format!("[{}]", hooks.join(", ")));
    assert_eq!(
        log_of(&project),
        [
            "all-before",
            "api-before",
            "api-before-old",
            "built api",
            "each-after",
            "built web",
            "each-after",
            "all-after"
        ]
    );
    project.remove("log");
    project.write("api.txt", "changed");
    assert_eq!(
        log_of(&project),
        ["all-before", "api-before", "api-before-old", "built api", "each-after", "web-skipped", "all-after"]
    );
}

#[test]
fn hook_finds_the_image_in_its_environment() {
    let tell = "{command: 'echo $DEVSPACE_HOOK_EVENT $DEVSPACE_HOOK_IMAGE_CONFIG_NAME $DEVSPACE_HOOK_IMAGE_NAME \
                $DEVSPACE_HOOK_IMAGE_TAGS $FROM_FILE >> told', \
                events: ['before:build', 'before:build:api', 'after:build:api', 'skip:build:api']}";
    let project = project(&format!("[{tell}]")).file(".env", "FROM_FILE=env\n");
    let told = || -> Vec<Vec<String>> {
        project.run(["build", "--result", "result.json"]).success();
        let told = project.read("told");
        project.remove("told");
        told.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    };
    let first = told();
    assert_eq!(first[0], ["before:build", "env"]);
    let image = |event: &str, tag: &str| {
        [event, "api", "r.example/api", tag, "extra", "env"].map(str::to_owned).to_vec()
    };
    assert_eq!(first[1], image("before:build:api", "api-##"));
    // After the build its real tags are known.
    let result: serde_json::Value = serde_json::from_str(&project.read("result.json")).unwrap();
    let images = result["images"].as_array().unwrap().iter();
    let tag =
        images.clone().find(|image| image["image"] == "api").unwrap()["tags"][0].as_str().unwrap().to_owned();
    assert!(!tag.contains('#'), "{tag}");
    assert_eq!(first[2], image("after:build:api", &tag));
    assert_eq!(told()[1], image("skip:build:api", &tag));
}

#[test]
fn failing_hook_before_the_build_stops_everything() {
    let hooks = [
        "{command: 'echo no disk; exit 4', when: {before: {images: all}}}".to_owned(),
        say("never", "when: {before: {images: all}}"),
        say("error", "events: ['error:build']"),
        say("image", "when: {onError: {images: all}}"),
    ];
    let project = project(&format!("[{}]", hooks.join(", ")));
    project
        .run(["build"])
        .exits(1)
        .stderr_has("hook `echo no disk; exit 4` for `before:build` failed: exit code 4")
        .stderr_has("see its definition at devspace.yaml:")
        .stderr_has("the end of its output:")
        .stderr_has("no disk")
        .lacks("nothing to build");
    assert_eq!(project.read("log"), "error\n");
}

#[test]
fn missing_command_of_a_hook_is_named() {
    project("[{command: no-such-hook, args: [x], when: {before: {images: all}}}]")
        .run(["build"])
        .exits(1)
        .stderr_has("hook `no-such-hook` for `before:build` failed: cannot run `no-such-hook`")
        .stderr_has("add its directory to PATH");
}

#[test]
fn failed_image_runs_the_error_hooks() {
    let hooks = [
        say("all:$DEVSPACE_HOOK_EVENT", "when: {onError: {images: all}}"),
        "{command: 'echo \"$DEVSPACE_HOOK_EVENT $DEVSPACE_HOOK_ERROR\" >> errors; exit 1', events: ['error:build:*']}"
            .to_owned(),
        say("after", "events: ['after:build', 'after:build:api']"),
    ];
    let project = project(&format!("[{}]", hooks.join(", "))).file("broken", "");
    // A hook that also fails is reported, and does not hide why the image failed.
    project
        .run(["build", "--build-sequential"])
        .exits(1)
        .stderr_has("cannot build `api`")
        .stderr_has("for `error:build:api` failed: exit code 1");
    assert_eq!(project.read("log"), "built api\nall:error:build:api\n");
    let errors = project.read("errors");
    assert!(errors.starts_with("error:build:api cannot build `api`: "), "{errors}");
}

#[test]
fn hooks_of_other_operating_systems_are_skipped() {
    let hooks = [
        say("windows", "os: windows, when: {before: {images: all}}"),
        say("linux", "os: 'darwin,linux', when: {before: {images: all}}"),
    ];
    assert_eq!(log_of(&project(&format!("[{}]", hooks.join(", "))))[0], "linux");
}

#[test]
fn silent_hook_prints_nothing_until_it_fails() {
    let hook = |end: &str| {
        format!("[{{command: 'echo whisper-$((40+2)){end}', silent: true, events: ['before:build']}}]")
    };
    project(&hook("")).run(["build"]).success().lacks("whisper-42");
    project(&hook("; exit 1")).run(["build"]).exits(1).stderr_has("whisper-42");
    let loud = hook("").replace("silent: true", "silent: false");
    project(&loud).run(["build"]).success().stderr_has("whisper-42");
}

#[test]
fn background_hook_runs_in_parallel_and_ends_with_the_build() {
    let hook = "{command: 'echo $$ > pid; touch started; exec sleep 1000', background: true, events: ['before:build']}";
    let wait = "{command: 'until test -e started; do sleep 0.01; done', events: ['before:build']}";
    let project = project(&format!("[{hook}, {wait}]"));
    project.run(["build"]).success().lacks("failed");
    let pid = project.read("pid");
    let path = format!("/proc/{}/stat", pid.trim());
    wait_for("the hook's end", Duration::from_secs(20), || {
        std::fs::read_to_string(&path).map_or(Some(()), |stat| stat.contains(") Z").then_some(()))
    });
}

#[test]
fn interrupt_ends_a_hook() {
    let project = project(
        "[{command: 'echo $$ > pid; echo ready-$((40+2)); sleep 1000', when: {before: {images: all}}}]",
    );
    let running = project.spawn(["build"]);
    running.wait_for_text("ready-42");
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    let path = format!("/proc/{}/stat", project.read("pid").trim());
    wait_for("the hook's end", Duration::from_secs(20), || {
        std::fs::read_to_string(&path).map_or(Some(()), |stat| stat.contains(") Z").then_some(()))
    });
}

#[test]
fn container_hooks_are_skipped_with_a_message() {
    let hooks = [
        "{command: ls, where: {container: {imageName: api}}, when: {after: {images: all}}}",
        "{upload: {localPath: a}, container: {imageSelector: x}, events: ['after:build']}",
    ];
    project(&format!("[{}]", hooks.join(", ")))
        .run(["build"])
        .success()
        .stderr_has("it acts on a container, and `after:build` happens before a deploy")
        .stderr_has("windlass does not support `upload` of hooks");
}

#[test]
fn hook_gets_the_configuration_of_the_image_without_passwords() {
    let file = "version: v1beta11
vars: [{name: TOKEN, password: true}]
images:
  api:
    image: r.example/api
    tags: ['1']
    build:
      custom: {command: 'true', args: ['${TOKEN}', plain]}
hooks:
- {command: 'echo \"$DEVSPACE_HOOK_IMAGE_CONFIG\" > told', events: ['before:build:api']}
- {command: 'echo \"[$DEVSPACE_HOOK_IMAGE_CONFIG]\" > none', events: ['before:build']}
";
    let project = Project::new().file("devspace.yaml", file).env("TOKEN", "hunter2");
    project.run(["build"]).success().lacks("hunter2");
    let told: serde_json::Value = serde_json::from_str(&project.read("told")).expect("it is JSON");
    let expected = serde_json::json!({
        "image": "r.example/api", "tags": ["1"],
        "custom": {"command": "true", "args": ["***", "plain"], "skipImageArg": false}
    });
    assert_eq!(told, expected);
    assert_eq!(project.read("none"), "[]\n");
}

#[test]
fn hook_is_shown_with_its_name() {
    let hooks = "[{name: notify the team, command: 'exit 3', events: ['before:build']}]";
    project(hooks).run(["build"]).exits(1).stderr_has("hook `notify the team` for `before:build` failed");
    let hooks = "[{name: beside, command: 'echo $((40+2)); exit 3', background: true, events: ['before:build']}, \
                 {command: 'sleep 0.3', events: ['after:build']}]";
    project(hooks).run(["build"]).success().stderr_has("the background hook `beside` failed: exit code 3");
}

#[test]
fn misspelled_events_are_reported() {
    let hooks = [
        say("1", "events: ['befor:build', 'before:images']"),
        say("2", "events: ['after:build:apo', 'before:deploy', 'restart:sync']"),
        say("3", "name: last"),
    ];
    project(&format!("[{}]", hooks.join(", ")))
        .run(["build"])
        .success()
        .stderr_has("unknown event `befor:build` in a hook; did you mean `before:build`?")
        .stderr_has("unknown event `before:images` in a hook; did you mean `before:build`?")
        .stderr_has("unknown image `apo` in an event of a hook; did you mean `api`?")
        .stderr_has("hook `last` never runs: it has no events; add `when:")
        .lacks("before:deploy`, which")
        .lacks("restart:sync`, which");
}

#[test]
fn hooks_run_around_the_dependencies() {
    let hooks = [
        say("old-before", "when: {before: {dependencies: all}}"),
        say("old-after", "when: {after: {dependencies: all}}"),
        say("new-before", "events: ['before:buildDependencies']"),
        say("failed", "when: {onError: {dependencies: all}}"),
        say("first", "when: {before: {images: all}}"),
    ];
    let dependency = |command: &str| {
        format!(
            "version: v1beta9\nimages:\n  dep:\n    image: r.example/dep\n    tags: ['1']\n    build: {{custom: {{command: '{command}'}}}}\n"
        )
    };
    let project =
        project(&format!("[{}]\ndependencies: [{{name: dep, source: {{path: dep}}}}]", hooks.join(", ")))
            .file("dep/devspace.yaml", dependency("echo dep >> ../log"));
    assert_eq!(
        log_of(&project)[..5],
        ["old-before", "new-before", "dep", "old-after", "first"].map(str::to_owned)
    );
    project.remove("log");
    project.write("dep/devspace.yaml", dependency("exit 1"));
    project.run(["build"]).exits(1);
    assert_eq!(project.read("log"), "old-before\nnew-before\nfailed\n");
}

#[test]
fn hooks_run_around_docker_builds_too() {
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.repository("", "hooked");
    let tell = "{command: 'echo $DEVSPACE_HOOK_EVENT $DEVSPACE_HOOK_IMAGE_TAGS >> log', \
                events: ['before:build:*', 'after:build:*']}";
    let project = Project::new()
        .daemon(&daemon)
        .file(
            "devspace.yaml",
            format!(
                "version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: ['1']\nhooks: [{tell}]\n"
            ),
        )
        .file("Dockerfile", format!("FROM {}\n", daemon.base()));
    project.run(["build", "--skip-push"]).success();
    assert_eq!(project.read("log"), "before:build:api 1\nafter:build:api 1\n");
}
