//! `docker.args`: every builder honors the arguments that change the inputs of an image, and rejects those that it does
//! not support, with their line.

use serde_json::Value;

use crate::docker_transports::with_docker_cli;
use crate::harness::{Daemon, ImageTree, Project, TestRepository};

/// The ways to build: the options of `build.docker` in addition to `args`, and the builder.
const WAYS: [(&str, &str); 5] = [
    ("", "docker"),
    ("useBuildKit: false, ", "docker"),
    ("useCli: true, useBuildKit: false, ", "docker"),
    ("useCli: true, useBuildKit: true, ", "docker"),
    ("", "oci"),
];

/// The configuration of one image.
fn config(image: &str, docker: &str) -> String {
    format!(
        "version: v1beta11\nimages:\n  app:\n    image: {image}\n    tags: [v1]\n    build:\n      docker: {{{docker}}}\n"
    )
}

/// A project with files.
fn project(image: &str, docker: &str, dockerfile: &str) -> Project {
    with_docker_cli(Project::new())
        .file("devspace.yaml", config(image, docker))
        .file("Dockerfile", dockerfile)
        .file("one.txt", "1\n")
        .file("two.txt", "2\n")
        .file("lib/three.txt", "3\n")
}

/// The paths of the files in the image, and its configuration.
fn built(project: &Project, daemon: &Daemon, image: &TestRepository, builder: &str) -> (Vec<String>, Value) {
    let reference = format!("{image}:v1");
    let found = match builder {
        "oci" => ImageTree::of_store(project, &reference),
        _ => ImageTree::of_daemon(daemon, &reference),
    };
    let is_file = |(_, what): &(&String, &String)| what.starts_with("file");
    let files = found.tree.iter().filter(is_file).map(|(path, _)| path.clone()).collect();
    (files, daemon.inspect(&reference)["Config"].clone())
}

#[test]
fn a_target_in_the_arguments_determines_sent_files_and_inputs() {
    let Some(daemon) = Daemon::acquire() else { return };
    let dockerfile = "FROM scratch AS dev\nCOPY . /src/\nFROM scratch\nCOPY one.txt /\n";
    for (docker, builder) in WAYS {
        let image = daemon.repository("", "args-target");
        let project =
            project(image.name(), &format!("{docker}args: [--target, dev]"), dockerfile).daemon(&daemon);
        let build = ["build", "--skip-push", "--builder", builder];
        project.run(build).success();
        let (files, _) = built(&project, &daemon, &image, builder);
        for file in ["src/one.txt", "src/two.txt", "src/lib/three.txt"] {
            assert!(files.iter().any(|known| known == file), "{docker}{builder}: no {file} in {files:?}");
        }
        project.run(build).success().stderr_has("skipped: unchanged");
        project.write("two.txt", "22\n");
        project.run(build).success().stderr_has("building: two.txt changed");
        assert_eq!(daemon.file(&format!("{image}:v1"), "/src/two.txt"), "22\n", "{docker}{builder}");
    }
}

#[test]
fn inputs_in_the_arguments_reach_every_builder() {
    let Some(daemon) = Daemon::acquire() else { return };
    let arguments = "args: [--build-arg=FILE=two.txt, --build-arg, MORE, --build-arg, NOWHERE, -f, other.Dockerfile, \
                     --label, team=core, --label=empty]";
    let dockerfile = "FROM scratch\nARG FILE=one.txt\nARG MORE=none\nARG NOWHERE=default\nENV SAID=$MORE.$NOWHERE\n\
                      COPY $FILE /\n";
    for (docker, builder) in WAYS {
        let image = daemon.repository("", "args-inputs");
        let project =
            project(image.name(), &format!("{docker}{arguments}"), "FROM nowhere\n").daemon(&daemon);
        let project = project.file("other.Dockerfile", dockerfile).env("MORE", "env");
        project.run(["build", "--skip-push", "--builder", builder]).success();
        let (files, config) = built(&project, &daemon, &image, builder);
        assert_eq!(files, ["two.txt"], "{docker}{builder}");
        assert_eq!(config["Labels"], serde_json::json!({ "team": "core", "empty": "" }), "{docker}{builder}");
        let said = config["Env"].as_array().into_iter().flatten().any(|pair| pair == "SAID=env.default");
        assert!(said, "{docker}{builder}: {config}");
    }
}

