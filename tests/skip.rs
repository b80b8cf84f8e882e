//! Skips: which changes rebuild an image, which do not, and which servers are queried.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::harness::{CountingSocket, Daemon, Output, Project, Registry, TestRepository};

/// Two strings with the same CRC-32 (and length).
const COLLISION: [&str; 2] = ["plumless", "buckeroo"];

fn config(repository: &TestRepository, image: &str) -> String {
    format!("version: v1beta9\nimages:\n  api:\n    image: {repository}\n{image}")
}

/// A project with one small image.
fn small(daemon: &Daemon, repository: &TestRepository, image: &str) -> Project {
    Project::new()
        .daemon(daemon)
        .file("devspace.yaml", config(repository, image))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "one")
}

/// The events of one type.
fn events(output: &Output, kind: &str) -> Vec<Value> {
    output.json_lines().into_iter().filter(|event| event["type"] == kind).collect()
}

/// Runs with `arguments` and gives `decision: reason` of each image, sorted by name.
#[track_caller]
fn decisions(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.run([&["build", "--progress", "json"], arguments].concat());
    let mut decided = events(output.success(), "image_decided");
    decided.sort_by_key(|event| event["image"].to_string());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    decided.iter().map(|event| format!("{}: {}", text(&event["decision"]), text(&event["reason"]))).collect()
}

const TABLE_CONFIG: &str = "version: v1beta9
images:
  api:
    image: acme/api
    tags: ['1']
    build:
      docker:
        options:
          target: final
          buildArgs: {A: '1'}
";

/// A project that only prints the cache key of its image.
fn key_project() -> Project {
    Project::new()
        .file("devspace.yaml", TABLE_CONFIG)
        .file(
            "windlass.rhai",
            "fn build_or_reuse(image) { print(`key ${plan(image).key}`); image.disabled() }\n",
        )
        .file("Dockerfile", "FROM scratch AS final\nARG A\nCOPY src /src\nFROM final AS other\n")
        .file("src/a", COLLISION[0])
        .file("src/b", "b")
        .symlink("src/link", "a")
        .file("notes.txt", "out of reach")
}

#[track_caller]
fn key(project: &Project, arguments: &[&str]) -> String {
    let output = project.run([&["build", "--progress", "json"], arguments].concat());
    let notices = events(output.success(), "notice");
    let messages = notices.iter().filter_map(|event| event["message"].as_str());
    let mut keys = messages.filter_map(|message| message.strip_prefix("key "));
    keys.next().unwrap_or_else(|| panic!("no key was printed\n{output}")).to_owned()
}

