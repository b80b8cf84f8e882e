//! Passwords in shell lines of devspace.yaml: the command gets them, and no process list shows them.

#![cfg(target_os = "linux")]

use crate::harness::Project;

/// A password that needs quoting in every shell.
const PASSWORD: &str = "it's \"one\" $(word) `of` \\ *";

/// A line that writes the arguments of its shell to `words` and `${TOKEN}`, within `quotes`, to `value`.
fn line(before: &str, after: &str) -> String {
    format!("cat /proc/$$/cmdline >> words; printf %s {before}${{TOKEN}}{after} >> value")
}

/// Ways to write it, in the quotes of a shell.
const QUOTES: [(&str, &str); 5] =
    [("", ""), ("'", "'"), ("\"", "\""), ("\"$(printf %s '", "')\""), ("\"$(cat <<'E'\n", "\nE\n)\"")];

/// A project with `rest` in its devspace.yaml.
fn project(rest: &str) -> Project {
    let vars = "vars: [{name: TOKEN, password: true}, {name: SAY, value: 'printf %s ${TOKEN}'}]";
    Project::new().file("devspace.yaml", format!("version: v1beta11\n{vars}\n{rest}")).env("TOKEN", PASSWORD)
}

/// `text` as YAML.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

/// Runs windlass with `args`; the command in it must get the password, and must see none in the process list.
#[track_caller]
fn check(project: &Project, args: &[&str]) {
    project.run(args).success().lacks(PASSWORD).lacks("(word)");
    assert_eq!(project.read("value"), PASSWORD);
    let words = project.read("words");
    assert!(words.contains("/proc/$$/cmdline") || words.contains("eval "), "{words}");
    assert!(!words.contains("(word)"), "{words}");
}

#[test]
fn custom_command_gets_a_hidden_password() {
    for (before, after) in QUOTES {
        let custom = yaml(&line(before, after));
        for custom in [format!("{{command: {custom}}}"), format!("{{commands: [{{command: {custom}}}]}}")] {
            let images =
                format!("images: {{api: {{image: r.io/api, tags: ['1'], build: {{custom: {custom}}}}}}}");
            check(&project(&images), &["build"]);
        }
    }
}

#[test]
fn hook_gets_a_hidden_password() {
    for (before, after) in QUOTES {
        let hook = format!("{{command: {}, events: ['before:build']}}", yaml(&line(before, after)));
        let image = "images: {api: {image: r.io/api, tags: ['1'], build: {custom: {command: 'true'}}}}";
        check(&project(&format!("{image}\nhooks: [{hook}]")), &["build"]);
    }
}

#[test]
fn command_gets_a_hidden_password() {
    for (before, after) in QUOTES {
        let command = format!("{{name: go, command: {}}}", yaml(&line(before, after)));
        check(&project(&format!("commands: [{command}]")), &["run", "go"]);
    }
}

#[test]
fn command_in_a_variable_keeps_its_words() {
    let command = "{name: go, command: 'cat /proc/$$/cmdline > words; ${SAY} > value'}";
    check(&project(&format!("commands: [{command}]")), &["run", "go"]);
}

#[test]
fn new_password_changes_the_custom_command() {
    let custom = "{command: 'echo ${TOKEN} >> value', onChange: ['*.txt']}";
    let images = format!("images: {{api: {{image: r.io/api, tags: ['1'], build: {{custom: {custom}}}}}}}");
    let project = project(&images);
    project.run(["build"]).success();
    project.run(["build"]).success();
    let text = |project: &Project| project.read("value").lines().count();
    assert_eq!(text(&project), 1);
    let project = project.env("TOKEN", "another");
    project.run(["build"]).success();
    assert_eq!(text(&project), 2);
}
