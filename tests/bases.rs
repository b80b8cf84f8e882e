//! Base images outside of the project: their digests are recorded.

use serde_json::Value;

use crate::harness::{Daemon, FaultProxy, Project, Registry, TestRepository};

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

/// The base images in a plan.
#[track_caller]
fn bases_of_plan(project: &Project) -> Value {
    json(&project.run(["plan", "--json"]).success().stdout)["images"][0]["bases"].clone()
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

    // The tag moves: an image that is skipped still names what it was built on, and nobody is asked.
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