#[test]
fn cache_key_changes_only_with_its_inputs() {
    #[track_caller]
    fn check(what: &str, edit: impl FnOnce(&Project), arguments: &[&str], flips: bool) {
        let project = key_project();
        let before = key(&project, &[]);
        edit(&project);
        let changed = key(&project, arguments) != before;
        assert_eq!(changed, flips, "{what}");
    }
    let yaml = |from: &'static str, to: &'static str| {
        assert!(TABLE_CONFIG.contains(from), "{from}");
        move |project: &Project| drop(project.write("devspace.yaml", TABLE_CONFIG.replace(from, to)))
    };
    let image = |lines: &'static str| {
        move |project: &Project| {
            let text = TABLE_CONFIG.replace("    tags:", &format!("    {lines}\n    tags:"));
            project.write("devspace.yaml", text);
        }
    };
    let docker = |lines: &'static str| {
        move |project: &Project| {
            let text =
                TABLE_CONFIG.replace("        options:", &format!("        {lines}\n        options:"));
            project.write("devspace.yaml", text);
        }
    };

    let dockerfile = "FROM scratch AS final\nARG A\nCOPY src /srv\nFROM final AS other\n";
    check("Dockerfile", |project| drop(project.write("Dockerfile", dockerfile)), &[], true);
    check("target", yaml("target: final", "target: other"), &[], true);
    check("network", yaml("target: final", "target: final\n          network: none"), &[], true);
    check("value of a build argument", yaml("A: '1'", "A: '2'"), &[], true);
    check("predefined build argument", yaml("A: '1'", "A: '1', SOURCE_DATE_EPOCH: '1'"), &[], true);
    check("build argument for the builder", yaml("A: '1'", "A: '1', BUILDKIT_X: '1'"), &[], true);
    check("arguments of the docker command", docker("args: [--squash]"), &[], true);
    check("entrypoint", image("entrypoint: [/a]"), &[], true);
    check("cmd", image("cmd: [/a]"), &[], true);
    check("instructions", image("appendDockerfileInstructions: ['LABEL a=b']"), &[], true);
    check("context does not count", image("rebuildStrategy: ignoreContextChanges"), &[], true);
    check("content", |project| drop(project.write("src/b", "c")), &[], true);
    check("CRC-32 collision", |project| drop(project.write("src/a", COLLISION[1])), &[], true);
    check("new file", |project| drop(project.write("src/c", "")), &[], true);
    check("removed file", |project| project.remove("src/b"), &[], true);
    check("ignored file", |project| drop(project.write(".dockerignore", "src/b\n")), &[], true);
    let rename = |project: &Project| fs::rename(project.path("src/b"), project.path("src/c")).unwrap();
    check("renamed file", rename, &[], true);
    check("exec bit", |project| set_mode(project, "src/b", 0o755), &[], true);
    check("only for the owner", |project| set_mode(project, "src/b", 0o600), &[], true);
    check("setuid", |project| set_mode(project, "src/b", 0o4644), &[], true);
    check("permissions of a directory", |project| set_mode(project, "src", 0o700), &[], true);
    check("sticky directory", |project| set_mode(project, "src", 0o1755), &[], true);
    let retarget = |project: &Project| {
        project.remove("src/link");
        std::os::unix::fs::symlink("b", project.path("src/link")).unwrap();
    };
    check("symlink", retarget, &[], true);

    check("nothing", |_| {}, &[], false);
    check("repository", yaml("acme/api", "acme/web"), &[], false);
    check("tags", yaml("['1']", "['2', latest]"), &[], false);
    check("-t", |_| {}, &["-t", "3"], false);
    check("--skip-push", |_| {}, &["--skip-push"], false);
    check("-b", |_| {}, &["-b"], false);
    check("pull secret", image("createPullSecret: true"), &[], false);
    check("preferSyncOverRebuild", image("preferSyncOverRebuild: true"), &[], false);
    check("rebuildStrategy: always", image("rebuildStrategy: always"), &[], false);
    check("skipPush", docker("skipPush: true"), &[], false);
    check("useCli", docker("useCli: true"), &[], false);
    check("comment", yaml("images:", "# a comment\nimages:"), &[], false);
    check("build argument that nothing uses", yaml("A: '1'", "A: '1', B: '1'"), &[], false);
    check("undeclared proxy", yaml("A: '1'", "A: '1', HTTP_PROXY: 'http://p'"), &[], false);
    check("file out of reach", |project| drop(project.write("notes.txt", "changed")), &[], false);
    check("time", |project| touch(project, "src/b"), &[], false);
    let same = |project: &Project| {
        project.remove("src/b");
        project.write("src/b", "b");
    };
    check("rewritten with the same content", same, &[], false);
}

fn set_mode(project: &Project, path: &str, mode: u32) {
    fs::set_permissions(project.path(path), fs::Permissions::from_mode(mode)).expect("the mode can be set");
}

fn touch(project: &Project, path: &str) {
    let file = fs::File::options().write(true).open(project.path(path)).expect("the file opens");
    file.set_modified(SystemTime::now() - Duration::from_secs(1000)).expect("the time can be set");
}

#[test]
fn same_tree_in_another_directory_has_the_same_key() {
    let (here, there) = (key_project(), key_project());
    for file in ["src/a", "src/b", "Dockerfile", "devspace.yaml"] {
        touch(&there, file);
    }
    assert_eq!(key(&here, &[]), key(&there, &[]));
}

#[test]
fn pushed_image_is_skipped_without_any_connection() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = small(&daemon, &repository, "");
    let first = project.run(["build"]);
    first.success().stderr_has("api | building: never built here").stderr_has("built and pushed");
    let tags = registry.tags(&repository);
    drop(registry);
    let project = project.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let second = project.run(["build"]);
    assert_eq!(second.success().stderr.lines().next(), Some("api | skipped: unchanged"));
    // The second run may still record files that were too new for the index in the first.
    let before = snapshot(&project);
    project.run(["build", "--result", "../result.json"]).success().stderr_has("skipped: unchanged");
    assert_eq!(snapshot(&project), before, "a run with nothing to do writes nothing");
    let result: Value = serde_json::from_str(&project.read("../result.json")).expect("the result is JSON");
    assert_eq!(result["images"][0]["tags"][0], tags[0].as_str(), "the random tag stays: {result}");
}

