//! Base images outside of the project: their digests are recorded, queried on request, and locked.

use serde_json::Value;

use crate::harness::{Daemon, Fault, FaultProxy, Project, Registry, TestRepository};
use crate::sharing_world::{decisions, planned};

const BUILD: [&str; 3] = ["build", "--builder", "oci"];

/// A registry with a base image that belongs to no project, and a repository for an image that is built on it.
struct World {
    registry: Registry,
    proxy: FaultProxy,
    base: TestRepository,
    app: TestRepository,
}

impl World {
    /// `None`, with a notice, if no registry is installed.
    fn start() -> Option<Self> {
        let registry = Registry::start()?;
        let proxy = FaultProxy::before(&registry);
        let (base, app) = ["base", "app"].map(|role| TestRepository::alone(&proxy.address(), role)).into();
        let world = Self { registry, proxy, base, app };
        world.move_base("one");
        Some(world)
    }

    /// As [`World::start`], with repositories whose images `daemon` may get.
    fn with_daemon(daemon: &Daemon) -> Option<Self> {
        let registry = Registry::start()?;
        let proxy = FaultProxy::before(&registry);
        let (base, app) = ["base", "app"].map(|role| daemon.repository(&proxy.address(), role)).into();
        let world = Self { registry, proxy, base, app };
        world.move_base("one");
        Some(world)
    }

    /// Lets the tag of the base image name an image with this content; returns its digest.
    fn move_base(&self, content: &str) -> String {
        let yaml = format!("version: v1beta9\nimages:\n  base: {{image: {}, tags: ['1']}}\n", self.base);
        let project = Project::new()
            .file("devspace.yaml", yaml)
            .file("Dockerfile", "FROM scratch\nCOPY base.txt /\n")
            .file("base.txt", content);
        project.run(BUILD).success();
        self.digest()
    }

    /// The digest that the tag of the base image names.
    fn digest(&self) -> String {
        self.registry.digest(&self.base, "1").expect("the base image is in the registry")
    }

    /// The reference of the base image.
    fn reference(&self) -> String {
        format!("{}:1", self.base)
    }

    /// A fresh clone of a project with the image `app`, built on the base image.
    fn machine(&self) -> Project {
        let yaml = format!("version: v1beta9\nimages:\n  app: {{image: {}, tags: ['1']}}\n", self.app);
        Project::new()
            .file("devspace.yaml", yaml)
            .file("Dockerfile", format!("FROM {}\nCOPY app.txt /\n", self.reference()))
            .file("app.txt", "app")
    }

    /// The requests for manifests of the base image.
    fn asked(&self, method: &str) -> usize {
        self.proxy.count(method, &format!("/v2/{}/manifests/", self.base.path()))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The base images of the image `app` in a `--result` file.
#[track_caller]
fn bases_of_result(project: &Project, arguments: &[&str]) -> Value {
    project.run(arguments.iter().chain(&["--result", "result.json"])).success();
    json(&project.read("result.json"))["images"][0]["bases"].clone()
}

/// The base images in a plan, without the digests that a build would use instead.
#[track_caller]
fn bases_of_plan(project: &Project) -> Value {
    let mut plan = json(&project.run(["plan", "--json"]).success().stdout);
    let mut bases = plan["images"][0]["bases"].take();
    for base in bases.as_array_mut().into_iter().flatten() {
        base.as_object_mut().expect("an object").remove("now");
    }
    bases
}

#[test]
fn digest_is_recorded_and_shown() {
    let Some(world) = World::start() else { return };
    let (project, digest) = (world.machine(), world.digest());
    let bases = bases_of_result(&project, &BUILD);
    assert_eq!(bases.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (bases[0]["reference"].as_str(), bases[0]["digest"].as_str()),
        (Some(&*world.reference()), Some(&*digest))
    );
    let why = json(&project.run(["why", "--json"]).success().stdout);
    assert_eq!(why[0]["last_build"]["bases"], bases);
    assert_eq!(bases_of_plan(&project), bases);
    let line = format!("base     {}  {} (asked just now)", world.reference(), &digest[..19]);
    project.run(["plan"]).success().stdout_has(&line);
    project.run(["why"]).success().stdout_has(line.replace("base     ", "base       "));

    // The tag moves: an image that is skipped still names its base, and no server is queried.
    let moved = world.move_base("two");
    assert_ne!(moved, digest);
    let before = world.proxy.count("", "");
    assert_eq!(bases_of_result(&project, &BUILD), bases);
    assert_eq!(bases_of_plan(&project), bases);
    assert_eq!(world.proxy.count("", ""), before);
    // Another build gets the new one.
    project.write("app.txt", "changed");
    assert_eq!(bases_of_result(&project, &BUILD)[0]["digest"], *moved);
}

#[test]
fn recording_adds_no_request() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    let before = ["GET", "HEAD"].map(|method| world.asked(method));
    project.run(BUILD).success();
    let after = ["GET", "HEAD"].map(|method| world.asked(method));
    // Its settings, then the image itself.
    assert_eq!([after[0] - before[0], after[1] - before[1]], [2, 0]);
}

#[test]
fn base_image_with_a_digest_never_changes() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    project.write("Dockerfile", format!("FROM {}@{}\nCOPY app.txt /\n", world.base, world.digest()));
    assert_eq!(bases_of_result(&project, &BUILD), Value::Array(Vec::new()));
}

