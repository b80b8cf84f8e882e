//! `windlass completions`: a real shell requests candidates.

use std::path::Path;

use crate::harness::Project;

const CONFIG: &str = "\
version: v1beta9
vars:
- name: TOKEN
  command: touch ran
images:
  api: { image: \"acme/api:${TOKEN}\" }
  worker: { image: acme/worker }
profiles:
- name: dev
- name: staging
";

/// The completions of bash for the last of `words`.
fn bash(project: &Project, words: &[&str]) -> Vec<String> {
    let last = words.last().copied().unwrap_or_default();
    let list: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(windlass completions bash)
         COMP_WORDS=({}); COMP_CWORD={}; COMP_TYPE=9
         _clap_complete_windlass windlass '{last}' ''
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        list.join(" "),
        words.len() - 1,
    );
    let output = project.run_program("bash", ["-c", &script]).success().clone();
    output.stdout.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

fn project() -> Project {
    let folder = Path::new(env!("CARGO_BIN_EXE_windlass")).parent().expect("a program is in a directory");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("PATH is set"));
    Project::new().env("PATH", path).file("devspace.yaml", CONFIG)
}

#[test]
fn bash_completes_commands_and_flags() {
    let project = project();
    assert_eq!(bash(&project, &["windlass", "bui"]), ["build"]);
    assert_eq!(bash(&project, &["windlass", "build", "--skip-dependencies"]), ["--skip-dependencies"]);
}

#[test]
fn bash_completes_images_and_profiles_without_running_anything() {
    let project = project();
    assert_eq!(bash(&project, &["windlass", "build", "w"]), ["worker"]);
    assert_eq!(bash(&project, &["windlass", "verify", "w"]), ["worker"]);
    assert_eq!(bash(&project, &["windlass", "build", "--force", "a"]), ["api"]);
    assert_eq!(bash(&project, &["windlass", "build", "-p", ""]), ["dev", "staging"]);
    assert_eq!(bash(&project, &["windlass", "plan", "de"]), ["deploy", "dev"]);
    assert_eq!(bash(&project, &["windlass", "show", "de"]), ["deploy", "dev"]);
    assert!(!project.path("ran").exists(), "a command of a variable ran");
}

#[test]
fn bash_completes_the_names_of_another_configuration() {
    let project = project().file("other.yaml", "version: v1beta9\nimages:\n  web: { image: acme/web }\n");
    assert_eq!(bash(&project, &["windlass", "--config", "other.yaml", "build", "w"]), ["web"]);
}

#[test]
fn bash_completes_pipelines_and_commands() {
    let project = project()
        .file("windlass.rhai", "fn release(project, version) { }\nfn tags(image) { [\"1\"] }\n")
        .file("windlass.staging.rhai", "fn promote(project) { }\n");
    assert_eq!(bash(&project, &["windlass", "run", "re"]), ["release"]);
    assert_eq!(bash(&project, &["windlass", "run", "p"]), ["promote"]);
}

#[test]
fn broken_configuration_completes_nothing_silently() {
    let project = project().file("devspace.yaml", "images: [");
    assert_eq!(bash(&project, &["windlass", "build", "a"]), [""; 0]);
}

#[test]
fn bash_completes_the_names_of_the_reference() {
    assert_eq!(bash(&project(), &["windlass", "doc", "plan_i"]), ["plan_image"]);
}

#[test]
fn every_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        project().run(["completions", shell]).success().stdout_has("COMPLETE");
    }
    project().run(["completions", "tcsh"]).exits(2).stderr_has("bash, zsh, fish");
}