/// Every file in `.windlass`, with its time.
fn snapshot(project: &Project) -> Vec<(std::path::PathBuf, SystemTime)> {
    let mut files = Vec::new();
    let mut folders = vec![project.path(".windlass")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a directory").flatten() {
            let metadata = entry.metadata().expect("metadata");
            files.push((entry.path(), metadata.modified().expect("a time")));
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

#[test]
fn images_only_in_the_daemon_are_queried_once() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(socket) = CountingSocket::before(&daemon) else { return };
    let (api, web) = (daemon.repository("", "api"), daemon.repository("", "web"));
    let yaml = format!(
        "version: v1beta9\nimages:\n  api: {{image: {api}, tags: [a, b]}}\n  web: {{image: {web}}}\n"
    );
    let project = small(&daemon, &api, "").file("devspace.yaml", yaml).env("DOCKER_HOST", socket.host());
    assert_eq!(decisions(&project, &["--skip-push"]), ["build: never built here"; 2]);
    socket.take_requests();
    assert_eq!(decisions(&project, &["--skip-push"]), ["skip: unchanged"; 2]);
    let requests = socket.take_requests();
    let paths: Vec<_> = requests.iter().map(|line| line.rsplit('/').next().unwrap_or_default()).collect();
    // A few are inspected: a list would cost as much as the daemon has images.
    assert_eq!(paths, ["_ping", "json", "json", "json"], "{requests:?}");
    daemon.docker(["tag", &format!("{api}:a"), &format!("{api}:kept")]);
    daemon.docker(["image", "rm", &format!("{api}:a"), &format!("{api}:b")]);
    assert_eq!(decisions(&project, &["--skip-push"])[0], "publish: unchanged, tag a no longer refers to it");
    assert_eq!(daemon.tags(&api), ["a", "b", "kept"]);
    let many = ["--skip-push", "-t", "1,2,3"];
    decisions(&project, &many);
    socket.take_requests();
    assert_eq!(decisions(&project, &many), ["skip: unchanged"; 2]);
    let requests = socket.take_requests();
    assert_eq!(requests, ["GET /_ping", "GET /images/json"]);
}

#[test]
fn image_removed_from_the_daemon_is_built_again() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    // Unique content, so that no other test's image has the same ID.
    let project = small(&daemon, &repository, "").file("a.txt", repository.name());
    project.run(["build", "--skip-push", "-t", "1"]).success();
    daemon.docker(["image", "rm", "--force", &format!("{repository}:1")]);
    let again = ["build: the image is no longer in the daemon"];
    assert_eq!(decisions(&project, &["--skip-push", "-t", "1"]), again);
    assert_eq!(daemon.tags(&repository), ["1"]);
}

#[test]
fn unpushed_image_is_pushed_without_a_build() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    // Unique content, so that no other test removes it from the daemon.
    let project = small(&daemon, &repository, "").file("a.txt", repository.name());
    project.run(["build", "--skip-push"]).success();
    assert!(registry.tags(&repository).is_empty());
    assert_eq!(decisions(&project, &[]), ["publish: unchanged, not pushed yet"]);
    assert_eq!(registry.tags(&repository), daemon.tags(&repository));
    assert_eq!(decisions(&project, &[]), ["skip: unchanged"]);
}

#[test]
fn new_tag_is_added_only_in_the_registry() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = small(&daemon, &repository, "").file("a.txt", repository.name());
    project.run(["build", "-t", "1"]).success();
    daemon.docker(["image", "rm", "--force", &format!("{repository}:1")]);
    assert_eq!(decisions(&project, &["-t", "1", "-t", "2"]), ["publish: unchanged, new tag 2"]);
    assert_eq!(registry.digest(&repository, "2"), registry.digest(&repository, "1"));
    assert_eq!(decisions(&project, &["-t", "1"]), ["skip: unchanged"]);
}

#[test]
fn reverting_to_an_earlier_state_reuses_its_build_and_restores_its_tag() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = small(&daemon, &repository, "    tags: [latest]\n");
    project.run(["build"]).success();
    let first = registry.digest(&repository, "latest");
    project.write("a.txt", "two");
    assert_eq!(decisions(&project, &[]), ["build: a.txt changed"]);
    assert_ne!(registry.digest(&repository, "latest"), first);
    project.write("a.txt", "one");
    let back = decisions(&project, &[]);
    // The containerd image store drops an image without a name sooner or later.
    if back != ["build: the image is no longer in the daemon"] {
        assert!(back[0].starts_with("publish: unchanged, "), "{back:?}");
        assert_eq!(registry.digest(&repository, "latest"), first);
    }
    assert_eq!(daemon.file(&format!("{repository}:latest"), "/a.txt"), "one");
}