#[test]
fn digest_comes_from_the_daemon_if_it_has_the_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(world) = World::with_daemon(&daemon) else { return };
    let (project, digest) = (world.machine().daemon(&daemon), world.digest());
    daemon.docker(["pull", &world.reference()]);
    let build = ["build", "--builder", "docker", "--skip-push"];
    world.move_base("two");
    // Docker builds on the image that the daemon has.
    assert_eq!(bases_of_result(&project, &build)[0]["digest"], *digest);
    assert_eq!(daemon.file(&format!("{}:1", world.app), "/base.txt"), "one");

    // An image that is only in the daemon has no digest, and is compared by its ID.
    let local = daemon.repository("", "local");
    daemon.docker(["tag", &world.reference(), &format!("{local}:1")]);
    project.write("Dockerfile", format!("FROM {local}:1\nCOPY app.txt /\n"));
    assert_eq!(bases_of_result(&project, &build), Value::Array(Vec::new()));
}

const UPDATE: [&str; 4] = ["build", "--builder", "oci", "--update-bases"];

/// Changes a file of the state directory.
#[track_caller]
fn edit_state(project: &Project, file: &str, edit: impl FnOnce(&mut Value)) {
    let path = format!(".windlass/{file}");
    let mut value = json(&project.read(&path));
    edit(&mut value);
    project.write(&path, value.to_string());
}

/// Lets all queries for base images have been sent one day earlier.
#[track_caller]
fn age_by_a_day(project: &Project) {
    edit_state(project, "bases.json", |value| {
        for base in value["digests"].as_object_mut().expect("digests").values_mut() {
            base["asked"] = (base["asked"].as_i64().expect("a time") - 86_400).into();
        }
    });
}

#[test]
fn moved_base_is_built_on_request() {
    let Some(world) = World::start() else { return };
    let (project, digest) = (world.machine(), world.digest());
    project.run(BUILD).success();
    assert_eq!(decisions(&project, &UPDATE), ["app skip: unchanged"]);
    let moved = world.move_base("two");
    assert_eq!(decisions(&project, &BUILD), ["app skip: unchanged"]);
    let expected = format!("app build: base {} moved", world.reference());
    assert_eq!(planned(&project, &["--update-bases"]), std::slice::from_ref(&expected));
    let line = format!("{}  {} (asked just now) -> {}", world.reference(), &digest[..19], &moved[..19]);
    project.run(["plan", "--builder", "oci", "--update-bases"]).success().stdout_has(line);

    let before = world.asked("HEAD");
    assert_eq!(decisions(&project, &UPDATE), [expected]);
    assert_eq!(world.asked("HEAD") - before, 1);
    let layers = |repository, tag| world.registry.manifest(repository, tag)["layers"][0].clone();
    assert_eq!(layers(&world.app, "1"), layers(&world.base, "1"));
    assert_eq!(bases_of_result(&project, &UPDATE)[0]["digest"], *moved);
    assert_eq!(decisions(&project, &UPDATE), ["app skip: unchanged"]);

    // The other reasons to build stay.
    world.move_base("three");
    project.write("app.txt", "changed");
    let expected = format!("app build: base {} moved, app.txt changed", world.reference());
    assert_eq!(decisions(&project, &UPDATE), [expected]);
}

