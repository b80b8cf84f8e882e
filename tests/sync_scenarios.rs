//! `windlass sync` where something goes wrong, or much happens at once, in containers of a real node.

use std::fs;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Cluster, Daemon, Project, Running, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A container in which `/srv` is the directory `there` of this machine, and a project with the directory `src`.
struct World {
    project: Project,
    there: TempDir,
    _cluster: Cluster,
    _daemon: Daemon,
}

impl World {
    /// A container that runs `script` with this security context; `None` without a node.
    fn start(script: &str, security: &Value) -> Option<Self> {
        let (cluster, daemon) = (Cluster::with_node()?, Daemon::acquire()?);
        let there = TempDir::with_prefix("windlass-").expect("a directory");
        fs::create_dir(there.path().join("app")).expect("created");
        fs::set_permissions(there.path().join("app"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .expect("a mode");
        cluster.create::<Pod>(json!({
            "metadata": { "name": "web" },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "volumes": [{ "name": "srv", "hostPath": { "path": there.path() } }],
                "containers": [{
                    "name": "app", "image": daemon.base(), "imagePullPolicy": "Never",
                    "command": ["sh", "-c", format!("{script}\nexec sleep 36000")],
                    "securityContext": security,
                    "volumeMounts": [{ "name": "srv", "mountPath": "/srv" }],
                }],
            },
        }));
        wait_for("a running pod", LIMIT, || {
            (cluster.find::<Pod>("web")?.status?.phase? == "Running").then_some(())
        });
        Some(Self { project: cluster.project().folder("src"), there, _cluster: cluster, _daemon: daemon })
    }

    /// `windlass sync`, as soon as both sides are equal.
    fn sync(&self) -> Running {
        let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
        let running = self.project.spawn(words);
        running.wait_for_text("in sync");
        running
    }

    /// The text of a file of the container.
    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.there.path().join(path)).ok()
    }

    #[track_caller]
    fn wait_for_file(&self, path: &str, expected: &str) {
        wait_for(&format!("{path} in the container"), LIMIT, || (self.read(path)? == expected).then_some(()));
    }

    /// What a shell in the container prints.
    fn there(&self, script: &str) -> String {
        self.project.run(["enter", "--pod", "web", "--", "sh", "-c", script]).success().stdout.clone()
    }
}

#[test]
fn of_many_saves_the_last_one_arrives_and_never_a_mixture() {
    let script = "while :; do n=$(sort -u /srv/app/a 2>/dev/null | wc -l); [ \"$n\" -le 1 ] || echo mixture >/srv/mixed; \
                  done & true";
    let Some(world) = World::start(script, &json!({})) else { return };
    let text = |save: usize| format!("save {save}\n").repeat(20_000);
    let path = world.project.write("src/a", text(0));
    let running = world.sync();
    for save in 1..=50 {
        // As editors save.
        let new = world.project.write("src/.a.new", text(save));
        fs::rename(new, &path).expect("renamed");
        std::thread::sleep(Duration::from_millis(20));
    }
    world.wait_for_file("app/a", &text(50));
    let output = running.interrupt().all();
    assert_eq!(world.read("mixed"), None);
    assert!(!output.contains(".a.new"), "{output}");
}

#[test]
fn a_checkout_arrives_whole() {
    let Some(world) = World::start("true", &json!({})) else { return };
    let git = |words: &[&str]| {
        let identity = ["-C", "src", "-c", "user.name=n", "-c", "user.email=e@x"];
        world.project.run_program("git", identity.iter().chain(words)).success();
    };
    git(&["init", "--quiet", "--initial-branch", "one"]);
    for index in 0..1000 {
        world.project.write(format!("src/{}/{index}", index % 20), format!("one {index}"));
    }
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["checkout", "--quiet", "-b", "two"]);
    for index in 0..1000 {
        match index % 20 {
            0 => world.project.remove(format!("src/0/{index}")),
            _ => _ = world.project.write(format!("src/{}/{index}", index % 20), format!("two {index}")),
        }
    }
    git(&["commit", "--quiet", "--all", "-m", "two"]);
    git(&["checkout", "--quiet", "one"]);
    let running = world.project.spawn([
        "sync",
        "--pod",
        "web",
        "--local-path",
        "src",
        "--container-path",
        "/srv/app",
        "--exclude",
        ".git",
    ]);
    running.wait_for_text("in sync");
    git(&["checkout", "--quiet", "two"]);
    wait_for("the checkout in the container", LIMIT, || {
        (0..1000)
            .all(|index| {
                let expected = (index % 20 != 0).then(|| format!("two {index}"));
                world.read(&format!("app/{}/{index}", index % 20)) == expected
            })
            .then_some(())
    });
    assert!(!world.there.path().join("app/0").exists());
    running.interrupt();
    assert!(!world.project.path(".windlass/trash").exists(), "nothing here was replaced");
}

#[test]
fn an_emptied_directory_deletes_nothing_on_the_other_side() {
    let Some(world) = World::start("true", &json!({})) else { return };
    for name in ["a", "b/c"] {
        world.project.write(format!("src/{name}"), name);
    }
    let running = world.sync();
    // Here.
    fs::rename(world.project.path("src"), world.project.path("away")).expect("renamed");
    running.wait_for_text("is gone: nothing is deleted in the container");
    fs::create_dir(world.project.path("src")).expect("created");
    fs::remove_dir(world.project.path("src")).expect("removed");
    fs::rename(world.project.path("away"), world.project.path("src")).expect("renamed");
    world.project.write("src/a", "new");
    world.wait_for_file("app/a", "new");
    assert_eq!(world.read("app/b/c").as_deref(), Some("b/c"));
    // In the container.
    world.there("rm -rf /srv/app/a /srv/app/b");
    running.wait_for_text("in the container is empty now: nothing is deleted here");
    assert_eq!(world.project.read("src/b/c"), "b/c");
    running.interrupt();
}

#[test]
fn a_file_that_may_not_be_written_is_told_once_with_advice() {
    let Some(world) = World::start("true", &json!({ "runAsUser": 1000 })) else { return };
    fs::create_dir(world.there.path().join("app/theirs")).expect("created");
    world.project.write("src/ours", "one");
    let running = world.sync();
    world.project.write("src/theirs/a", "a");
    running.wait_for_text("(it belongs to 0:0 with mode 755)").wait_for_text("set `fsGroup`");
    // The others go on.
    world.project.write("src/ours", "two");
    world.wait_for_file("app/ours", "two");
    fs::set_permissions(
        world.there.path().join("app/theirs"),
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )
    .expect("a mode");
    world.project.write("src/theirs/a", "b");
    world.wait_for_file("app/theirs/a", "b");
    let output = running.interrupt().all();
    assert_eq!(output.matches("set `fsGroup`").count(), 1, "{output}");
}