#[test]
fn check_registry_notices_that_the_registry_has_another_image() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = small(&daemon, &repository, "    tags: ['1']\n");
    project.run(["build"]).success();
    let own = registry.digest(&repository, "1");
    assert_eq!(decisions(&project, &["--check-registry"]), ["skip: unchanged"]);
    let reference = format!("{repository}:1");
    daemon.docker(["tag", &daemon.base(), &reference]);
    daemon.docker(["push", &reference]);
    assert_eq!(
        decisions(&project, &[]),
        ["skip: unchanged"],
        "without --check-registry the records are trusted"
    );
    let verified = decisions(&project, &["--check-registry"]);
    // The containerd image store drops an image without a name sooner or later.
    if verified != ["build: the image is no longer in the registry or the daemon"] {
        assert!(verified[0].contains("tag 1 is a different image in the registry"), "{verified:?}");
        assert_eq!(registry.digest(&repository, "1"), own);
    }
    assert_eq!(daemon.file(&reference, "/a.txt"), "one");
}

#[test]
fn forced_images_are_always_built() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (api, web) = (daemon.repository("", "api"), daemon.repository("", "web"));
    let yaml = format!("version: v1beta9\nimages:\n  api: {{image: {api}}}\n  web: {{image: {web}}}\n");
    let project = small(&daemon, &api, "").file("devspace.yaml", yaml);
    project.run(["build", "--skip-push"]).success();
    assert_eq!(decisions(&project, &["--skip-push", "-b"]), ["build: forced"; 2]);
    assert_eq!(decisions(&project, &["--skip-push", "--force", "web"]), ["skip: unchanged", "build: forced"]);
    let unknown = project.run(["build", "--skip-push", "--force", "wep"]);
    unknown.exits(2).stderr_has("unknown image `wep`").stderr_has("did you mean `web`?");
    let other = project.run(["build", "api", "--skip-push", "--force", "web"]);
    other.exits(2).stderr_has("`web` is forced but is not an image of this run");
}

#[test]
fn rebuild_strategy_decides_when_the_context_is_an_input() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "api");
    let project = small(&daemon, &repository, "    rebuildStrategy: ignoreContextChanges\n");
    project.run(["build", "--skip-push"]).success();
    project.write("a.txt", "two");
    assert_eq!(decisions(&project, &["--skip-push"]), ["skip: unchanged"]);
    project.write("devspace.yaml", config(&repository, "    rebuildStrategy: always\n"));
    let always = ["build: `rebuildStrategy` is `always`"];
    assert_eq!(decisions(&project, &["--skip-push"]), always);
    assert_eq!(decisions(&project, &["--skip-push"]), always);
}

#[test]
fn custom_command_that_did_not_push_runs_again_for_a_push() {
    let project = Project::new().executable("make", "#!/bin/sh\necho made >>log\n").file("in.txt", "1").file(
        "devspace.yaml",
        "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    build: {custom: {command: ./make, onChange: [in.txt]}}\n",
    );
    assert_eq!(decisions(&project, &["--skip-push"]), ["build: never built here"]);
    assert_eq!(decisions(&project, &["--skip-push"]), ["skip: unchanged"]);
    assert_eq!(decisions(&project, &[]), ["build: not pushed yet"]);
    assert_eq!(decisions(&project, &[]), ["skip: unchanged"]);
    project.write("in.txt", "2");
    assert_eq!(decisions(&project, &[]), ["build: in.txt changed"]);
    assert_eq!(project.read("log").lines().count(), 3);
}

#[test]
fn skipping_needs_no_registry() {
    // A registry that was stopped before is equivalent to one that never existed.
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::start() else { return };
    let repository = daemon.repository(&registry.address(), "api");
    let project = small(&daemon, &repository, "    tags: ['1', '2']\n");
    project.run(["build"]).success();
    drop(registry);
    assert_eq!(decisions(&project, &[]), ["skip: unchanged"]);
    assert_eq!(decisions(&project, &["-t", "2"]), ["skip: unchanged"], "one of its tags is enough");
}
