//! Commands of devspace.yaml: `windlass run NAME` for the section `commands`.

use std::time::Duration;

use crate::harness::{Project, Signal, wait_for};

/// A project with `commands` (YAML) and an image whose variable has no value.
fn project(commands: &str) -> Project {
    let config = format!(
        "version: v1beta9\nvars:\n- {{name: WHO, default: world}}\n- {{name: NEVER, question: Why}}\nimages:\n  api:\n    \
         image: r.example/${{NEVER}}\ncommands:\n{commands}"
    );
    Project::new().file("devspace.yaml", config)
}

#[test]
fn command_runs_in_the_shell_in_the_project_directory() {
    let project =
        project("- {name: greet, command: 'echo hello ${WHO} && pwd && echo loud >&2'}\n").folder("deep");
    let root = project.path("").canonicalize().expect("the directory exists");
    let output = project.run_in("deep", ["run", "greet"]);
    output
        .success()
        .stdout_is(format!("hello world\n{}\n", root.display().to_string().trim_end_matches('/')));
    assert_eq!(output.stderr, "loud\n");
    project.run(["run", "--var", "WHO=you", "greet"]).success().stdout_has("hello you");
}

#[test]
fn exit_code_is_passed_through() {
    let project = project("- {name: fail, command: exit 42}\n- {name: die, command: 'kill -9 $$'}\n");
    let output = project.run(["run", "fail"]);
    assert_eq!((output.exits(42).stdout.as_str(), output.stderr.as_str()), ("", ""));
    project.run(["run", "die"]).exits(137);
}

#[test]
fn every_word_after_the_name_belongs_to_the_command() {
    let project = project(
        "- {name: say, command: 'printf \"[%s]\"'}\n- {name: first, command: 'echo one $2', appendArgs: false}\n\
         - {name: program, command: printf, args: ['<%s>', '$HOME']}\n\
         - {name: bare, command: printf, args: ['%s', x], appendArgs: false}\n",
    );
    let words = ["run", "say", "--help", "-p", "a b", "$HOME", "it's", "--", "--progress"];
    project.run(words).success().stdout_is("[--help][-p][a b][$HOME][it's][--][--progress]");
    project.run(["run", "first", "a", "b"]).success().stdout_is("one b\n");
    project.run(["run", "program", "more words"]).success().stdout_is("<$HOME><more words>");
    project.run(["run", "bare", "more"]).success().stdout_is("x");
}

#[test]
fn command_gets_stdin_and_the_environment() {
    let project = project("- {name: read, command: 'read line; echo \"$line $FROM_FILE $OWN\"'}\n")
        .file(".env", "FROM_FILE=file\n")
        .env("OWN", "own");
    project.run_with_input(["run", "read"], "typed\n").success().stdout_is("typed file own\n");
}

#[test]
fn prompts_are_limited_to_variables_of_the_command() {
    let project = project("- {name: quiet, command: echo quiet}\n- {name: asks, command: 'echo ${NEVER}'}\n");
    project.run(["run", "quiet"]).success().stdout_is("quiet\n");
    project.run(["run", "asks"]).exits(2).stderr_has("NEVER");
    project.run(["run", "asks", "NEVER"]).exits(2);
    project.run(["run", "--var", "NEVER=ever", "asks"]).success().stdout_is("ever\n");
}

#[test]
fn profile_may_replace_a_command() {
    let more = "- {name: where, command: echo base}\nprofiles:\n- {name: dev, replace: {commands: [{name: where, command: echo dev}]}}\n";
    let project = Project::new().file("devspace.yaml", format!("version: v1beta10\ncommands:\n{more}"));
    project.run(["run", "where"]).success().stdout_is("base\n");
    project.run(["run", "-p", "dev", "where"]).success().stdout_is("dev\n");
}

#[test]
fn name_shared_by_command_and_pipeline_is_an_error_with_both_locations() {
    let project =
        project("- {name: release, command: echo no}\n").file("windlass.rhai", "\nfn release(project) { }\n");
    project
        .run(["run", "release"])
        .exits(2)
        .stderr_has("ambiguous name `release`: command at devspace.yaml:9:10, pipeline at windlass.rhai:2")
        .lacks("no\n");
}

