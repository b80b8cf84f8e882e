//! `windlass sync`: a directory here and one in a container of a real node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::harness::{Cluster, Daemon, Project, Running, Signal, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A pod `web` with the container `app`, and a project for its namespace.
struct World {
    cluster: Cluster,
    project: Project,
    daemon: Daemon,
}

impl World {
    /// `None` without a node.
    fn start() -> Option<Self> {
        let cluster = Cluster::with_node()?;
        let daemon = Daemon::acquire()?;
        let project = Project::new().file("kubeconfig", cluster.kubeconfig("test"));
        let path = project.path("kubeconfig");
        let world = Self { cluster, project: project.env("KUBECONFIG", path), daemon };
        world.create_pod();
        Some(world)
    }

    fn create_pod(&self) {
        // It ends immediately on SIGTERM, and is then restarted with the files of its image.
        let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
        self.cluster.create::<Pod>(json!({
            "metadata": { "name": "web", "labels": { "app": "web" } },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "app", "image": self.daemon.base(), "imagePullPolicy": "Never",
                    "command": ["sh", "-c", script],
                }],
            },
        }));
        wait_for("the container", LIMIT, || (self.restarts()? == 0).then_some(()));
    }

    /// How often the container was restarted, if it runs.
    fn restarts(&self) -> Option<i32> {
        let status = self.cluster.find::<Pod>("web")?.status?.container_statuses?.pop()?;
        status.state?.running.map(|_| status.restart_count)
    }

    /// The output of a shell in the container.
    fn there(&self, script: &str) -> Option<String> {
        let output = self.project.run(["enter", "--pod", "web", "--", "sh", "-c", script]);
        (output.code() == Some(0)).then(|| output.stdout.clone())
    }

    fn wait_there(&self, script: &str, expected: &str) {
        wait_for(&format!("`{script}` to print {expected:?}"), LIMIT, || {
            (self.there(script)?.trim_end() == expected).then_some(())
        });
    }

    fn wait_here(&self, path: &str, expected: &str) {
        let path = self.project.path(path);
        wait_for(&format!("{expected:?} in {}", path.display()), LIMIT, || {
            (fs::read_to_string(&path).ok()? == expected).then_some(())
        });
    }

    /// `windlass sync` of `src` and `/srv/app`.
    fn sync(&self, more: &[&str]) -> Running {
        let options = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
        self.project.spawn(options.iter().chain(more))
    }
}

#[test]
fn changes_go_both_ways_and_survive_restarts_and_new_pods() {
    let Some(world) = World::start() else { return };
    let project = &world.project;
    world.there("mkdir -p /srv/app; echo old > /srv/app/gone").expect("a container");
    project.write("src/a", "one");
    project.write("src/d/b", "b");
    let running = world.sync(&["--initial-sync", "mirrorLocal"]);
    running.wait_for_text("in sync");
    world.wait_there("cd /srv/app; cat a d/b; ls", "oneba\nd");
    // A save, a deletion, a rename, a mode.
    project.write("src/a", "two");
    world.wait_there("cat /srv/app/a", "two");
    fs::rename(project.path("src/d"), project.path("src/e")).expect("renamed");
    fs::set_permissions(project.path("src/a"), fs::Permissions::from_mode(0o755)).expect("a mode");
    // Without `.windlass-stage`, which exists only while it runs.
    world.wait_there("cd /srv/app; stat -c %a a; find * | sort", "755\na\ne\ne/b");
    // A file of the container comes here, and a deletion there goes to the trash.
    world.there("cd /srv/app; printf there > new; rm e/b").expect("a container");
    world.wait_here("src/new", "there");
    wait_for("the deletion", LIMIT, || (!project.path("src/e/b").exists()).then_some(()));
    // After a restart the container has nothing of this.
    world.there("kill 1");
    wait_for("a restart", LIMIT, || (world.restarts()? > 0).then_some(()));
    world.wait_there("cat /srv/app/a", "two");
    assert_eq!(project.read("src/a"), "two");
    // Another pod of the same name.
    world.cluster.delete::<Pod>("web");
    wait_for("the end of the pod", LIMIT, || world.cluster.find::<Pod>("web").is_none().then_some(()));
    world.create_pod();
    world.wait_there("cat /srv/app/a", "two");
    running.interrupt();
    world.wait_there("ls -A /srv/app | grep windlass || echo clean", "clean");
}

#[test]
fn a_killed_run_leaves_nothing_half_done_and_the_next_one_sees_both_changes() {
    let Some(world) = World::start() else { return };
    let project = &world.project;
    for name in ["a", "b", "c"] {
        project.write(format!("src/{name}"), name);
    }
    let running = world.sync(&[]);
    running.wait_for_text("in sync");
    running.signal(Signal::Kill);
    running.finish_alone();
    // A conflict, and a change on each side.
    project.write("src/a", "mine");
    project.write("src/b", "b here");
    world.there("cd /srv/app; printf theirs > a; printf 'c there' > c").expect("a container");
    let output = world.sync(&["--no-watch"]).finish();
    output.success().stderr_says("conflict in a: this machine wins");
    world.wait_there("cd /srv/app; cat a b c; ls -A", "mineb herec therea\nb\nc");
    assert_eq!(project.read("src/c"), "c there");
    let kept = fs::read_dir(project.path(".windlass/conflicts")).expect("conflicts").flatten().next();
    assert_eq!(fs::read_to_string(kept.expect("one run").path().join("a")).expect("a copy"), "theirs");
    // Without a selection and paths, the entries of the section `dev` count.
    project.write(
        "devspace.yaml",
        "version: v2beta1\nname: shop\ndev:\n  a: {labelSelector: {app: web}, sync: [{path: 'src:/srv/other', uploadExcludePaths: [b]}]}\n",
    );
    project.run(["sync", "--no-watch", "--upload-only", "-e", "c,x"]).success();
    world.wait_there("ls -A /srv/other", "a");
}