#[test]
fn unsupported_arguments_are_rejected_with_their_line() {
    #[track_caller]
    fn check(docker: &str, builder: &str, expected: &str) {
        let project = project("r.example/app", docker, "FROM scratch\nCOPY one.txt /\n");
        let output = project.run(["plan", "--skip-push", "--builder", builder]);
        output
            .exits(1)
            .stderr_has("stage::build::argument")
            .stderr_has("(devspace.yaml:7:")
            .stderr_says(expected);
    }
    check("args: [--squash]", "oci", "cannot build `app` with `--squash` of its `args`");
    check("args: [--squash]", "oci", "the builder `oci` has no equivalent");
    check("args: [--iidfile, id]", "oci", "`--iidfile`");
    check("args: [--build-context, a=b]", "oci", "`--build-context`");
    check("args: [--secret, 'id=a,src=one.txt'], useBuildKit: false", "docker", "it requires BuildKit");
    check("args: [--output, out]", "docker", "it puts the image where windlass cannot tag and push it");
    check("args: [--check]", "docker", "with it, docker does not build an image");
    check("args: [--no-cache, .]", "docker", "it is not a flag: set the build context with `context`");
    check("args: ['--target dev']", "docker", "it is in one item with its value");
    check("args: [--target]", "docker", "it requires a value");
    check("args: [--file, '-']", "docker", "it reads from standard input");
}

/// The cache key of an image, which its pipeline prints.
#[track_caller]
fn key(project: &Project) -> String {
    let output = project.run(["build", "--progress", "json"]);
    let lines = output.success().json_lines();
    let messages = lines.iter().filter_map(|event| event["message"].as_str());
    let mut keys = messages.filter_map(|message| message.strip_prefix("key "));
    keys.next().unwrap_or_else(|| panic!("no key was printed\n{output}")).to_owned()
}

/// A project that only prints the cache key of its image, which has these `args`.
fn key_project(args: &str) -> Project {
    let script = "fn build_or_reuse(image) { print(`key ${plan(image).key}`); image.disabled() }\n";
    project("r.example/app", &format!("args: [{args}]"), "FROM scratch\nCOPY one.txt /\n")
        .file("windlass.rhai", script)
}

#[test]
fn the_id_of_a_source_is_an_input() {
    let project = key_project("");
    let mut keys = Vec::new();
    let mut key_of = |args: &str| {
        project.write("devspace.yaml", config("r.example/app", &format!("args: [{args}]")));
        let key = key(&project);
        let is_new = !keys.contains(&key);
        keys.push(key);
        is_new
    };
    assert!(key_of(""));
    for same in [
        "--no-cache",
        "--progress, plain",
        "--cache-from, r.example/x",
        "--iidfile, id",
        "--push",
        "--load, -q",
        "--pull",
    ] {
        assert!(!key_of(same), "{same}");
    }
    assert!(key_of("--secret, 'id=a,src=one.txt'"));
    assert!(!key_of("--secret, 'src=two.txt,id=a'") && !key_of("--secret, 'id=a,env=HOME'"));
    assert!(key_of("--secret, 'id=b,src=one.txt'"));
    assert!(key_of("--ssh, default") && !key_of("--ssh, 'default=/a.sock'"));
    for another in
        ["--add-host, 'a:1'", "--shm-size=1g", "--never-heard-of", "--label, a=b", "--platform, linux/arm64"]
    {
        assert!(key_of(another), "{another}");
    }
    assert!(!key_of("--platform=Linux/aarch64"));
    assert!(!key_of("--target, ''"));
}

#[test]
fn files_of_a_named_context_are_inputs() {
    let project = key_project("--build-context, more=lib");
    let first = key(&project);
    assert_eq!(key(&project), first);
    project.write("lib/three.txt", "33\n");
    let second = key(&project);
    assert_ne!(second, first);
    project.write("moved/three.txt", "33\n");
    project.write("devspace.yaml", config("r.example/app", "args: ['--build-context=more=moved']"));
    assert_eq!(key(&project), second);
    // No other file that the Dockerfile does not read changes the key.
    project.write("two.txt", "22\n");
    assert_eq!(key(&project), second);
}

#[test]
fn an_unknown_argument_makes_every_file_an_input() {
    for args in ["--never-heard-of, x", "--build-context, 'stage=docker-image://r.example/x'"] {
        let project = key_project(args).file("Dockerfile", "FROM scratch AS stage\nCOPY one.txt /\n");
        let before = key(&project);
        project.write("two.txt", "22\n");
        assert_ne!(key(&project), before, "{args}");
    }
}
