//! `platforms`, `cacheFrom`, `cacheTo`, `secrets` and `ssh` of an image: every builder honors them, or refuses them with
//! their line, and only what changes the image is an input.

use serde_json::Value;

use crate::docker_transports::with_docker_cli;
use crate::harness::{Daemon, IdleDaemon, Project, Registry};

/// A project with one image, whose `docker` options are `docker`.
fn project(image: &str, docker: &str) -> Project {
    Project::new()
        .file("devspace.yaml", config(image, docker))
        .file("Dockerfile", "FROM scratch\nCOPY one.txt /\n")
        .file("one.txt", "1\n")
}

fn config(image: &str, docker: &str) -> String {
    format!(
        "version: v2beta1\nname: keys\nimages:\n  app:\n    image: {image}\n    tags: [v1]\n    docker: {{{docker}}}\n"
    )
}

/// The plan of the image.
#[track_caller]
fn plan(project: &Project) -> Value {
    let output = project.run(["plan", "--json"]);
    let plan: Value = serde_json::from_str(&output.success().stdout).expect("a plan is JSON");
    plan["images"][0].clone()
}

#[track_caller]
fn key(project: &Project) -> String {
    plan(project)["key"].as_str().expect("an image has a key").to_owned()
}

#[test]
fn secrets_are_mounted_and_only_their_ids_are_inputs() {
    let Some(daemon) = Daemon::acquire() else { return };
    let image = daemon.repository("", "keys-secret");
    let dockerfile = format!(
        "FROM {}\nRUN --mount=type=secret,id=npm,required=true cat /run/secrets/npm > /copy\n",
        daemon.base()
    );
    let project =
        with_docker_cli(project(image.name(), "secrets: ['id=npm,env=NPM_TOKEN'], useBuildKit: true"))
            .file("Dockerfile", dockerfile)
            .env("NPM_TOKEN", "hunter2")
            .daemon(&daemon);
    let build = ["build", "--skip-push"];
    project.run(build).success();
    assert_eq!(daemon.file(&format!("{image}:v1"), "/copy"), "hunter2");
    let project = project.env("NPM_TOKEN", "other");
    project.run(build).success().stderr_has("skipped: unchanged");
    project
        .write("devspace.yaml", config(image.name(), "secrets: ['id=npm,src=one.txt'], useBuildKit: true"));
    project.run(build).success().stderr_has("skipped: unchanged");
}

#[test]
fn layer_cache_is_exported_into_the_image_without_the_docker_cli() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::start() else { return };
    let image = daemon.repository(&registry.address(), "keys-cache");
    let cache = format!("cacheFrom: ['{image}:v1'], cacheTo: [inline], useBuildKit: true");
    let project =
        project(image.name(), &cache).daemon(&daemon).program_on_path("docker", "#!/bin/sh\nexit 9\n");
    project.run(["build"]).success();
    let configuration = registry.configuration(&image, "v1");
    assert!(configuration.get("moby.buildkit.cache.v0").is_some(), "{configuration}");
}

#[test]
fn platforms_determine_the_image_with_every_builder() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::start() else { return };
    for builder in ["docker", "oci"] {
        let image = daemon.repository(&registry.address(), "keys-platform");
        let project = project(image.name(), "platforms: [linux/arm64]").daemon(&daemon);
        project.run(["build", "--builder", builder]).success();
        assert_eq!(registry.configuration(&image, "v1")["architecture"], "arm64", "{builder}");
        project.run(["build", "--builder", builder]).success().stderr_has("skipped: unchanged");
        // The argument has the same meaning.
        project.write("devspace.yaml", config(image.name(), "args: [--platform, Linux/aarch64]"));
        project.run(["build", "--builder", builder]).success().stderr_has("skipped: unchanged");
    }
}

#[test]
fn builders_refuse_what_they_do_not_support_with_the_line() {
    #[track_caller]
    fn check(docker: &str, builder: &str, expected: &str) {
        let project = project("r.example/app", docker);
        let output = project.run(["plan", "--builder", builder]);
        output
            .exits(1)
            .stderr_has("stage::build::argument")
            .stderr_has("(devspace.yaml:7:")
            .stderr_says(expected);
    }
    check("secrets: ['id=a,src=b'], useBuildKit: false", "docker", "cannot build `app` with `secrets`");
    check("ssh: [default], useBuildKit: false", "docker", "it requires BuildKit");
    check("platforms: [linux/amd64, linux/arm64], useBuildKit: false", "docker", "one platform at a time");
    check("platforms: [linux/amd64, linux/arm64]", "kaniko", "cannot build `app` with `platforms`");
    check("secrets: ['id=a,src=b']", "kaniko", "kaniko has no equivalent");
    check("ssh: [default]", "kaniko", "cannot build `app` with `ssh`");
    check("secrets: [src=b]", "docker", "a secret requires an id, such as `id=npm,env=NPM_TOKEN`");
    check("cacheFrom: ['']", "docker", "it is empty");
    let custom = project("r.example/app", "ssh: [default]");
    custom.write(
        "devspace.yaml",
        config("r.example/app", "cacheTo: [inline]") + "    custom: {command: make}\n",
    );
    custom
        .run(["plan"])
        .exits(1)
        .stderr_says("with `cacheTo` (devspace.yaml:7:24)")
        .stderr_has("custom command");
}