#[test]
fn base_is_not_asked_again_within_the_age() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    project.run(BUILD).success();
    world.move_base("two");
    age_by_a_day(&project);
    let before = world.asked("HEAD");
    assert_eq!(
        decisions(&project, &["build", "--builder", "oci", "--update-bases=7d"]),
        ["app skip: unchanged"]
    );
    assert_eq!(world.asked("HEAD"), before);
    let lines = decisions(&project, &["build", "--builder", "oci", "--update-bases=12h"]);
    assert_eq!(lines, [format!("app build: base {} moved", world.reference())]);
    project
        .run(["build", "--update-bases=soon"])
        .exits(2)
        .stderr_has("expected an age such as 12h, 7d or 4w");
}

#[test]
fn unknown_digest_is_learnt_without_a_build() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    project.run(BUILD).success();
    // As an earlier version of windlass recorded it.
    edit_state(&project, "images/app.json", |value| {
        value["records"][0].as_object_mut().expect("a record").remove("outside_bases");
    });
    edit_state(&project, "bases.json", |value| {
        value.as_object_mut().expect("an object").remove("digests");
    });
    assert_eq!(bases_of_plan(&project)[0]["digest"], Value::Null);
    assert_eq!(decisions(&project, &UPDATE), ["app skip: unchanged"]);
    assert_eq!(bases_of_plan(&project)[0]["digest"], *world.digest());
    world.move_base("two");
    assert_eq!(decisions(&project, &UPDATE), [format!("app build: base {} moved", world.reference())]);
}

#[test]
fn base_is_asked_once_and_a_failure_counts_as_unmoved() {
    let Some(world) = World::start() else { return };
    let yaml = |name: &str| format!("  {name}: {{image: {}/{name}, tags: ['1']}}\n", world.app);
    let project = world.machine();
    let images: String = ["one", "two", "three"].map(yaml).concat();
    project.write("devspace.yaml", format!("version: v1beta9\nimages:\n{images}"));
    project.run(BUILD).success();
    world.move_base("two");
    let manifests = format!("/v2/{}/manifests/", world.base.path());
    world.proxy.fault(1, "HEAD", &manifests, Fault::Status(403));
    let before = world.asked("HEAD");
    let output = project.run(UPDATE);
    output.success().stderr_says(format!("{} counts as unchanged", world.reference()));
    assert_eq!(output.stderr.matches("counts as unchanged").count(), 1, "{output}");
    assert_eq!(world.asked("HEAD") - before, 1);
    let before = world.asked("HEAD");
    let moved = format!("build: base {} moved", world.reference());
    let expected = ["one", "three", "two"].map(|name| format!("{name} {moved}"));
    assert_eq!(decisions(&project, &UPDATE), expected);
    assert_eq!(world.asked("HEAD") - before, 1);
}

#[test]
fn docker_builds_on_what_was_asked_and_not_on_its_own_old_image() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(world) = World::with_daemon(&daemon) else { return };
    daemon.docker(["pull", &world.reference()]);
    for (build_kit, content) in [("1", "two"), ("0", "three")] {
        let project = world.machine().daemon(&daemon).env("DOCKER_BUILDKIT", build_kit);
        let build = ["build", "--builder", "docker", "--skip-push"];
        project.run(build).success();
        let moved = world.move_base(content);
        let update = [&build[..], &["--update-bases"]].concat();
        assert_eq!(decisions(&project, &update), [format!("app build: base {} moved", world.reference())]);
        assert_eq!(daemon.file(&format!("{}:1", world.app), "/base.txt"), content);
        assert_eq!(bases_of_result(&project, &update)[0]["digest"], *moved);
        assert_eq!(decisions(&project, &update), ["app skip: unchanged"]);
    }
}

#[test]
fn base_that_is_only_in_the_daemon_is_not_asked() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(world) = World::with_daemon(&daemon) else { return };
    let local = daemon.repository("", "local");
    let make = |content: &str| {
        let yaml = format!("version: v1beta9\nimages:\n  base: {{image: {local}, tags: ['1']}}\n");
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", yaml)
            .file("Dockerfile", "FROM scratch\nCOPY base.txt /\n")
            .file("base.txt", content);
        project.run(["build", "--builder", "docker", "--skip-push"]).success();
    };
    make("one");
    let project = world.machine().daemon(&daemon);
    project.write("Dockerfile", format!("FROM {local}:1\nCOPY app.txt /\n"));
    let update = ["build", "--builder", "docker", "--skip-push", "--update-bases"];
    project.run(["build", "--builder", "docker", "--skip-push"]).success();
    let output = project.run(update);
    output.success().lacks("cannot query");
    make("two");
    let expected = format!("app build: its base {local}:1 is now a different image in the Docker daemon");
    assert_eq!(decisions(&project, &update), [expected]);
}

