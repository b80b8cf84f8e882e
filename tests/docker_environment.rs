//! Docker's environment variables mean the same for every builder.

use crate::docker_transports::with_docker_cli;
use crate::harness::{CountingSocket, Daemon, Project, TestRepository};

/// The ways to build: `build.docker` and the builder.
const WAYS: [(&str, &str); 5] = [
    ("{}", "docker"),
    ("{useBuildKit: false}", "docker"),
    ("{useCli: true, useBuildKit: false}", "docker"),
    ("{useCli: true, useBuildKit: true}", "docker"),
    ("{}", "oci"),
];

/// A project with one image.
fn project(daemon: &Daemon, image: &TestRepository, docker: &str, dockerfile: &str) -> Project {
    let config = format!(
        "version: v1beta11\nimages:\n  app:\n    image: {image}\n    tags: [v1]\n    build: {{docker: {docker}}}\n"
    );
    let project = with_docker_cli(Project::new()).daemon(daemon);
    project.file("devspace.yaml", config).file("Dockerfile", dockerfile).file("f", "x")
}

#[test]
fn docker_config_proxies_reach_every_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let proxies = |url: &str| {
        format!(r#"{{"proxies": {{"default": {{"httpProxy": "{url}", "noProxy": "localhost"}}}}}}"#)
    };
    let declared = "FROM scratch\nARG HTTP_PROXY\nENV SEEN=[$HTTP_PROXY]\nCOPY f /\n";
    for (docker, builder) in WAYS {
        let image = daemon.repository("", "proxies");
        let project =
            project(&daemon, &image, docker, declared).docker_config(proxies("http://proxy.example:3128"));
        let build = ["build", "--skip-push", "--builder", builder];
        let seen = || daemon.inspect(&format!("{image}:v1"))["Config"]["Env"].to_string();
        project.run(build).success();
        assert!(seen().contains("SEEN=[http://proxy.example:3128]"), "{docker} {builder}: {}", seen());
        project.run(build).success().stderr_has("skipped: unchanged");
        // A proxy that an ARG declares is an input.
        std::fs::write(project.docker_config_path(), proxies("http://other.example:1"))
            .expect("it can be written");
        project.run(build).success().stderr_has("build argument `HTTP_PROXY` changed");
        assert!(seen().contains("SEEN=[http://other.example:1]"), "{docker} {builder}: {}", seen());
        // Other proxies are not.
        project.write("Dockerfile", "FROM scratch\nCOPY f /\n");
        project.run(build).success();
        std::fs::write(project.docker_config_path(), "{}").expect("it can be written");
        project.run(build).success().stderr_has("skipped: unchanged");
    }
}

#[test]
fn a_build_argument_of_the_image_overrides_the_proxy() {
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.repository("", "own-proxy");
    let docker = "{options: {buildArgs: {HTTP_PROXY: 'http://own.example'}}}";
    let dockerfile = "FROM scratch\nARG HTTP_PROXY\nENV SEEN=[$HTTP_PROXY]\nCOPY f /\n";
    let project = project(&daemon, &image, docker, dockerfile)
        .docker_config(r#"{"proxies": {"default": {"httpProxy": "http://proxy.example:3128"}}}"#);
    project.run(["build", "--skip-push"]).success();
    let env = daemon.inspect(&format!("{image}:v1"))["Config"]["Env"].to_string();
    assert!(env.contains("SEEN=[http://own.example]"), "{env}");
}

#[test]
fn the_default_platform_is_an_input_for_every_builder() {
    let Some(daemon) = Daemon::acquire() else { return };
    // The classic builder makes an image from scratch for the daemon's own platform, regardless of the requested one.
    for (docker, builder) in WAYS.into_iter().filter(|(docker, _)| !docker.contains("useBuildKit: false")) {
        let image = daemon.repository("", "platform");
        let project =
            project(&daemon, &image, docker, "FROM scratch\nARG TARGETARCH\nENV FOR=$TARGETARCH\nCOPY f /\n");
        let build = ["build", "--skip-push", "--builder", builder];
        let env = || daemon.inspect(&format!("{image}:v1"))["Config"]["Env"].to_string();
        project.run(build).success();
        let project = project.env("DOCKER_DEFAULT_PLATFORM", "linux/arm64/v8");
        project.run(build).success().stderr_has("building: the platform changed");
        assert!(env().contains("FOR=arm64"), "{docker} {builder}: {}", env());
        project.run(build).success().stderr_has("skipped: unchanged");
        let project = project.without_env("DOCKER_DEFAULT_PLATFORM");
        project.run(build).success().lacks("building");
        assert!(!env().contains("FOR=arm64"), "{docker} {builder}: {}", env());
    }
}

#[test]
fn docker_buildkit_selects_the_builder_unless_the_image_does() {
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.repository("", "buildkit");
    let run = |docker: &str, value: &str| {
        let project =
            project(&daemon, &image, docker, "FROM scratch\nCOPY f /\n").env("DOCKER_BUILDKIT", value);
        project.run(["build", "--skip-push", "--progress", "plain"])
    };
    for value in ["0", "false"] {
        run("{}", value).success().stderr_has("building with Docker").lacks("BuildKit");
    }
    run("{}", "1").success().stderr_has("building with Docker (BuildKit)");
    run("{}", "").success().stderr_has("building with Docker (BuildKit)");
    run("{useBuildKit: true}", "0").success().stderr_has("building with Docker (BuildKit)");
    run("{useBuildKit: false}", "1").success().lacks("BuildKit");
}

#[test]
fn another_buildx_builder_is_not_used_by_the_docker_builder() {
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.repository("", "buildx-builder");
    let project = project(&daemon, &image, "{useCli: true, useBuildKit: true}", "FROM scratch\nCOPY f /\n");
    let project = project
        .env("BUILDX_BUILDER", "nowhere")
        .env("BUILDX_NO_DEFAULT_LOAD", "1")
        .env("BUILDX_GIT_LABELS", "1");
    project.run(["build", "--skip-push"]).success();
    assert_eq!(daemon.file(&format!("{image}:v1"), "/f"), "x");
}

#[test]
fn an_image_for_another_daemons_platform_is_not_reused() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let Some(other) = CountingSocket::answering(&daemon, "\"Arch\":\"amd64\"", "\"Arch\":\"arm64\"") else {
        return;
    };
    let Some(same) = CountingSocket::before(&daemon) else { return };
    let image = daemon.repository(&registry.address(), "other-platform");
    let project = project(&daemon, &image, "{}", "FROM scratch\nCOPY f /\n");
    project.run(["build"]).success();
    // The same daemon is not even queried.
    project.run(["plan"]).success().stdout_has("unchanged");
    let project = project.env("DOCKER_HOST", same.host());
    project.run(["plan"]).success().stdout_has("unchanged");
    let project = project.env("DOCKER_HOST", other.host());
    project.run(["plan"]).success().stdout_has("built for linux/amd64, now for linux/arm64");
    // A platform that was requested is the same everywhere.
    let project = project.env("DOCKER_DEFAULT_PLATFORM", "linux/amd64").env("DOCKER_HOST", daemon.host());
    project.run(["build"]).success();
    let project = project.env("DOCKER_HOST", other.host());
    project.run(["plan"]).success().stdout_has("unchanged");
}
