//! What `windlass dev` leaves to the user: files that changed on both sides, and files that the container deleted. On a
//! real node.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::harness::{Cluster, Daemon, Project, Running, TestRepository, wait_for};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(60);

/// The number of files in `app/many`.
const FILES: usize = 40;

/// A project whose image has none of the synced files, so that they outlive the sessions.
struct World {
    project: Project,
    _kept: (Cluster, Daemon, TestRepository),
}

impl World {
    /// `None` without a node.
    fn start(script: &str) -> Option<Self> {
        let (cluster, daemon) = (Cluster::with_node()?, Daemon::acquire()?);
        let repository = daemon.repository("registry.test", "web");
        let config = format!(
            "version: v1beta9\nimages: {{web: {{image: {repository}}}}}\ndeployments: [{{name: web, kubectl: {{manifests: \
             [web.yaml]}}}}]\ndev: {{sync: [{{imageName: web, localSubPath: app, containerPath: /app}}]}}\n"
        );
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: \
             web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
             terminationGracePeriodSeconds: 0\n      containers: [{{name: web, image: {repository}}}]\n"
        );
        let dockerfile = format!("FROM {}\nCMD [\"sleep\", \"100000\"]\n", daemon.base());
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", config)
            .file("windlass.rhai", script)
            .file("web.yaml", manifest)
            .file("Dockerfile", dockerfile)
            .file("kubeconfig", cluster.kubeconfig("test"))
            .limit(Duration::from_secs(120));
        let path = project.path("kubeconfig");
        let project = project.env("KUBECONFIG", path);
        Some(Self { project, _kept: (cluster, daemon, repository) })
    }

    fn dev(&self) -> Running {
        self.project.spawn(["dev", "--skip-push"])
    }

    /// The output of a shell in the container.
    #[track_caller]
    fn there(&self, script: &str) -> String {
        let output = self.project.run(["enter", "--image", "web", "--", "sh", "-c", script]);
        output.success().stdout.trim_end().to_owned()
    }

    /// The number of files in `app/many` on this machine.
    fn many(&self) -> usize {
        fs::read_dir(self.project.path("app/many")).map_or(0, |entries| entries.flatten().count())
    }

    /// The content of the one file called `name` that is kept in `.windlass/FOLDER`.
    #[track_caller]
    fn kept(&self, folder: &str, name: &str) -> Option<String> {
        let runs = fs::read_dir(self.project.path(".windlass").join(folder)).expect("a directory").flatten();
        let files: Vec<PathBuf> =
            runs.map(|run| run.path().join(name)).filter(|path| path.exists()).collect();
        assert!(files.len() <= 1, "{files:?}");
        files.first().map(|path| fs::read_to_string(path).expect("a text"))
    }
}

#[test]
fn a_script_decides_which_side_wins() {
    let script = "fn on_conflict(folder, path) {\n    if path == \"theirs\" { \"there\" } else if path == \"mine\" { \"here\" } else { \"neither\" }\n}\n";
    let Some(world) = World::start(script) else { return };
    for name in ["mine", "theirs", "both"] {
        world.project.write(format!("app/{name}"), "at first");
    }
    let running = world.dev();
    running.wait_for_text("in sync");
    running.interrupt();
    for name in ["mine", "theirs", "both"] {
        world.project.write(format!("app/{name}"), "from here");
    }
    world.there("cd /app; for name in mine theirs both; do printf 'from there' >$name; done");
    let running = world.dev();
    running.wait_for_text("in sync");
    let text = running.interrupt().all();
    for outcome in ["mine: this machine wins", "theirs: the container wins", "both: both are unchanged"] {
        assert!(text.contains(&format!("conflict in {outcome}")), "{outcome}: {text}");
    }
    assert_eq!(world.there("cd /app; cat mine theirs both"), "from herefrom therefrom there");
    let here = ["mine", "theirs", "both"].map(|name| world.project.read(format!("app/{name}")));
    assert_eq!(here, ["from here", "from there", "from here"]);
    assert_eq!(world.kept("conflicts", "mine").as_deref(), Some("from there"));
    assert_eq!(world.kept("conflicts", "theirs").as_deref(), Some("from here"));
    assert_eq!(world.kept("conflicts", "both"), None);
}

#[test]
fn many_deleted_files_are_deleted_here_only_with_consent() {
    let Some(world) = World::start("") else { return };
    for number in 0..FILES {
        world.project.write(format!("app/many/{number}"), format!("file {number}"));
    }
    let running = world.dev();
    running.wait_for_text("in sync");
    // Without a terminal, the user cannot consent.
    world.there("cd /app/many; for number in $(seq 0 29); do rm $number; done");
    running.wait_for_text("the container deleted 30 files: nothing is deleted on this machine");
    running.interrupt();
    assert_eq!(world.many(), FILES);

    let mut terminal = world.project.terminal(["dev", "--skip-push"]);
    terminal.wait_for_text("the container deleted 30 files of app: delete them here too?");
    terminal.type_text("n").wait_for_text("halted");
    assert_eq!(world.many(), FILES);
    // Another deletion is another question.
    world.there("rm /app/many/30");
    terminal.wait_for_text("the container deleted 31 files of app: delete them here too?");
    terminal.type_text("y");
    wait_for("the deletion", LIMIT, || (world.many() == FILES - 31).then_some(()));
    terminal.type_text("q");
    terminal.finish();
    assert_eq!(world.kept("trash", "many/7").as_deref(), Some("file 7"));
    assert_eq!(world.there("ls /app/many | wc -l"), (FILES - 31).to_string());
}