#[test]
fn unknown_and_empty_commands_are_reported() {
    let project = project("- {name: migrate, command: echo}\n- {name: migrate, command: echo}\n");
    project.run(["run", "migrate"]).exits(2).stderr_has("duplicate command `migrate`");
    let project = self::project("- {name: migrate, command: ' '}\n");
    project.run(["run", "--var", "NEVER=x", "migrat"]).exits(2).stderr_has("did you mean `migrate`?");
    project.run(["run", "migrate"]).exits(2).stderr_has("`migrate` is empty");
}

#[test]
fn termination_signal_reaches_the_command() {
    let project = project(
        "- {name: wait, command: 'trap \"echo bye; exit 7\" TERM; echo $$ > pid; echo ready; while :; do sleep 0.1; done'}\n",
    );
    let running = project.spawn(["run", "wait"]);
    running.wait_for_text("ready");
    running.signal(Signal::Terminate);
    running.finish().exits(7).stdout_has("bye");
    let path = format!("/proc/{}/stat", project.read("pid").trim());
    wait_for("the command's end", Duration::from_secs(20), || {
        (!std::path::Path::new(&path).exists()).then_some(())
    });
}

#[test]
fn commands_are_listed() {
    let project = Project::new().file(
        "devspace.yaml",
        "version: v1beta10\ncommands:\n- {name: test, command: 'go test ${PKG}', description: Runs the tests}\n\
         - {name: fmt, command: gofmt, args: [-w, .]}\n",
    );
    insta::assert_snapshot!(project.run(["list", "commands"]).success().stdout, @"
    NAME  COMMAND         DESCRIPTION     SECTION
    test  go test ${PKG}  Runs the tests  -
    fmt   gofmt -w .      -               -
    ");
    let output = project.run(["list", "commands", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&output.success().stdout).expect("it is JSON");
    assert_eq!(
        listed[1],
        serde_json::json!({
            "name": "fmt", "command": "gofmt", "args": ["-w", "."], "description": null, "section": null,
            "origin": {"file": "devspace.yaml", "line": 4, "column": 10},
        })
    );
}

#[test]
fn references_of_built_images_are_filled_in() {
    let image =
        "images:\n  api: {image: r.example/api, tags: ['v-##'], build: {custom: {command: 'true'}}}\n";
    let commands = "commands:\n- {name: show, command: 'echo ${runtime.images.api} ${runtime.images.api.tag} ${HOME}'}\n\
                    - {name: other, command: echo, args: ['${runtime.dependencies.dep.images.web.image}']}\n\
                    - {name: wrong, command: 'echo ${runtime.images.apo}'}\n";
    let root =
        format!("version: v1beta11\n{image}dependencies: [{{name: dep, source: {{path: dep}}}}]\n{commands}");
    let dependency = "version: v1beta11\nimages:\n  web: {image: r.example/web, tags: ['1'], build: {custom: {command: 'true'}}}\n";
    let project = Project::new()
        .file("devspace.yaml", root)
        .file("dep/devspace.yaml", dependency)
        .env("HOME", "/home/me");
    project
        .run(["run", "show"])
        .exits(1)
        .stderr_has("cannot resolve `${runtime.images.api}`: `api` was never built")
        .stderr_has("windlass build");
    project.run(["build", "--result", "result.json"]).success();
    let result: serde_json::Value = serde_json::from_str(&project.read("result.json")).expect("it is JSON");
    let images = result["images"].as_array().expect("a list");
    let tag = images.iter().find(|image| image["image"] == "api").expect("it exists")["tags"][0].as_str();
    let tag = tag.expect("a string");
    project
        .run(["run", "show", "more"])
        .success()
        .stdout_is(format!("r.example/api:{tag} {tag} /home/me more\n"));
    project.run(["run", "other"]).success().stdout_is("r.example/web\n");
    project.run(["run", "wrong"]).exits(1).stderr_has("did you mean").lacks("Bad substitution");
}

#[test]
fn functions_of_the_shell_of_devspace_are_named() {
    let project = Project::new().file(
        "devspace.yaml",
        "version: v2beta1\nname: x\ncommands:\n  tag: |-\n    echo one\n    get_image --only tag api\n",
    );
    project
        .run(["run", "tag"])
        .exits(127)
        .stdout_is("one\n")
        .stderr_has("devspace.yaml:4:3: `get_image` is a function of the DevSpace shell")
        .stderr_has("`${runtime.images.NAME}`");
}
