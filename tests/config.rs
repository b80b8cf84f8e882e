//! devspace.yaml: how its fields, variables and profiles affect a build, and how its errors are reported.

use std::collections::BTreeMap;

use crate::harness::{Daemon, Output, Project};

/// A custom command that writes its arguments, one per line, to `recorded`.
const RECORD: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" >recorded\n";

/// A project whose one image is built by a command with the arguments `[args]`, with `more` at the end of its file.
fn recording(args: &str, more: &str) -> Project {
    let file = format!(
        "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    tags: [t]\n    build:\n      custom: {{command: ./record, skipImageArg: true, args: [{args}]}}\n{more}"
    );
    Project::new().executable("record", RECORD).file("devspace.yaml", file)
}

/// Builds and returns the arguments of the command.
#[track_caller]
fn recorded(project: &Project, flags: &[&str]) -> Vec<String> {
    let output = build(project, flags);
    output.success();
    let lines = project.read("recorded").lines().map(str::to_owned).collect();
    project.remove("recorded");
    lines
}

/// `windlass build --skip-push` with `flags`.
#[track_caller]
fn build(project: &Project, flags: &[&str]) -> Output {
    project.run(["build", "--skip-push", "--progress", "json"].iter().chain(flags))
}

/// The last JSON event of `kind`.
#[track_caller]
fn event(output: &Output, kind: &str) -> serde_json::Value {
    let found = output.json_lines().into_iter().rfind(|event| event["type"] == kind);
    found.unwrap_or_else(|| panic!("no event `{kind}`\n{output}"))
}

/// A project for the daemon: its Dockerfile is `dockerfile` on the base image, the one image's fields are `fields`.
fn docker(daemon: &Daemon, image: &str, dockerfile: &str, fields: &str) -> Project {
    let file = format!("version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: [t]\n{fields}");
    Project::new()
        .daemon(daemon)
        .file("devspace.yaml", file)
        .file("Dockerfile", format!("FROM {} AS base\n{dockerfile}", daemon.base()))
}

#[test]
fn docker_fields_reach_the_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let api = daemon.repository("", "config-fields");
    let fields = "    dockerfile: docker/Dockerfile.dev
    context: src
    entrypoint: [/bin/echo, 10]
    cmd: [yes, '']
    appendDockerfileInstructions: ['LABEL appended=1']
    build:
      docker:
        skipPush: true
        options: {target: dev, network: none, buildArgs: {A: 1.10, B: 007, C: yes, D: }}
";
    let text = format!(
        "FROM {} AS base\nFROM base AS dev\nARG A\nARG B\nARG C\nARG D\nCOPY a.txt /\nLABEL args=\"$A $B $C $D\"\nFROM base AS last\nRUN false\n",
        daemon.base()
    );
    let project = docker(&daemon, api.name(), "", fields)
        .file("docker/Dockerfile.dev", text)
        .file("src/a.txt", "hello")
        .env("D", "from-environment");
    // `skipPush` alone keeps the image local: no registry would accept it.
    let output = project.run(["build", "--progress", "json"]);
    output.success();
    assert_eq!(event(&output, "image_finished")["pushed"], false);
    let config = &daemon.inspect(&format!("{api}:t"))["Config"];
    assert_eq!(config["Labels"]["args"], "1.10 007 yes from-environment");
    assert_eq!(config["Labels"]["appended"], "1");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/bin/echo", "10"]));
    assert_eq!(config["Cmd"], serde_json::json!(["yes", ""]));
    assert_eq!(daemon.file(&format!("{api}:t"), "/a.txt"), "hello");
}

#[test]
fn build_argument_without_a_value_anywhere_is_an_error() {
    let Some(daemon) = Daemon::acquire() else { return };
    let api = daemon.repository("", "config-unset");
    let project =
        docker(&daemon, api.name(), "ARG GONE\n", "    build: {docker: {options: {buildArgs: {GONE: }}}}\n");
    build(&project, &[]).exits(1).stderr_has("the build argument `GONE` of `api` has no value");
}

