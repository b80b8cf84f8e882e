//! The state directory: damage, full disks, killed runs, parallel runs. Its content is never trusted without checks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Daemon, Project, Running, Signal, TestRepository, wait_for};

const BUILD: [&str; 2] = ["build", "--skip-push"];

fn one(daemon: &Daemon, repository: &TestRepository) -> Project {
    Project::new()
        .daemon(daemon)
        .limit(Duration::from_secs(300))
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "one")
}

/// Asserts that every file below `.windlass/images` is JSON with records, and that no temporary file is left.
#[track_caller]
fn check_records(project: &Project, images: usize) {
    let files: Vec<_> =
        fs::read_dir(project.path(".windlass/images")).expect("a directory").flatten().collect();
    assert_eq!(files.len(), images, "{files:?}");
    for file in files {
        let text = fs::read_to_string(file.path()).expect("readable");
        let json: serde_json::Value = serde_json::from_str(&text).expect("whole JSON");
        assert!(!json["records"].as_array().expect("records").is_empty(), "{text}");
    }
}

#[test]
fn damaged_records_are_reported_and_their_images_rebuilt() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = one(&daemon, &repository);
    project.run(BUILD).success();
    let file = ".windlass/images/api.json";
    let whole = project.read(file);
    let check = |content: &str, expected: &str| {
        project.write(file, content);
        let output = project.run(BUILD);
        output.success().stderr_has("ignoring the recorded builds of `api`").stderr_has(expected);
        output.stderr_has("api | building: never built here");
        project.run(BUILD).success().stderr_has("skipped: unchanged").lacks("ignoring");
    };
    check(&whole[..whole.len() / 2], "is damaged");
    check("garbage \0", "is damaged");
    check(
        &whole.replace("\"version\": 2", "\"version\": 99"),
        "has version 99, but this windlass supports version 2",
    );
    check(&whole.replacen("\"key\": \"", "\"key\": \"x", 1), "is damaged");
}

#[test]
fn directory_instead_of_a_file_causes_only_a_warning() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project =
        one(&daemon, &repository).folder(".windlass/images/api.json/x").folder(".windlass/bases.json");
    let output = project.run(BUILD);
    output.success().stderr_has("cannot be read: it is a directory").stderr_has("the next run will rebuild");
    assert_eq!(daemon.tags(&repository).len(), 1);
}

#[test]
fn unwritable_state_directory_causes_only_a_warning() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = one(&daemon, &repository).file(".windlass", "a file");
    let output = project.run(BUILD);
    output.success().stderr_has("the next run will rebuild");
    assert_eq!(output.stderr.matches("the next run will").count(), 1, "{output}");
    assert_eq!(daemon.tags(&repository).len(), 1);
}

/// A tiny file system, unmounted on drop.
struct FullDisk<'a>(&'a Path);

impl<'a> FullDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(path).stderr(Stdio::null());
        if !command.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: only root can mount a file system");
            return None;
        }
        let filler = fs::write(path.join("filler"), vec![0; 1 << 20]);
        assert!(filler.is_err(), "the disk is full");
        Some(Self(path))
    }
}

impl Drop for FullDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn full_disk_causes_only_a_warning() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = one(&daemon, &repository).folder(".windlass");
    let path = project.path(".windlass");
    let Some(_disk) = FullDisk::mount(&path) else { return };
    let output = project.run(BUILD);
    output.success().stderr_has("No space left on device").stderr_has("the next run will rebuild");
    output.stderr_has("1 built");
    assert_eq!(daemon.tags(&repository).len(), 1);
    fs::remove_file(path.join("filler")).expect("removed");
    project.run(BUILD).success().stderr_has("building: never built here");
    project.run(BUILD).success().stderr_has("skipped: unchanged");
}