#[test]
fn build_on_a_moved_base_replaces_the_shared_one() {
    let Some(world) = World::start() else { return };
    let (one, other) = (world.machine(), world.machine());
    let write = [&BUILD[..], &["--share", "write"]].concat();
    one.run(&write).success();
    world.move_base("two");
    let update = [&write[..], &["--update-bases"]].concat();
    assert_eq!(decisions(&one, &update), [format!("app build: base {} moved", world.reference())]);
    let digest = world.registry.digest(&world.app, "1");
    let read = [&BUILD[..], &["--share", "read"]].concat();
    assert_eq!(decisions(&other, &read), ["app skip: unchanged, found in the registry"]);
    assert_eq!(world.registry.digest(&world.app, "1"), digest);
    let found = json(&other.run(["why", "--json"]).success().stdout);
    assert_eq!(found[0]["last_build"]["pushed"][0]["digest"].as_str(), digest.as_deref());
}

/// Runs `update bases` and returns its output.
#[track_caller]
fn update_bases(project: &Project) -> String {
    project.run(["update", "bases"]).success().stdout.clone()
}

/// The cache key of the image `app`.
#[track_caller]
fn key(project: &Project) -> String {
    let plan = json(&project.run(["plan", "--json", "--builder", "oci"]).success().stdout);
    plan["images"][0]["key"].as_str().expect("a key").to_owned()
}

#[test]
fn lock_lets_all_machines_build_on_the_same_image() {
    let Some(world) = World::start() else { return };
    let (one, digest, reference) = (world.machine(), world.digest(), world.reference());
    let plain = key(&one);
    assert_eq!(update_bases(&one), format!("{reference}: added {}\n", &digest[..19]));
    let lock = one.read("windlass.lock");
    assert!(
        lock.contains(&format!("version: 1\nbases:\n  {reference}:\n    digest: {digest}\n    asked: ")),
        "{lock}"
    );
    assert_ne!(key(&one), plain);
    let write = [&BUILD[..], &["--share", "write", "--locked"]].concat();
    one.run(&write).success();
    let layer = world.registry.manifest(&world.base, "1")["layers"][0].clone();

    let moved = world.move_base("two");
    // A fresh machine uses the shared build, and one that does not share builds the same image.
    let read = [&BUILD[..], &["--share", "read"]].concat();
    let other = world.machine().file("windlass.lock", &lock);
    assert_eq!(decisions(&other, &read), ["app skip: unchanged, found in the registry"]);
    let alone = world.machine().file("windlass.lock", &lock);
    assert_eq!(bases_of_result(&alone, &BUILD)[0]["digest"], *digest);
    assert_eq!(world.registry.manifest(&world.app, "1")["layers"][0], layer);
    // The lock file decides, not the option.
    let before = world.asked("HEAD");
    let output = one.run(UPDATE);
    output.success().stderr_has("`windlass update bases` renews them");
    assert_eq!(world.asked("HEAD"), before);

    assert_eq!(update_bases(&one), format!("{reference}: {} -> {}\n", &digest[..19], &moved[..19]));
    assert_eq!(planned(&one, &[]), [format!("app build: base {reference} changed in windlass.lock")]);
    assert_eq!(bases_of_result(&one, &BUILD)[0]["digest"], *moved);
    assert_eq!(
        world.registry.manifest(&world.app, "1")["layers"][0],
        world.registry.manifest(&world.base, "1")["layers"][0]
    );
    assert_eq!(update_bases(&one), format!("{reference}: unchanged\n"));
    assert_eq!(decisions(&one, &BUILD), ["app skip: unchanged"]);
    // Without the lock file, keys are what they were.
    one.remove("windlass.lock");
    assert_eq!(key(&one), plain);
}