#[test]
fn tags_are_kept_as_written() {
    let Some(daemon) = Daemon::acquire() else { return };
    let api = daemon.repository("", "config-tags");
    let project = docker(&daemon, api.name(), "", "").file(
        "devspace.yaml",
        format!(
            "version: v1beta9\nimages:\n  api:\n    image: {api}\n    tags: [1.10, 007, yes, 1e3, 'v-##']\n"
        ),
    );
    build(&project, &[]).success();
    let (random, fixed): (Vec<_>, Vec<_>) =
        daemon.tags(&api).into_iter().partition(|tag| tag.starts_with("v-"));
    assert_eq!(fixed, ["007", "1.10", "1e3", "yes"]);
    assert!(random.len() == 1 && random[0].len() == 4 && !random[0].contains('#'), "{random:?}");
}

#[test]
fn build_kit_block_builds_with_its_options() {
    let Some(daemon) = Daemon::acquire() else { return };
    let api = daemon.repository("", "config-buildkit");
    let fields = "    build:
      buildKit:
        skipPush: true
        command: [docker, buildx]
        options: {target: dev, buildArgs: {A: 007}}
";
    let dockerfile = "FROM base AS dev\nARG A\nLABEL a=$A\nFROM base\nRUN false\n";
    let project = docker(&daemon, api.name(), dockerfile, fields);
    // The daemon's API replaces the usual command, with the same options.
    project.run(["build", "--progress", "plain"]).success().stderr_has("building with Docker (BuildKit)");
    assert_eq!(daemon.inspect(&format!("{api}:t"))["Config"]["Labels"]["a"], "007");
}

#[test]
fn disabled_image_is_not_built() {
    let project = recording("'1'", "").file(
        "devspace.yaml",
        "version: v1beta9\nimages:\n  api: {image: acme/api, build: {disabled: true, docker: {}}}\n  gone:\n",
    );
    let output = build(&project, &[]);
    output.success();
    assert_eq!(event(&output, "run_started")["images"], serde_json::json!(["api"]));
    assert_eq!(event(&output, "image_finished")["outcome"], "skipped");
}

#[test]
fn kaniko_alone_needs_a_cluster() {
    let fields = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    build:\n      kaniko:\n";
    let project = Project::new().file("devspace.yaml", fields).file("Dockerfile", "FROM scratch\n");
    project.run(["build"]).exits(1).stderr_has("cluster::none").stderr_has("no cluster is configured");
}

#[test]
fn custom_fields_shape_the_command() {
    let custom = "version: v1beta9
images:
  api:
    image: acme/api
    tags: [a]
    build:
      custom:
        command: /no/such
        commands: [{os: plan9, command: /no/such}, {os: 'linux, darwin', command: ./record}]
        args: [1.10, yes]
        imageFlag: --tag
        imageTagOnly: true
        appendArgs: [last]
        onChange: ['src/**']
";
    let project = recording("", "").file("devspace.yaml", custom).file("src/a", "1");
    assert_eq!(recorded(&project, &[]), ["1.10", "yes", "--tag", "a", "last"]);
    // `onChange` decides: nothing changed, so the command does not run.
    build(&project, &[]).success();
    assert!(!project.path("recorded").exists());
    project.write("src/a", "2");
    recorded(&project, &[]);
}

#[test]
fn variables_come_from_every_source() {
    let vars = "vars:
- {name: VALUE, value: 'v-${OTHER}'}
- {name: OTHER, source: none, default: 007}
- {name: FROM_ENV, source: env}
- {name: COMMAND, command: 'echo a b | tr a-z A-Z'}
- {name: SYSTEM, commands: [{os: plan9, command: false}, {os: 'linux,darwin', command: echo, args: [here]}]}
- {name: EMPTY, source: command, command: 'true', default: fallback}
- {name: INPUT, source: input, default: given}
";
    let args = "'${VALUE}', '${FROM_ENV}', '${COMMAND}', '${SYSTEM}', '${EMPTY}', '${INPUT}', '$!{OTHER}', '$${OTHER}', '${FLAG}', '${DOTENV}'";
    let project = recording(args, vars)
        .env("FROM_ENV", "yes")
        .env("INPUT", "not this")
        .file(".env", "DOTENV=file\nFROM_ENV=not this\n");
    assert_eq!(
        recorded(&project, &["--var", "FLAG=x,y=z"]),
        ["v-007", "yes", "A B", "here", "fallback", "given", "007", "${OTHER}", "x,y=z", "file"]
    );
}

