//! A daemon that does not run, denies access, or stops during a build.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::harness::{PrivateDaemon, Project, wait_for};

fn project(dockerfile: &str, build_kit: bool) -> Project {
    let config = format!(
        "version: v1beta9\nimages:\n  api:\n    image: daemon-faults/api\n    build: {{docker: {{useBuildKit: \
         {build_kit}, skipPush: true}}}}\n"
    );
    Project::new().file("Dockerfile", dockerfile).file("devspace.yaml", config)
}

#[track_caller]
fn check_killed(build_kit: bool) {
    let Some(mut daemon) = PrivateDaemon::start() else { return };
    // A number of seconds that no other process sleeps.
    let marker = format!("8{:08}", fastrand::u32(..100_000_000));
    let wanted = format!("sleep\0{marker}\0");
    let dockerfile = format!("FROM {}\nRUN echo started; sleep {marker}\n", daemon.base());
    let project = project(&dockerfile, build_kit).daemon(&daemon);
    let running = project.spawn(["build", "--result", "result.json"]);
    running.wait_for_text("RUN echo started");
    // The builder has started the step; output may come late, but a container or process soon exists.
    wait_for("the start of the step", Duration::from_secs(60), || {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut commands = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        commands.any(|command| command == wanted.as_bytes()).then_some(())
    });
    daemon.kill();
    let output = running.finish();
    output.exits(1).stderr_has(daemon.host()).stderr_has("1 failed");
    let result: serde_json::Value =
        serde_json::from_str(&project.read("result.json")).expect("the result is JSON");
    assert_eq!(result["images"][0]["outcome"], "failed");
}

#[test]
fn daemon_crash_during_a_classic_build_is_reported() {
    check_killed(false);
}

#[test]
fn daemon_crash_during_a_buildkit_build_is_reported() {
    check_killed(true);
}

#[test]
fn stopped_daemon_is_reported_with_a_hint() {
    let output = project("FROM scratch\n", true).run(["build", "--builder", "docker"]);
    output.exits(1).stderr_has("no-daemon.sock").stderr_says("(from DOCKER_HOST)");
    output.stderr_has("help: start the daemon that DOCKER_HOST names, or change that setting");
}

#[test]
fn inaccessible_socket_is_reported_with_a_hint() {
    // SAFETY: geteuid takes no arguments and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        // Root can use every socket, so the program runs as another user.
        let project = project("FROM scratch\n", true);
        let socket = project.path("docker.sock");
        let _listener = UnixListener::bind(&socket).expect("a socket can be created");
        let open = |path: &std::path::Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777))
                .expect("permissions can be set");
        };
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))
            .expect("permissions can be set");
        open(&project.path(""));
        open(project.path("").parent().expect("a project is in a directory"));
        let binary = project.path("windlass");
        std::fs::copy(env!("CARGO_BIN_EXE_windlass"), &binary).expect("the program can be copied");
        let project = project.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        let arguments = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let program = binary.display().to_string();
        let output = project.run_program(
            "setpriv",
            arguments.iter().copied().chain([&*program, "build", "--builder", "docker"]),
        );
        output
            .exits(1)
            .stderr_has(socket.display().to_string())
            .stderr_has("get access to")
            .stderr_has("usermod");
    }
}