#[test]
fn missing_base_is_added_or_an_error() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    update_bases(&project);
    let first = project.read("windlass.lock");
    let second = TestRepository::alone(&world.proxy.address(), "a-second");
    let yaml = format!("version: v1beta9\nimages:\n  base: {{image: {second}, tags: ['1']}}\n");
    let other = Project::new().file("devspace.yaml", yaml).file("Dockerfile", "FROM scratch\nLABEL a=b\n");
    other.run(BUILD).success();
    let lines = format!("FROM {}\nCOPY app.txt /\nCOPY --from={second}:1 / /second\n", world.reference());
    project.write("Dockerfile", lines);

    let locked = [&BUILD[..], &["--locked"]].concat();
    let missing = format!("`windlass.lock` does not have the base image {second}:1 of `app`");
    project
        .run(&locked)
        .exits(2)
        .stderr_says(&missing)
        .stderr_says("Dockerfile:3")
        .stderr_says("update bases");
    project.run(["plan", "--locked"]).exits(2).stderr_says(&missing);
    assert_eq!(project.read("windlass.lock"), first);
    // A plan has the key of the build, but does not write.
    let key = key(&project);
    assert_eq!(project.read("windlass.lock"), first);
    project.run(BUILD).success().stderr_says(format!("adding {second}:1 to `windlass.lock`: sha256:"));
    let both = project.read("windlass.lock");
    assert!(both.find("/a-second").expect("added") < both.find("/base").expect("kept"), "sorted: {both}");
    let result = json(&project.run(["why", "--json"]).success().stdout);
    assert_eq!(result[0]["last_build"]["key"], *key);
    project.run(&locked).success();

    // A registry that does not respond is a warning, and nothing is locked.
    project.write("windlass.lock", &first);
    let manifests = format!("/v2/{}/manifests/", second.path());
    world.proxy.fault(1, "HEAD", &manifests, Fault::Status(403));
    project.run(BUILD).success().stderr_says(format!("{second}:1 is not added to `windlass.lock`"));
    assert_eq!(project.read("windlass.lock"), first);
    world.proxy.fault(1, "HEAD", &manifests, Fault::Status(403));
    project
        .run(["update", "bases"])
        .exits(1)
        .stderr_says(format!("cannot query the registry for {second}:1"));
    assert_eq!(project.read("windlass.lock"), first);
}

#[test]
fn names_select_what_is_renewed() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    project
        .run(["update", "bases", "alpine"])
        .exits(2)
        .stderr_says("no image of the project is built from `alpine`");
    assert!(!project.path("windlass.lock").exists());
    for name in [world.base.to_string(), world.reference()] {
        project.run(["update", "bases", &name]).success().stdout_has(world.reference());
    }
    project.write("Dockerfile", "FROM scratch\nCOPY app.txt /\n");
    project.run(["update", "bases"]).success().stdout_is("no base images outside of the project\n");
}

#[test]
fn check_finds_unused_entries_and_an_invalid_file() {
    let Some(world) = World::start() else { return };
    let project = world.machine();
    update_bases(&project);
    project.run(["check"]).success();
    let lock = project.read("windlass.lock");
    let unused =
        format!("  docker.io/library/unused:1:\n    digest: {}\n    asked: 2026-11-29\n", world.digest());
    project.write("windlass.lock", format!("{lock}{unused}"));
    project.run(["check"]).exits(2).stderr_says("docker.io/library/unused:1, which no image is built from");
    let found = json(&project.run(["check", "--json"]).exits(2).stdout);
    let line = lock.lines().count() + 1;
    assert_eq!(
        (found[0]["code"].as_str(), found[0]["line"].as_u64()),
        (Some("base_lock::unused"), Some(line as u64))
    );
    // What only a profile uses is used.
    let profile = "profiles:\n  - name: old\n    replace: {images: {app: {image: acme/old, dockerfile: old.Dockerfile}}}\n";
    project.write("devspace.yaml", format!("{}{profile}", project.read("devspace.yaml")));
    project.write("old.Dockerfile", "FROM unused:1\nCOPY app.txt /\n");
    project.run(["check"]).success();

    project.write("windlass.lock", "<<<<<<< HEAD\nversion: 1\n");
    project.run(["check"]).exits(2).stderr_says("cannot read");
    project.run(BUILD).exits(2).stderr_says("windlass.lock");
}

#[test]
fn scripts_know_the_digests() {
    let Some(world) = World::start() else { return };
    let script = "fn needs_build(image, plan) { print(plan.bases); plan.needs_build }\n";
    let project = world.machine().file("windlass.rhai", script);
    project.run(BUILD).success();
    let output = project.run(BUILD);
    output.success();
    assert!(output.all().contains(&format!("\"{}\": \"{}\"", world.reference(), world.digest())), "{output}");
}