#[test]
fn predefined_variables_are_known() {
    let args = "'${DEVSPACE_PROFILE}', '${devspace.namespace}', '${DEVSPACE_CONTEXT}', '${DEVSPACE_VERSION}', \
                '${devspace.userHome}', '${DEVSPACE_GIT_BRANCH}', '${DEVSPACE_RANDOM}', '${devspace.random}', \
                '${DEVSPACE_GIT_COMMIT}', '${DEVSPACE_TIMESTAMP}'";
    let project = recording(args, "profiles: [{name: dev}]\n");
    let git =
        "git init -q -b topic && git -c user.name=n -c user.email=e@example.org commit -q --allow-empty -m x";
    project.run_program("sh", ["-c", git]).success();
    let commit = project.run_program("git", ["rev-parse", "--short=8", "HEAD"]).stdout;
    let found = recorded(&project, &["-p", "dev", "-n", "space", "--kube-context", "far"]);
    let home = project.home().display().to_string();
    assert_eq!(found[..6], ["dev", "space", "far", env!("CARGO_PKG_VERSION"), home.as_str(), "topic"]);
    assert_eq!((found[6].len(), &found[6]), (6, &found[7]));
    assert_eq!(found[8], commit.trim());
    assert!(found[9].parse::<u64>().is_ok(), "{found:?}");
}

#[test]
fn profiles_change_the_file_in_every_way() {
    let profiles = r#"profiles:
- name: replaced
  replace: {images: {api: {image: acme/r, tags: [r], build: {custom: {command: ./record, args: [replaced]}}}}}
- name: merged
  merge: {images: {api: {tags: , build: {custom: {args: [merged], skipImageArg: false}}}}}
- name: strategic
  strategicMerge: {vars: [{name: X, value: new}], images: {api: {tags: [s]}}}
- name: pointer
  patches: [{op: replace, path: /images/api/build/custom/args/0, value: pointer}, {op: add, path: /images/api/build/custom/args/-, value: 007}]
- name: dotted
  patches: [{op: add, path: 'images.api.build.custom.args[0]', value: dotted}, {op: remove, path: images.api.build.custom.skipImageArg}]
- name: appended
  patches: [{op: add, path: images.api.build.custom.args, value: yes}]
- name: jsonpath
  patches: [{op: replace, path: "$.images[?(@.image=='acme/api')].build.custom.args", value: [jsonpath]}]
- name: wildcard
  patches: [{op: replace, path: images.*.build.custom.args, value: [wildcard]}]
- name: selector
  patches: [{op: replace, path: vars.name=X.value, value: selected}]
- name: child
  parent: pointer
  patches: [{op: add, path: /images/api/build/custom/args/-, value: child}]
- name: both
  parents: [{profile: wildcard}, {profile: appended}]
"#;
    let project = recording("'${X}'", &format!("vars: [{{name: X, value: plain}}]\n{profiles}"));
    let check = |flags: &[&str], expected: &[&str]| {
        assert_eq!(recorded(&project, flags), expected, "{flags:?}");
    };
    check(&[], &["plain"]);
    check(&["-p", "replaced"], &["replaced", "acme/r:r"]);
    check(&["-p", "strategic"], &["new"]);
    check(&["-p", "pointer"], &["pointer", "007"]);
    check(&["-p", "dotted"], &["dotted", "plain", "acme/api:t"]);
    check(&["-p", "appended"], &["plain", "yes"]);
    check(&["-p", "jsonpath"], &["jsonpath"]);
    check(&["-p", "wildcard"], &["wildcard"]);
    check(&["-p", "selector"], &["selected"]);
    check(&["-p", "child"], &["pointer", "007", "child"]);
    check(&["-p", "both"], &["wildcard", "yes"]);
    check(&["-p", "jsonpath", "-p", "appended"], &["jsonpath", "yes"]);
    check(&["-p", "jsonpath,appended"], &["jsonpath", "yes"]);
    let merged = recorded(&project, &["-p", "merged", "-t", "m"]);
    assert_eq!(merged, ["merged", "acme/api:m"]);
}