#[test]
fn killed_run_loses_only_unfinished_images() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repositories: Vec<_> =
        ["a", "b", "c", "d", "e"].map(|name| (name, daemon.repository("", name))).into();
    let mut yaml = "version: v1beta9\nimages:\n".to_owned();
    for (name, repository) in &repositories {
        yaml += &format!("  {name}:\n    image: {repository}\n");
        if *name == "d" {
            yaml += "    build: {custom: {command: ./slow, onChange: [slow]}}\n";
        }
    }
    let project = one(&daemon, &repositories[0].1)
        .file("devspace.yaml", yaml)
        .executable("slow", "#!/bin/sh\ntouch begun\nwhile [ ! -e go ]; do sleep 0.05; done\n");
    let running = project.spawn(["build", "--skip-push", "--build-sequential"]);
    wait_for("the fourth image", Duration::from_secs(120), || project.path("begun").exists().then_some(()));
    running.signal(Signal::Kill);
    // The child process of the killed run ends without a signal.
    project.write("go", "");
    drop(running);
    let output = project.run(BUILD);
    for name in ["a", "b", "c"] {
        output.success().stderr_has(format!("{name} | skipped: unchanged"));
    }
    for name in ["d", "e"] {
        output.stderr_has(format!("{name} | building: never built here"));
    }
    check_records(&project, 5);
}

#[test]
fn twenty_parallel_runs_all_succeed() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = one(&daemon, &repository);
    let running: Vec<Running> = (0..20).map(|_| project.spawn(BUILD)).collect();
    for running in running {
        running.finish().success().lacks("ignoring").lacks("the next run will");
    }
    check_records(&project, 1);
    project.run(BUILD).success().stderr_has("skipped: unchanged");
}

#[test]
fn runs_with_different_profiles_are_both_recorded() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let profiles = "profiles:\n- name: dev\n  patches:\n  - {op: add, path: images.api.cmd, value: [/dev]}\n";
    let project = one(&daemon, &repository);
    project.write("devspace.yaml", project.read("devspace.yaml") + profiles);
    let dev = [&BUILD[..], &["-p", "dev"]].concat();
    let (one, two) = (project.spawn(BUILD), project.spawn(&dev));
    one.finish().success();
    two.finish().success();
    project.run(BUILD).success().stderr_has("skipped: unchanged");
    project.run(&dev).success().stderr_has("skipped: unchanged");
}

#[test]
fn damaged_file_index_is_reported_and_changes_no_key() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = one(&daemon, &repository);
    // Old enough to be recorded in the index.
    let file = fs::File::options().write(true).open(project.path("a.txt")).expect("the file opens");
    wait_for("the file to be old enough", Duration::from_secs(60), || {
        let age = file.metadata().expect("metadata").modified().expect("a time").elapsed();
        age.is_ok_and(|age| age > Duration::from_millis(2100)).then_some(())
    });
    project.run(BUILD).success();
    let index = fs::read_dir(project.path(".windlass/index")).expect("a directory").flatten().next();
    let index = index.expect("an index").path();
    let whole = fs::read(&index).expect("readable");
    for damaged in [&whole[..whole.len() - 7], b"garbage", b""] {
        fs::write(&index, damaged).expect("written");
        let output = project.run(BUILD);
        output.success().stderr_has("ignoring the file index").stderr_has("skipped: unchanged");
        project.run(BUILD).success().lacks("ignoring");
    }
}

/// With a umask of 000, other users still cannot write to the files of windlass.
#[test]
fn only_the_user_can_write_to_state_logs_and_store() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    tags: [v1]\n")
        .file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
        .executable(
            "build",
            format!("umask 000\nexec {} build --skip-push --builder oci\n", env!("CARGO_BIN_EXE_windlass")),
        );
    project.run_program("sh", ["build"]).success();
    let mut open = vec![project.path(".windlass"), project.home().join(".cache")];
    let mut seen = Vec::new();
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().expect("it exists");
        let mode = metadata.permissions().mode();
        assert_eq!(mode & 0o022, 0, "{mode:o} {}", path.display());
        seen.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).expect("read").map(|entry| entry.expect("an entry").path()));
        }
    }
    for name in ["lock", "api.json", "api.log", "contexts", "sha256", "names"] {
        assert!(seen.iter().any(|seen| seen == name), "no {name} in {seen:?}");
    }
}

#[test]
fn edit_of_the_same_size_right_after_a_build_is_noticed() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = one(&daemon, &repository);
    for content in ["two", "six", "ten"] {
        project.write("a.txt", content);
        project.run(["build", "--skip-push", "-t", content]).success().lacks("unchanged");
        assert_eq!(daemon.file(&format!("{repository}:{content}"), "/a.txt"), content);
    }
}
