//! Tests of the test harness itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::catch_unwind;
use std::time::Duration;

use crate::harness::{Daemon, Fault, FaultProxy, PrivateDaemon, Project, Registry, Signal};

/// Pushes the base image under a unique name in `registry`; returns docker's success and output.
fn push(daemon: &Daemon, reference: &str, project: &Project) -> crate::harness::Output {
    daemon.docker(["tag", &daemon.base(), reference]);
    project.run_program("docker", ["push", reference])
}

#[test]
fn project_runs_windlass() {
    Project::new().run(["--version"]).success();
}

#[test]
fn project_environment_is_clean() {
    let project = Project::new().env("GIVEN", "yes");
    let output = project.run_program("env", [""; 0]);
    let mut names: Vec<_> = output.stdout.lines().filter_map(|line| line.split_once('=')).collect();
    names.sort_unstable();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
    let expected = ["DOCKER_CONFIG", "DOCKER_HOST", "GIVEN", "HOME", "LANG", "NO_COLOR", "PATH", "TMPDIR"];
    assert_eq!(names, expected);
}

#[test]
fn project_contains_files_links_and_executables() {
    let project = Project::new()
        .file("a/b.txt", "hello")
        .symlink("c", "a/b.txt")
        .executable("d", "#!/bin/sh\ncat c\n")
        .program_on_path("say-hi", "#!/bin/sh\necho hi\n");
    project.run_program("./d", [""; 0]).success().stdout_is("hello");
    project.run_program("say-hi", [""; 0]).success().stdout_is("hi\n");
}

#[test]
fn output_shows_everything_on_failure() {
    let output = Project::new().run_program("sh", ["-c", "echo out; echo err >&2; exit 3"]);
    let panic = catch_unwind(|| output.success().clone()).expect_err("exit code 3 is not a success");
    let message = panic.downcast_ref::<String>().expect("the message is a string");
    for part in ["exit code: 3", "stdout:\nout\n", "stderr:\nerr\n"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn run_over_its_limit_is_killed_with_its_children() {
    let project = Project::new().limit(Duration::from_millis(300));
    let running = project.spawn_program("sh", ["-c", "sleep 1000 & echo $!; wait"]);
    running.wait_for_text("\n");
    let child = running.output_so_far().0.trim().to_owned();
    catch_unwind(std::panic::AssertUnwindSafe(|| running.finish())).expect_err("the time limit passes");
    crate::harness::wait_for("the child's end", Duration::from_secs(10), || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn running_program_receives_signals() {
    let script = "trap 'echo caught; exit 130' INT; echo ready; while :; do sleep 0.05; done";
    let project = Project::new();
    let running = project.spawn_program("sh", ["-c", script]);
    running.wait_for_text("ready").signal(Signal::Interrupt);
    running.finish().exits(130).stdout_has("caught");
}

#[test]
fn terminal_shows_a_screen() {
    let project = Project::new();
    let mut terminal =
        project.program_terminal("sh", ["-c", "printf 'name? '; read n; echo; echo \"hi $n\""]);
    terminal.wait_for_text("name?");
    terminal.type_text("ann\r");
    let (status, screen) = terminal.finish();
    assert!(status.success());
    assert!(screen.contains("hi ann"), "{screen}");
}

#[test]
fn daemon_runs_and_reads_images() {
    let Some(daemon) = Daemon::acquire() else { return };
    assert_eq!(daemon.run(&daemon.base(), &["echo", "hi"]), "hi\n");
    let repository = daemon.repository("", "api");
    let reference = format!("{repository}:1");
    assert_eq!(daemon.image_id(&reference), None);
    daemon.docker(["tag", &daemon.base(), &reference]);
    assert_eq!(daemon.tags(&repository), ["1"]);
    assert_eq!(daemon.image_id(&reference), daemon.image_id(&daemon.base()));
    assert_eq!(daemon.try_file(&reference, "/none.txt"), None);
    drop(repository);
    assert_eq!(daemon.image_id(&reference), None);
}

#[test]
fn registry_stores_pushed_images() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let project = Project::new().daemon(&daemon);
    let repository = daemon.repository(&registry.address(), "api");
    assert!(registry.tags(&repository).is_empty());
    let output = push(&daemon, &format!("{repository}:1"), &project);
    let digest = registry.digest(&repository, "1").expect("the tag exists");
    output.success().stdout_has(&digest);
    assert_eq!(registry.tags(&repository), ["1"]);
    assert_eq!(registry.manifest(&repository, "1")["schemaVersion"], 2);
}

#[test]
fn registry_with_login_requires_the_password() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let reference = format!("{repository}:1");
    let project = Project::new().daemon(&daemon);
    assert_ne!(push(&daemon, &reference, &project).code(), Some(0));
    let project = project.docker_config(registry.docker_config());
    push(&daemon, &reference, &project).success();
}

#[test]
fn read_only_registry_rejects_a_push() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::read_only() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    assert_ne!(push(&daemon, &format!("{repository}:1"), &Project::new().daemon(&daemon)).code(), Some(0));
    assert!(registry.tags(&repository).is_empty());
}

#[test]
fn registry_with_tls_has_a_certificate() {
    let Some(registry) = Registry::with_tls() else { return };
    let script = format!(
        "openssl s_client -connect {} -CAfile {} -verify_return_error </dev/null",
        registry.address(),
        registry.certificate().display()
    );
    Project::new().run_program("sh", ["-c", &script]).success();
}

#[test]
fn fault_proxy_fails_the_requested_number_of_times() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    proxy.fault(2, "GET", "/v2/", Fault::Status(500)).fault(1, "", "/v2/", Fault::Drop);
    let answers: Vec<_> = (0..4).map(|_| status_line(&proxy.address())).collect();
    let failed = "HTTP/1.1 500 Internal Server Error";
    assert_eq!(answers, [failed, failed, "", "HTTP/1.1 200 OK"]);
    assert_eq!(proxy.count("GET", "/v2/"), 4);
    assert_eq!(proxy.count("POST", ""), 0);
}

