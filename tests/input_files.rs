//! Every path that windlass reads may lead to a named pipe, a device or an endless file: each is rejected immediately.
//! Input that is nested without end does not make windlass abort.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::harness::{Output, Project};

/// How long windlass may take to reject an unreadable input.
const LIMIT: Duration = Duration::from_secs(60);

/// A project that needs no daemon and no registry.
fn project() -> Project {
    Project::new()
        .limit(LIMIT)
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    tags: [v1]\n")
        .file("Dockerfile", "FROM scratch\nCOPY a /\n")
        .file("a", "a")
}

const BUILD: [&str; 4] = ["build", "--skip-push", "--builder", "oci"];

/// An unreadable input, and the message about it.
type Kind = (fn(&Path), &'static str);

const KINDS: [Kind; 3] = [
    (
        |path| assert!(std::process::Command::new("mkfifo").arg(path).status().expect("run").success()),
        "it is a named pipe",
    ),
    (|path| symlink("/dev/zero", path).expect("linked"), "it is a device"),
    (
        |path| File::create(path).and_then(|file| file.set_len(100 << 20)).expect("made"),
        "it is larger than 10 MiB",
    ),
];

/// Puts each unreadable input at `path`; the output of `run` must name the path, and `check` checks it.
#[track_caller]
fn check_refused(path: &str, run: impl Fn(Project) -> Output, check: impl Fn(&Output)) {
    for (make, reason) in KINDS {
        let project = project();
        let path = project.path(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        let _ = fs::remove_file(&path);
        make(&path);
        let output = run(project);
        check(&output);
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(output.stderr.replace("\n", " ").contains(&*name), "{reason}: {output}");
        // A message may wrap anywhere.
        let words =
            |text: &str| text.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ");
        assert!(words(&output.stderr).contains(reason), "{reason}: {output}");
    }
}

#[test]
fn the_dockerfile_is_a_regular_file() {
    check_refused("Dockerfile", |project| project.run(BUILD), |output| _ = output.exits(1));
}

#[test]
fn the_ignore_file_is_a_regular_file() {
    for name in [".dockerignore", "Dockerfile.dockerignore", "devspace.dockerignore"] {
        check_refused(name, |project| project.run(BUILD), |output| _ = output.exits(1));
    }
}

#[test]
fn the_script_is_a_regular_file() {
    check_refused("windlass.rhai", |project| project.run(BUILD), |output| _ = output.exits(2));
}

#[test]
fn a_module_is_a_regular_file() {
    let run = |project: Project| {
        project.write("windlass.rhai", "import \"more\" as more;\nfn tags(image) { more::tags() }\n");
        project.run(BUILD)
    };
    for (make, _) in KINDS {
        let project = project();
        make(&project.path("more.rhai"));
        run(project).exits(2).stderr_has("more");
    }
}

#[test]
fn the_configuration_is_a_regular_file() {
    check_refused("devspace.yaml", |project| project.run(BUILD), |output| _ = output.exits(2));
    let run = |project: Project| {
        project.write("devspace.yaml", "version: v2beta1\nimports:\n  - path: more.yaml\n");
        project.run(BUILD)
    };
    check_refused("more.yaml", run, |output| _ = output.exits(2));
}

#[test]
fn the_environment_file_is_a_regular_file() {
    check_refused(".env", |project| project.run(BUILD), |output| _ = output.exits(2));
}

#[test]
fn a_damaged_state_causes_only_a_warning() {
    for (make, _) in &KINDS[..2] {
        let project = project();
        project.run(BUILD).success();
        let records = project.path(".windlass/images/api.json");
        fs::remove_file(&records).expect("removed");
        make(&records);
        project.run(BUILD).success().stderr_has("api.json").stderr_has("1 built");
    }
    let project = project();
    project.run(BUILD).success();
    let (make, _) = KINDS[0];
    let lock = project.path(".windlass/lock");
    fs::remove_file(&lock).expect("removed");
    make(&lock);
    project.write("a", "another");
    project.run(BUILD).success().stderr_has("the next run will rebuild");
}

#[test]
fn the_configuration_of_docker_is_a_regular_file() {
    let run = |project: Project| {
        let folder = project.path("config");
        project.env("DOCKER_CONFIG", folder).run(["logout", "localhost:1"])
    };
    check_refused("config/config.json", run, |output| _ = output.exits(1));
}

#[test]
fn the_kubeconfig_is_a_regular_file() {
    let run = |project: Project| {
        project.write(
            "devspace.yaml",
            "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    build: {kaniko: {}}\n",
        );
        let path = project.path("kubeconfig");
        project.env("KUBECONFIG", path).run(["build"])
    };
    check_refused("kubeconfig", run, |output| assert_ne!(output.code(), Some(0), "{output}"));
}

#[test]
fn a_file_that_a_script_reads_is_a_regular_file() {
    for (make, reason) in &KINDS[..1] {
        let project = project().file("windlass.rhai", "fn tags(image) { [read_file(\"x\")] }\n");
        make(&project.path("x"));
        project.run(BUILD).exits(1).stderr_has(reason);
    }
}

#[test]
fn dev_null_is_an_empty_file() {
    let project = project().env("KUBECONFIG", "/dev/null").symlink(".env", "/dev/null");
    project.run(BUILD).success();
}

#[test]
fn paths_that_are_too_deep_are_rejected() {
    let deep = |count: usize| "d/".repeat(count);
    for (dockerfile, code) in [
        (format!("FROM scratch\nWORKDIR /{}\nCOPY a .\n", deep(1_000)), 0),
        (format!("FROM scratch\nCOPY a /{}\n", deep(100_000)), 1),
        (format!("FROM scratch\nWORKDIR /{}\n", deep(20_000)), 1),
        (
            format!(
                "FROM scratch AS one\nWORKDIR /{}\nCOPY a .\nFROM scratch\nCOPY --from=one / /{}\n",
                deep(700),
                deep(700)
            ),
            1,
        ),
    ] {
        let project = project().file("Dockerfile", dockerfile);
        let output = project.run(BUILD);
        output.exits(code);
        if code != 0 {
            output.stderr_has("more than 1024 names");
        }
    }
}

#[test]
fn an_error_far_to_the_right_is_named() {
    let project = project();
    project.write(
        "devspace.yaml",
        format!("version: v1beta9\nimages: {{{}api: {{image: [}}}}\n", " ".repeat(70_000)),
    );
    project.run(BUILD).exits(2).stderr_has("devspace.yaml:2:70");
    let project = self::project().file(".dockerignore", format!("{}a[b\n", " ".repeat(70_000)));
    project.run(BUILD).exits(1).stderr_has("column 70001");
}
