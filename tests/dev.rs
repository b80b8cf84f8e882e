//! `windlass dev`: builds, deploys, connects, and follows what is saved, on a real node.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::harness::{Cluster, Daemon, Project, Running, Signal, TestRepository, wait_for};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(120);

/// A project with the image `web`, which serves `app/page` on port 80, and its deployment.
struct World {
    cluster: Cluster,
    project: Project,
    port: u16,
    _kept: (Daemon, TestRepository),
}

impl World {
    /// `None` without a node. `more` follows the port and the folder in the section `dev`.
    fn start(more: &str) -> Option<Self> {
        let cluster = Cluster::with_node()?;
        let daemon = Daemon::acquire()?;
        let repository = daemon.repository("registry.test", "web");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: \
             web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
             terminationGracePeriodSeconds: 0\n      containers: [{{name: web, image: {repository}}}]\n"
        );
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", config(&repository, port, more))
            .file("kube/web.yaml", manifest)
            .file(
                "Dockerfile",
                format!(
                    "FROM {}\nCOPY settings /settings\nCOPY app /app\nCMD sh /app/run.sh\n",
                    daemon.base()
                ),
            )
            .file("settings", "first settings\n")
            .file("app/run.sh", "echo serving\nexec busybox nc -ll -p 80 -e cat /app/page /settings\n")
            .file("app/page", "first page\n")
            .file("kubeconfig", cluster.kubeconfig("test"))
            .limit(Duration::from_secs(300));
        let path = project.path("kubeconfig");
        Some(Self { project: project.env("KUBECONFIG", path), cluster, _kept: (daemon, repository), port })
    }

    fn dev(&self, more: &[&str]) -> Running {
        self.project.spawn(["dev", "--skip-push"].iter().chain(more))
    }

    /// What the forwarded port says.
    fn answer(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        (!text.is_empty()).then_some(text)
    }

    #[track_caller]
    fn wait_for_answer(&self, expected: &str) {
        wait_for(&format!("{expected:?} from the port"), LIMIT, || {
            (self.answer()? == expected).then_some(())
        });
    }

    /// The images of the pods that are not being deleted.
    fn images(&self) -> Vec<String> {
        let pods = self.cluster.list::<Pod>().into_iter();
        let pods = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
        pods.filter_map(|pod| pod.spec?.containers.pop()?.image).collect()
    }
}

fn config(repository: &TestRepository, port: u16, more: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  web: {{image: {repository}}}\ndeployments: [{{name: web, kubectl: {{manifests: \
         [kube/web.yaml]}}}}]\ndev:\n  ports: [{{imageName: web, forward: [{{port: {port}, remotePort: 80}}]}}]\n  \
         sync: [{{imageName: web, localSubPath: app, containerPath: /app}}]\n{more}"
    )
}

#[track_caller]
fn interrupt(running: Running) -> String {
    running.signal(Signal::Interrupt);
    let output = running.finish();
    output.exits(130);
    format!("{}{}", output.stdout, output.stderr)
}

#[test]
fn it_builds_deploys_forwards_syncs_and_shows_logs() {
    let Some(world) = World::start("  autoReload: {images: [web]}\n") else { return };
    let running = world.dev(&[]);
    world.wait_for_answer("first page\nfirst settings\n");
    running.wait_for_text("serving").wait_for_text("in sync");
    // What is synced is in the container without a build.
    let images = world.images();
    world.project.write("app/page", "second page\n");
    world.wait_for_answer("second page\nfirst settings\n");
    assert_eq!(world.images(), images);
    // Everything else builds and deploys, and the port and the folder follow into the new pod.
    world.project.write("settings", "second settings\n");
    world.wait_for_answer("second page\nsecond settings\n");
    assert_ne!(world.images(), images);
    world.project.write("app/page", "third page\n");
    world.wait_for_answer("third page\nsecond settings\n");
    let text = interrupt(running);
    assert!(text.contains("changed: settings -> web\n"), "{text}");
    assert!(!text.contains("changed: app/page"), "{text}");
    assert_eq!(text.matches("web | built").count(), 2, "{text}");
    // What was deployed stays; the port is closed.
    assert_eq!(world.images().len(), 1);
    TcpStream::connect(("127.0.0.1", world.port)).expect_err("the port is closed");
}