#[test]
fn profiles_activate_themselves() {
    let profiles = "profiles:
- name: ci
  activation: [{env: {CI: 'true|1'}}, {vars: {TIER: 'prod.*'}}]
  patches: [{op: add, path: images.api.build.custom.args, value: ci}]
- name: other
  patches: [{op: add, path: images.api.build.custom.args, value: other}]
";
    let project = recording("first", &format!("vars: [{{name: TIER, default: test}}]\n{profiles}"));
    assert_eq!(recorded(&project, &[]), ["first"]);
    assert_eq!(recorded(&project, &["--var", "TIER=production"]), ["first", "ci"]);
    let project = project.env("CI", "1");
    assert_eq!(recorded(&project, &["-p", "other"]), ["first", "ci", "other"]);
    assert_eq!(recorded(&project, &["--disable-profile-activation"]), ["first"]);
    let output = build(&project, &["-p", "other"]);
    assert_eq!(event(&output, "run_started")["profiles"], serde_json::json!(["ci", "other"]));
}

#[test]
fn patch_that_matches_nothing_is_an_error() {
    let patch = |path: &str| {
        format!("profiles:\n- name: p\n  patches:\n  - op: replace\n    path: {path}\n    value: x\n")
    };
    for path in [
        "images.apo.image",
        "/images/apo",
        "images.api.tags[3]",
        "deployments.name=none.x",
        "$.images[?(@.image=='x')]",
    ] {
        build(&recording("a", &patch(&format!("\"{path}\""))), &["-p", "p"])
            .exits(2)
            .stderr_has("devspace.yaml:12:11: cannot apply patch 1 of profile `p`");
    }
}

#[test]
fn file_is_found_in_parent_directories_and_paths_are_relative_to_it() {
    let project = recording("a", "").folder("deep/er");
    project.run_in("deep/er", ["build", "--skip-push"]).success();
    assert_eq!(project.read("recorded"), "a\n");
    assert!(project.path(".windlass").is_dir() && !project.path("deep/er/.windlass").exists());
}

#[test]
fn config_flag_selects_another_file_and_directory() {
    let project = recording("here", "");
    let other = project.read("devspace.yaml").replace("here", "there");
    let project = project.file("other/dev.yaml", other).executable("other/record", RECORD);
    build(&project, &["--config", "other/dev.yaml"]).success();
    assert_eq!(project.read("other/recorded"), "there\n");
    assert!(!project.path("recorded").exists());
}

#[test]
fn flags_control_the_output() {
    let project = recording("a", "").file(
        "devspace.yaml",
        "version: v1beta9\nimages:\n  api: {image: acme/api, tag: t, build: {custom: {command: ./record}}}\n",
    );
    let warning = "`tag` in image `api` is deprecated";
    project.run(["build", "--skip-push"]).success().stderr_has(warning);
    project.run(["build", "--skip-push", "--no-warn"]).success().lacks(warning);
    let silent = project.run(["build", "--skip-push", "--silent"]);
    silent.success();
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("", ""));
    project.run(["build", "--skip-push", "--debug"]).success();
    let broken = project.file("record", "#!/bin/sh\nexit 3\n");
    broken.run(["build", "--skip-push", "--silent"]).exits(1).stderr_has("exit code 3");
}