/// The first line of the response to `GET /v2/`.
fn status_line(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the proxy listens");
    let request = format!("GET /v2/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the proxy reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the proxy writes");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn fault_proxy_holds_a_request_until_released() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "api");
    let reference = format!("{repository}:1");
    proxy.fault(1, "PUT", &format!("/v2/{}/manifests/", repository.path()), Fault::Hold);
    daemon.docker(["tag", &daemon.base(), &reference]);
    let running = Project::new().daemon(&daemon).spawn_program("docker", ["push", &reference]);
    proxy.wait_for_request("PUT", &format!("/v2/{}/manifests/", repository.path()));
    assert!(registry.tags(&repository).is_empty());
    proxy.release();
    running.finish().success();
    assert_eq!(registry.tags(&repository), ["1"]);
}

#[test]
fn private_daemon_does_not_affect_the_machines_daemon() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(private) = PrivateDaemon::start() else { return };
    assert_ne!(private.host(), daemon.host());
    let with_network = |daemon: &Daemon| {
        daemon.docker(["run", "--rm", "--pull=never", "--network=bridge", &daemon.base(), "echo", "hi"])
    };
    assert_eq!(with_network(&private), "hi\n");
    assert_eq!(with_network(&daemon), "hi\n");
    drop(private);
    assert_eq!(with_network(&daemon), "hi\n");
}

#[test]
fn private_daemon_can_be_killed() {
    let Some(mut daemon) = PrivateDaemon::start() else { return };
    let project = Project::new()
        .daemon(&daemon)
        .file("Dockerfile", format!("FROM {}\nRUN echo hi >/x\n", daemon.base()));
    let build = ["build", "-t", "x:1", "."];
    project.run_program("docker", build).success();
    assert_eq!(daemon.file("x:1", "/x"), "hi\n");
    daemon.kill();
    assert_ne!(project.run_program("docker", build).code(), Some(0));
}
