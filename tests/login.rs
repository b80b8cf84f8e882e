//! `windlass login` and `windlass logout`: credentials are stored where Docker stores them, and passwords only there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{PASSWORD, Project, Registry, USER};

/// A credential helper that keeps one password in `$HOME/kept` and records who could read it.
const HELPER: &str = r#"#!/bin/sh
tr '\0' ' ' < /proc/$PPID/cmdline >> "$HOME/seen"
tr '\0' ' ' < /proc/$PPID/environ >> "$HOME/seen"
echo "$@" >> "$HOME/seen"
case $1 in
store) cat > "$HOME/kept" ;;
get) [ -s "$HOME/kept" ] && cat "$HOME/kept" || { echo credentials not found in native keychain; exit 1; } ;;
erase) rm "$HOME/kept" ;;
esac
"#;

fn log_in(project: &Project, registry: &Registry, password: &str) -> crate::harness::Output {
    let address = registry.address();
    project
        .run_with_input(["login", &address, "--username", USER, "--password-stdin"], format!("{password}\n"))
}

#[test]
fn login_stores_the_password_in_a_private_file_and_logout_removes_it() {
    let Some(registry) = Registry::with_login() else { return };
    let project = Project::new().docker_config(r#"{"HttpHeaders": {"x": "y"}, "auths": {"other.io": {}}}"#);
    let output = log_in(&project, &registry, PASSWORD);
    output.success().stderr_has(format!("logged in to {} as {USER}", registry.address()));
    output.stderr_has("unencrypted").lacks(PASSWORD);

    let path = project.docker_config_path();
    let mode = fs::metadata(&path).expect("the file exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = || -> serde_json::Value {
        serde_json::from_slice(&fs::read(&path).expect("the file exists")).expect("JSON")
    };
    let config = read();
    let ours: serde_json::Value = serde_json::from_str(&registry.docker_config()).expect("JSON");
    assert_eq!(config["auths"][registry.address()], ours["auths"][registry.address()]);
    assert_eq!(
        (&config["HttpHeaders"]["x"], &config["auths"]["other.io"]),
        (&"y".into(), &serde_json::json!({}))
    );

    project.run(["logout", &registry.address()]).success().stderr_has("logged out of");
    let config = read();
    assert!(config["auths"].get(registry.address()).is_none() && config["auths"].get("other.io").is_some());
    project.run(["logout", &registry.address()]).success().stderr_has("no credentials for");
}

#[test]
fn a_wrong_password_is_rejected_and_not_stored() {
    let Some(registry) = Registry::with_login() else { return };
    let project = Project::new();
    let output = log_in(&project, &registry, "open-barley");
    output.exits(1).stderr_has("refused the credentials").stderr_has("check the user name and password");
    output.lacks("open-barley");
    assert!(!project.docker_config_path().exists());
    log_in(&project, &registry, "").exits(1).stderr_has("the password is empty");
}

#[test]
fn an_unreachable_registry_is_named() {
    let output = Project::new()
        .run_with_input(["login", "127.0.0.1:1", "--username", USER, "--password-stdin"], PASSWORD);
    output.exits(1).stderr_has("`127.0.0.1:1` is unreachable").lacks(PASSWORD);
}

#[test]
fn without_a_terminal_login_names_the_missing_flag() {
    let project = Project::new();
    project.run(["login", "r.io"]).exits(1).stderr_has("--username NAME");
    project.run(["login", "r.io", "-u", "ann"]).exits(1).stderr_has("--password-stdin");
    project.run(["login", "r.io", "--password", "pw"]).exits(2).stderr_has("--password-stdin");
}

#[test]
fn login_prompts_in_a_terminal_and_hides_the_password() {
    let Some(registry) = Registry::with_login() else { return };
    let project = Project::new();
    let mut terminal = project.terminal(["login", &registry.address()]);
    terminal.wait_for_text("User name for");
    terminal.type_text(&format!("{USER}\r"));
    terminal.wait_for_text("Password or access token for");
    terminal.type_text(&format!("{PASSWORD}\r"));
    terminal.wait_for_text("logged in to");
    assert!(!terminal.transcript().contains(PASSWORD));
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    assert!(project.docker_config_path().exists());
}

#[test]
fn only_the_credential_helper_sees_the_password() {
    let Some(registry) = Registry::with_login() else { return };
    let project = Project::new()
        .docker_config(r#"{"credsStore": "safe"}"#)
        .program_on_path("docker-credential-safe", HELPER);
    log_in(&project, &registry, PASSWORD).success().stderr_has("docker-credential-safe stores the password");
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    assert!(read(project.home().join("kept")).contains(PASSWORD));
    assert!(!read(project.docker_config_path()).contains("auth\""));

    project.run(["logout", &registry.address()]).success().stderr_has("logged out of");
    assert!(!project.home().join("kept").exists());
    let seen = read(project.home().join("seen"));
    assert!(seen.contains("store") && seen.contains("erase"), "{seen}");
    assert!(!seen.contains(PASSWORD), "{seen}");
}
