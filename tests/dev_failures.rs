//! Failures and unexpected situations of `windlass dev`, on a real node.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::{Cluster, Daemon, Project, Relay, Running, Signal, TestRepository, answer, wait_for};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(60);

/// A project with the image `web`, whose program reads `/app/page` once, at its start, and serves it on port 80.
struct World {
    project: Project,
    port: u16,
    cluster: Cluster,
    _kept: (Daemon, TestRepository),
}

impl World {
    /// `None` without a node. `image` are more keys of the image, `sync` of its sync entry, `dev` more of `dev`.
    fn start(image: &str, sync: &str, dev: &str) -> Option<Self> {
        let (cluster, daemon) = (Cluster::with_node()?, Daemon::acquire()?);
        let repository = daemon.repository("registry.test", "web");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("an address").port();
        let config = format!(
            "version: v1beta9\nimages:\n  web: {{image: {repository}{image}}}\ndeployments: [{{name: web, kubectl: {{manifests: \
             [kube/web.yaml]}}}}]\ndev:\n  ports: [{{imageName: web, forward: [{{port: {port}, remotePort: 80}}]}}]\n  \
             sync:\n  - {{imageName: web, localSubPath: app, containerPath: /app{sync}}}\n{dev}"
        );
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: \
             web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
             terminationGracePeriodSeconds: 0\n      containers: [{{name: web, image: {repository}}}]\n"
        );
        let dockerfile = format!(
            "FROM {}\nCOPY settings /settings\nCOPY app /app\nCMD [\"sh\", \"/app/run.sh\"]\n",
            daemon.base()
        );
        let run = "echo start >>/starts\nexec busybox nc -ll -p 80 -e echo \"$(cat /app/page)\"\n";
        let project = Project::new()
            .daemon(&daemon)
            .file("devspace.yaml", config)
            .file("kube/web.yaml", manifest)
            .file("Dockerfile", dockerfile)
            .file("settings", "first")
            .file("app/run.sh", run)
            .file("app/page", "first page")
            .file("kubeconfig", cluster.kubeconfig("test"))
            .limit(Duration::from_secs(120));
        let path = project.path("kubeconfig");
        Some(Self { project: project.env("KUBECONFIG", path), port, cluster, _kept: (daemon, repository) })
    }

    fn dev(&self, more: &[&str]) -> Running {
        self.project.spawn(["dev", "--skip-push"].iter().chain(more))
    }

    #[track_caller]
    fn wait_for_answer(&self, expected: &str) {
        wait_for(&format!("{expected:?} from the port"), LIMIT, || {
            (answer(self.port, "")?.trim_end() == expected).then_some(())
        });
    }

    /// The output of a shell in the container.
    fn there(&self, script: &str) -> Option<String> {
        let output = self.project.run(["enter", "--image", "web", "--", "sh", "-c", script]);
        (output.code() == Some(0)).then(|| output.stdout.trim_end().to_owned())
    }
}

#[test]
fn a_program_that_does_not_read_new_files_is_named_once() {
    let missing = "  - {imageName: web, localSubPath: nowhere, containerPath: /other}\n";
    let Some(world) = World::start("", "", missing) else { return };
    let running = world.dev(&[]);
    world.wait_for_answer("first page");
    running.wait_for_text("in sync");
    for page in ["second page", "third page"] {
        world.project.write("app/page", page);
        wait_for("the file in the container", LIMIT, || {
            (world.there("cat /app/page")? == page).then_some(())
        });
    }
    running.wait_for_text(
        "but `busybox` might not read them before it is restarted: set `onUpload: {restartContainer",
    );
    let text = running.interrupt().all();
    // Arguments of programs may have secrets.
    assert!(!text.contains("busybox nc"), "{text}");
    assert_eq!(text.matches("restartContainer").count(), 1, "{text}");
    // A directory that is missing on this machine is reported once, and the rest runs.
    assert_eq!(text.matches("nowhere").count(), 1, "{text}");
}