#[test]
fn other_sections_are_kept_and_not_checked() {
    let more = "deployments: [{name: d, kubectl: {manifests: [x]}}]\ndev: {ports: [{forward: [{port: 1}]}]}\ncommands: [{name: c, command: 'echo ${NOT_ASKED}'}]\ndependencies: []\npullSecrets: []\nrequire: {}\nx-mine: {free: '${NOT_ASKED}'}\n";
    recorded(&recording("a", more), &[]);
}

#[test]
fn all_errors_of_a_file_are_in_one_report() {
    let file = "version: v1beta9
images:
  api:
    image: acme/api:1
    dockefile: x
  web:
    image: acme/web
    tags: latest
  one: {image: acme/x, tags: [v1]}
  two: {image: acme/x, tags: [v2, v1]}
vars:
- name: FOO
  sorce: env
profiles:
- name: dev
  pathces: []
";
    let output = build(&Project::new().file("devspace.yaml", file), &[]);
    output.exits(2).stdout_is("");
    let told: BTreeMap<&str, bool> = [
        "cannot use `devspace.yaml`: it has 6 problems",
        "devspace.yaml:4:12: `image` of image `api` is not a repository",
        "devspace.yaml:5:5: unknown key `dockefile` in image `api`",
        "help: did you mean `dockerfile`?",
        "devspace.yaml:8:11: `tags` of image `web` must be a list, found `latest`",
        "devspace.yaml:10:35: images `one` and `two` have the same reference",
        "[devspace.yaml:9:31]",
        "-- first here",
        "-- again here",
        "devspace.yaml:13:3: unknown key `sorce` in variable `FOO`",
        "help: did you mean `source`?",
        "devspace.yaml:16:3: unknown key `pathces` in profile `dev`",
        "help: did you mean `patches`?",
    ]
    .into_iter()
    .map(|text| (text, output.stderr.contains(text)))
    .collect();
    assert!(told.values().all(|told| *told), "{told:#?}\n{output}");
}