#[test]
fn what_does_not_change_the_image_is_not_an_input() {
    let daemon = IdleDaemon::start();
    let project = project("r.example/app", "").env("DOCKER_HOST", daemon.host());
    let mut keys = vec![key(&project)];
    let mut is_new = |docker: &str| {
        project.write("devspace.yaml", config("r.example/app", docker));
        let key = key(&project);
        let is_new = !keys.contains(&key);
        keys.push(key);
        is_new
    };
    for same in
        ["cacheFrom: [r.example/x]", "cacheTo: ['type=gha,mode=max']", "cacheFrom: ['type=gha'], args: [-q]"]
    {
        assert!(!is_new(same), "{same}");
    }
    assert!(is_new("secrets: ['id=a,src=one.txt']"));
    assert!(!is_new("secrets: ['src=two.txt,id=a']") && !is_new("args: [--secret, 'id=a,env=X']"));
    assert!(is_new("secrets: ['id=b,src=one.txt']"));
    assert!(is_new("ssh: [default]") && !is_new("ssh: ['default=/tmp/agent']"));
    assert!(is_new("platforms: [linux/arm64]"));
    assert!(!is_new("platforms: [Linux/aarch64]") && !is_new("args: [--platform=linux/arm64]"));
    assert!(is_new("platforms: [linux/arm64, linux/amd64]"));
    // A platform that the environment requests is one too.
    project.write("devspace.yaml", config("r.example/app", "platforms: [linux/arm64]"));
    let requested = key(&project);
    project.write("devspace.yaml", config("r.example/app", ""));
    let project = project.env("DOCKER_DEFAULT_PLATFORM", "linux/arm64");
    assert_eq!(key(&project), requested);
}

#[test]
fn scripts_set_the_same_options() {
    let daemon = IdleDaemon::start();
    let script = |options: &str| {
        format!(
            "fn plan(image) {{\n    let image = image.with_docker(#{{ {options} }});\n    \
             plan_image(image, dockerfile(image), context(image))\n}}\n"
        )
    };
    let key_of = |docker: &str, options: &str| {
        let project = project("r.example/app", docker).file("windlass.rhai", script(options));
        key(&project.env("DOCKER_HOST", daemon.host()))
    };
    let plain = key_of("", "");
    assert_eq!(key_of("", "cache_from: [\"r.example/x\"], cache_to: [\"inline\"]"), plain);
    let both = "platforms: [linux/arm64], secrets: ['id=a,src=b'], ssh: [default], args: [--shm-size=1g]";
    let options = "platforms: [\"linux/arm64\"], secrets: [\"id=a\"], ssh: [\"default\"]";
    assert_eq!(key_of("args: [--shm-size=1g]", options), key_of(both, ""));
    assert_eq!(key_of(both, "platforms: [], secrets: [], ssh: [], args: []"), plain);
    let project = project("r.example/app", "").file("windlass.rhai", script("secret: []"));
    project.run(["plan"]).exits(2).stderr_has("did you mean `secrets`?");
}

/// The keys of windlass before these options existed. A project must keep its keys, or all its images are built again.
#[test]
fn cache_keys_of_existing_projects_stay() {
    let daemon = IdleDaemon::start();
    let yaml = "version: v1beta11
images:
  plain: {image: r.example/plain}
  made: {image: r.example/made, build: {custom: {command: make, onChange: [one.txt]}}}
  full:
    image: r.example/full
    dockerfile: full.Dockerfile
    entrypoint: [/bin/full]
    build:
      docker:
        args: [--platform, linux/arm64, --cache-from, r.example/x, --secret, 'id=a,src=b', --label, a=b, --pull]
        options: {target: final, network: none, buildArgs: {VERSION: '2'}}
  child: {image: r.example/child, dockerfile: child.Dockerfile}
";
    let project = Project::new()
        .env("DOCKER_HOST", daemon.host())
        .file("devspace.yaml", yaml)
        .file("Dockerfile", "FROM scratch\nCOPY one.txt /\n")
        .file("full.Dockerfile", "FROM scratch AS final\nARG VERSION\nCOPY one.txt two.txt /\nFROM final\n")
        .file("child.Dockerfile", "FROM r.example/plain\nCOPY two.txt /\n")
        .file("one.txt", "1\n")
        .file("two.txt", "2\n");
    let output = project.run(["plan", "--json"]);
    let plan: Value = serde_json::from_str(&output.success().stdout).expect("a plan is JSON");
    let key = |image: &Value| Some(format!("{} {}", image["name"].as_str()?, image["key"].as_str()?));
    let mut keys: Vec<String> = plan["images"].as_array().into_iter().flatten().filter_map(key).collect();
    keys.sort();
    assert_eq!(keys, GOLDEN);
}

const GOLDEN: [&str; 4] = [
    "child 5f98dfd9e9faa49f8de103165b0139f8f9571c0ca6c9517ab834cfe67bc08634",
    "full 07ddde5c58f8630074bd04b4f7ab7e42b16368eafb6ce449e0bbd4ac278bd625",
    "made 067b5a47baf33310370391197892806d6eb80a56b53ec7b46c6a8bedee6be00d",
    "plain 3f2565efa95e5d8c0611254875fa7be5976b248c5895df731332c2465356bdca",
];