#[test]
fn saves_that_follow_each_other_closely_share_a_restart() {
    let restart = ", onUpload: {restartContainer: true}";
    let Some(world) = World::start(", injectRestartHelper: true", restart, "") else { return };
    let running = world.dev(&[]);
    world.wait_for_answer("first page");
    running.wait_for_text("in sync");
    let starts = || world.there("wc -l </starts")?.trim().parse::<u64>().ok();
    let before = wait_for("the starts", LIMIT, starts);
    let began = Instant::now();
    for save in 1..=20 {
        world.project.write("app/page", format!("save {save}"));
        std::thread::sleep(Duration::from_millis(100));
    }
    world.wait_for_answer("save 20");
    let after = wait_for("the starts", LIMIT, starts);
    // Two seconds lie between two of them, however long all this takes.
    let seconds = began.elapsed().as_secs();
    assert!(after - before <= 1 + seconds.div_ceil(2), "{} restarts in {seconds} s", after - before);
    let text = running.interrupt().all();
    assert!(!text.contains("might not read them"), "{text}");
}

#[test]
fn a_command_after_an_upload_ends_with_the_session_whatever_ends_it() {
    let sync = ", onUpload: {exec: [{command: 'sleep 32123; echo ended >/ended'}]}";
    let Some(world) = World::start("", sync, "") else { return };
    let programs = || world.there("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    let wait_for_program = |runs: bool| {
        let what = if runs { "the command" } else { "the end of the command" };
        wait_for(what, LIMIT, || (programs()?.contains("sleep 32123") == runs).then_some(()));
    };
    for (page, signal) in [("second page", Signal::Interrupt), ("third page", Signal::Kill)] {
        let running = world.dev(&[]);
        running.wait_for_text("in sync");
        world.project.write("app/page", page);
        wait_for_program(true);
        running.signal(signal);
        running.finish_alone();
        wait_for_program(false);
    }
    assert_eq!(world.there("cat /ended").as_deref(), None, "only part of it was ended");
}

#[test]
fn files_from_the_container_do_not_build_without_end() {
    let Some(world) = World::start("", ", uploadExcludePaths: [stamp]", "  autoReload: {images: [web]}\n")
    else {
        return;
    };
    let stamps = "while cat /proc/sys/kernel/random/uuid >/app/stamp; do sleep 1; done &\n";
    let run = world.project.read("app/run.sh");
    world.project.write("app/run.sh", format!("{stamps}{run}"));
    let running = world.dev(&[]);
    let remedy = "to `downloadExcludePaths` of the";
    running.wait_for_text("app/stamp came from the container, and web is built from it");
    running.wait_for_text("paused: `app/stamp` changes in every build, because it comes from the container");
    let text = running.interrupt().all();
    assert!(text.contains(&format!("add `/stamp` {remedy} sync entry at devspace.yaml:8:")), "{text}");
    assert!(text.contains(&format!("Add `/stamp` {remedy} entry at devspace.yaml:8:")), "{text}");
    assert!(text.matches("web | built").count() <= 3, "{text}");
}

#[test]
fn a_second_session_is_refused_or_takes_over() {
    let Some(world) = World::start("", "", "") else { return };
    let first = world.dev(&[]);
    world.wait_for_answer("first page");
    let second = world.dev(&["-x"]).finish();
    second.exits(1).stderr_has("dev::in_use").stderr_says(format!("process {}", first.pid()));
    second.stderr_says("--steal");
    // A dev command that exits after the deploy is not a session.
    world.dev(&["--exit-after-deploy"]).finish().success();
    let third = world.dev(&["-x", "--steal"]);
    first.finish().exits(130);
    third.wait_for_text("in sync");
    world.wait_for_answer("first page");
    third.interrupt();
}