#[test]
fn error_is_shown_with_its_lines() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    dockefile: x\n");
    insta::assert_snapshot!(build(&project, &[]).snapshot(), @"
    exit 2
    --- stdout
    --- stderr
    config::invalid

      x cannot use `devspace.yaml`: it has a problem
      `-> config::unknown_key
          
            x devspace.yaml:5:5: unknown key `dockefile` in image `api`
             ,-[devspace.yaml:5:5]
           4 |     image: acme/api
           5 |     dockefile: x
             :     ^^^^|^^^^
             :         `-- unknown key
             `----
            help: did you mean `dockerfile`?
    ");
}

#[test]
fn typical_errors_are_explained() {
    let check = |file: &str, flags: &[&str], expected: &[&str]| {
        let output = build(&Project::new().file("devspace.yaml", file), flags);
        output.exits(2);
        for text in expected {
            output.stderr_has(text);
        }
    };
    check("images: {}\n", &[], &["devspace.yaml:1:1: the file has no `version`", "version: v1beta9"]);
    check(
        "version: v1beta8\nimages: {a: {image: a/a, build: {buildKit: {}}}}\n",
        &[],
        &["devspace.yaml:2:34: `buildKit` in `build` of image `a` needs v1beta10"],
    );
    check("version: v1beta9\nimages:\n\t- x\n", &[], &["devspace.yaml:3:"]);
    check("version: v1beta9\nimages: {a: 1, a: 2}\n", &[], &["duplicate key `a`"]);
    check(
        "version: v1beta9\nimgaes: {}\n",
        &[],
        &["devspace.yaml:2:1: unknown key `imgaes`", "did you mean `images`?"],
    );
    check(
        "version: v1beta9\nprofiles: [{name: staging}]\n",
        &["-p", "stagin"],
        &["devspace.yaml:2:1: unknown profile `stagin`", "did you mean `staging`?"],
    );
    check("version: v1beta9\n", &["-p", "dev"], &["the file has no profiles: omit `-p`"]);
    check(
        "version: v1beta9\nvars: [{name: TIER}]\nimages: {a: {image: 'a/${TEIR}'}}\n",
        &[],
        &[
            "devspace.yaml:3:21: variable `TEIR` has no value: cannot prompt without a terminal",
            "did you mean `TIER`?",
        ],
    );
    check(
        "version: v1beta9\nvars: [{name: A, command: 'exit 3'}]\nimages: {a: {image: 'a/${A}'}}\n",
        &[],
        &["devspace.yaml:2:15: the command of variable `A` failed: exit code 3"],
    );
}

#[test]
fn without_a_terminal_nothing_prompts() {
    let project = recording("'${TIER}'", "vars: [{name: TIER, question: 'Which tier?'}]\n");
    let output = project.run_with_input(["build", "--skip-push"], "typed\n");
    output
        .exits(2)
        .lacks("? Which tier?")
        .stderr_has("devspace.yaml:8:15: variable `TIER` has no value: cannot prompt without a terminal")
        .stderr_has("pass `--var TIER=VALUE`, export `TIER`");
    let project = recording("'${TIER}'", "vars: [{name: TIER, default: 1.10}]\n");
    assert_eq!(recorded(&project, &[]), ["1.10"]);
}

#[test]
fn prompt_on_the_terminal_appears_once() {
    let project = recording("'${TIER}'", "vars: [{name: TIER, question: 'Which tier?', default: test}]\n");
    let mut terminal = project.terminal(["build", "--skip-push"]);
    terminal.wait_for_text("Which tier?");
    terminal.type_text("prod\r");
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    assert_eq!(project.read("recorded"), "prod\n");
    // The next run uses the saved answer, with or without a terminal.
    assert_eq!(recorded(&project, &[]), ["prod"]);
}

#[test]
fn options_are_chosen_with_the_keys() {
    let project = recording("'${TIER}'", "vars: [{name: TIER, options: [test, prod]}]\n");
    let mut terminal = project.terminal(["build", "--skip-push"]);
    terminal.wait_for_text("prod");
    terminal.type_text("\x1b[B\r");
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    assert_eq!(project.read("recorded"), "prod\n");
}

#[test]
fn password_is_neither_shown_nor_saved() {
    let project = recording("'${TOKEN}'", "vars: [{name: TOKEN, password: true, question: 'The token?'}]\n");
    let mut terminal = project.terminal(["build", "--skip-push"]);
    terminal.wait_for_text("The token?");
    terminal.type_text("hunter2\r");
    terminal.wait_for_text("api");
    let transcript = terminal.transcript();
    assert!(terminal.finish().0.success());
    assert!(!transcript.contains("hunter2"), "{transcript}");
    assert_eq!(project.read("recorded"), "hunter2\n");
    project.remove("recorded");
    let kept = project.run_program("grep", ["-r", "hunter2", "."]);
    kept.exits(1);
    build(&project, &[]).exits(2).stderr_has("variable `TOKEN` has no value");
}

#[test]
fn cancelled_prompt_ends_the_run_as_interrupted() {
    let project = recording("'${TIER}'", "vars: [{name: TIER, question: 'Which tier?'}]\n");
    let mut terminal = project.terminal(["build", "--skip-push"]);
    terminal.wait_for_text("Which tier?");
    terminal.type_text("\x03");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 130, "{screen}");
    assert!(screen.contains("cannot set the variable `TIER`"), "{screen}");
    assert!(!project.path("recorded").exists());
}

#[test]
fn interrupted_command_of_a_variable_ends_with_its_children() {
    use crate::harness::Signal;
    let command = "exec 9>lock; flock 9; touch started; (sleep 1000; true); true";
    let project = recording("'${SLOW}'", &format!("vars: [{{name: SLOW, command: '{command}'}}]\n"));
    let running = project.spawn(["build", "--skip-push"]);
    crate::harness::wait_for("the command", std::time::Duration::from_secs(60), || {
        project.path("started").exists().then_some(())
    });
    running.signal(Signal::Interrupt);
    running.finish().exits(130);
    // The lock is released only when the last process that inherited it has ended.
    project.run_program("flock", ["--wait", "20", "lock", "true"]).success();
}