#[test]
fn sessions_of_two_namespaces_run_in_parallel() {
    let Some(world) = World::start("", "", "") else { return };
    let Some(other) = Cluster::acquire() else { return };
    let beside = ["-n", other.namespace(), "--portforwarding=false"];
    let there = |namespace: &[&str], script: &str| {
        let command = ["--", "sh", "-c", script];
        let output = world.project.run(["enter", "--image", "web"].iter().chain(namespace).chain(&command));
        (output.code() == Some(0)).then(|| output.stdout.trim_end().to_owned())
    };
    let first = world.dev(&[]);
    world.wait_for_answer("first page");
    first.wait_for_text("in sync");
    let second = world.dev(&beside);
    second.wait_for_text("in sync");
    // Two containers cannot both write into one directory.
    second.wait_for_text(&format!("another windlass (process {}) downloads", first.pid()));
    let third = world.dev(&beside).finish();
    third
        .exits(1)
        .stderr_has("dev::in_use")
        .stderr_says(format!("for namespace {} of test", other.namespace()));
    third.stderr_says(format!("process {}", second.pid()));

    world.project.write("app/page", "second page");
    for namespace in [&[][..], &beside[..2]] {
        wait_for("the file in the container", LIMIT, || {
            (there(namespace, "cat /app/page")? == "second page").then_some(())
        });
    }
    // Files of the first container are downloaded, and then uploaded to the second one; not the other way round.
    there(&beside[..2], "echo second >/app/of-second").expect("a shell");
    there(&[], "echo first >/app/of-first").expect("a shell");
    wait_for("the file in the other container", LIMIT, || {
        (there(&beside[..2], "cat /app/of-first")? == "first").then_some(())
    });
    assert_eq!(world.project.read("app/of-first"), "first\n");
    assert!(!world.project.path("app/of-second").exists());
    assert_eq!(there(&beside[..2], "cat /app/of-second").as_deref(), Some("second"));
    let texts = [first.interrupt().all(), second.interrupt().all()];
    for text in texts {
        assert!(!text.contains("conflict"), "{text}");
    }
    assert!(!world.project.path("app/.windlass-stage").exists());
}

#[test]
fn a_session_stays_in_its_namespace() {
    let Some(world) = World::start("", "", "  autoReload: {images: [web]}\n") else { return };
    let Some(other) = Cluster::acquire() else { return };
    let project = &world.project;
    project.write("Dockerfile", project.read("Dockerfile").replace("/app/run.sh", "/settings"));
    project.write("settings", "exec busybox nc -ll -p 80 -e echo first\n");
    let running = world.dev(&[]);
    world.wait_for_answer("first");
    // As after `kubectl config set-context --current --namespace`.
    project.write("kubeconfig", other.kubeconfig("test"));
    project.write("settings", "exec busybox nc -ll -p 80 -e echo second\n");
    world.wait_for_answer("second");
    project.write("devspace.yaml", format!("{}\n", project.read("devspace.yaml")));
    project.write("settings", "exec busybox nc -ll -p 80 -e echo third\n");
    world.wait_for_answer("third");
    running.interrupt();
    assert!(other.pods().is_empty(), "nothing is deployed to the other namespace");
}

#[test]
fn a_pod_with_an_old_build_is_named_and_a_hanging_end_is_cut_off() {
    let Some(world) = World::start("", "", "") else { return };
    world.dev(&["--exit-after-deploy"]).finish().success();
    world.project.write("settings", "second");
    world.project.run(["build", "--skip-push"]).success();
    world.project.write("windlass.rhai", "fn after_dev(project) { sh(\"sleep 1000\"); }\n");
    let running = world.dev(&["-x"]);
    running.wait_for_text("but the last build is").wait_for_text("imagePullPolicy");
    // It is used all the same.
    world.wait_for_answer("first page");
    let text = running.interrupt().all();
    assert!(text.contains("sleep 1000"), "{text}");
}

#[test]
fn a_cluster_that_does_not_respond_is_named_and_tried_again() {
    let Some(world) = World::start("", "", "") else { return };
    let server = world.cluster.server();
    let relay = Relay::start(server.trim_start_matches("https://"));
    let address = format!("127.0.0.1:{}", relay.port());
    let kubeconfig = world.project.read("kubeconfig");
    world.project.write("kubeconfig", kubeconfig.replace(&server, &format!("https://{address}")));
    relay.die();
    let output = world.project.run(["dev", "--skip-push"]);
    output.exits(1).stderr_has("cluster::unreachable").stderr_says("(context `test`)").stderr_has(&address);
    // In a terminal, the user can start it meanwhile.
    let mut terminal = world.project.terminal(["dev", "--skip-push"]);
    terminal.wait_for_text("trying again in");
    relay.recover();
    terminal.wait_for_text("in sync");
    world.wait_for_answer("first page");
    terminal.type_text("q");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{screen}");
}
