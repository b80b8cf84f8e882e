//! `windlass dev`: builds, deploys, connects, and watches for saved files, on a real node.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::harness::{
    Cluster, Daemon, Project, Relay, Running, Terminal, TestRepository, answer, container, wait_for,
};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(60);

/// A project with the image `web`, which serves `app/page` on port 80, and its deployment.
struct World {
    cluster: Cluster,
    project: Project,
    port: u16,
    _kept: (Daemon, TestRepository),
}

impl World {
    /// `None` without a node. `more` follows the port and the directory in the section `dev`.
    fn start(more: &str) -> Option<Self> {
        let cluster = Cluster::with_node()?;
        let daemon = Daemon::acquire()?;
        let repository = daemon.repository("registry.test", "web");
        let port = free_port();
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
            .limit(Duration::from_secs(90));
        let path = project.path("kubeconfig");
        Some(Self { project: project.env("KUBECONFIG", path), cluster, _kept: (daemon, repository), port })
    }

    fn dev_in_terminal(&self, more: &[&str]) -> Terminal {
        self.project.terminal(["dev", "--skip-push"].iter().chain(more))
    }

    fn dev(&self, more: &[&str]) -> Running {
        self.project.spawn(["dev", "--skip-push"].iter().chain(more))
    }

    /// The response at the forwarded port.
    fn answer(&self) -> Option<String> {
        answer(self.port, "")
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

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    free.local_addr().expect("an address").port()
}

fn config(repository: &TestRepository, port: u16, more: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  web: {{image: {repository}}}\ndeployments: [{{name: web, kubectl: {{manifests: \
         [kube/web.yaml]}}}}]\ndev:\n  ports: [{{imageName: web, forward: [{{port: {port}, remotePort: 80}}]}}]\n  \
         sync: [{{imageName: web, localSubPath: app, containerPath: /app}}]\n{more}"
    )
}

#[test]
fn it_builds_deploys_forwards_syncs_and_shows_logs() {
    let Some(world) = World::start("  autoReload: {images: [web]}\n") else { return };
    let running = world.dev(&[]);
    world.wait_for_answer("first page\nfirst settings\n");
    running.wait_for_text("serving").wait_for_text("in sync");
    // A synced file reaches the container without a build.
    let images = world.images();
    world.project.write("app/page", "second page\n");
    world.wait_for_answer("second page\nfirst settings\n");
    assert_eq!(world.images(), images);
    // Everything else builds and deploys, and the port and the directory follow into the new pod.
    world.project.write("settings", "second settings\n");
    world.wait_for_answer("second page\nsecond settings\n");
    assert_ne!(world.images(), images);
    world.project.write("app/page", "third page\n");
    world.wait_for_answer("third page\nsecond settings\n");
    // The uploaded files are recorded on this machine.
    wait_for("the record", LIMIT, || {
        let output = world.project.run(["why", "--sync", "app/page"]);
        output.success().stdout_has("yes, to /app/page\n");
        output.stdout.contains("which is the one here").then_some(())
    });
    let text = running.interrupt().all();
    assert!(text.contains("changed: settings -> web\n"), "{text}");
    assert!(!text.contains("changed: app/page"), "{text}");
    assert_eq!(text.matches("web | built").count(), 2, "{text}");
    // The deployment stays; the port is closed.
    assert_eq!(world.images().len(), 1);
    TcpStream::connect(("127.0.0.1", world.port)).expect_err("the port is closed");
}

#[test]
fn events_of_logs_and_ports_are_json_lines() {
    let Some(world) = World::start("") else { return };
    let running = world.dev(&["--progress", "json"]);
    world.wait_for_answer("first page\nfirst settings\n");
    running.wait_for_text(r#""line":"serving""#);
    let output = running.interrupt();
    let events: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let log = of("log").find(|event| event["line"] == "serving").expect("a line of the log");
    assert_eq!([&log["namespace"], &log["container"]], [world.cluster.namespace(), "web"]);
    assert!(log["pod"].as_str().is_some_and(|pod| pod.starts_with("web-")), "{log}");
    assert!(log["written"].as_str().is_some_and(|time| time.ends_with('Z')), "{log}");
    let kinds: Vec<_> = of("forward").filter_map(|event| event["change"]["kind"].as_str()).collect();
    assert_eq!(kinds, ["opened", "connected", "closed"]);
    let address = format!("localhost:{}", world.port);
    assert!(of("forward").all(|event| event["address"] == address), "{}", output.stdout);
}

#[test]
fn scripts_decide_and_settings_take_effect_while_it_runs() {
    let Some(world) = World::start("  autoReload: {images: [web]}\n") else { return };
    let project = &world.project;
    project.write(
        "windlass.rhai",
        "fn after_sync(folder, batch) { print(`uploaded ${batch.uploaded} of ${folder.local}`); }\n\
         fn reloads(image, change) { print(`${image.name}: ${change.reason}`); false }\n\
         fn after_dev(project) { print(\"good bye\"); }\n",
    );
    let running = world.dev(&[]);
    world.wait_for_answer("first page\nfirst settings\n");
    running.wait_for_text("in sync");
    project.write("app/page", "second page\n");
    running.wait_for_text("uploaded [\"page\"] of app");
    project.write("settings", "second settings\n");
    running.wait_for_text("web: COPY of `settings` at line 2 reads it");
    running.wait_for_text("web is stale: settings changed; b builds it");

    // An error changes nothing; the session continues with the last valid configuration.
    let before = project.read("devspace.yaml");
    project.write("devspace.yaml", before.replace("containerPath", "containrPath"));
    running
        .wait_for_text("unknown key `containrPath`")
        .wait_for_text("the last valid configuration stays in force");
    project.write("app/page", "third page\n");
    world.wait_for_answer("third page\nfirst settings\n");
    // Another port replaces the first one; the directory stays connected.
    let port = free_port();
    project.write("devspace.yaml", before.replace(&world.port.to_string(), &port.to_string()));
    wait_for("the other port", LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok());
    wait_for("the end of the first port", LIMIT, || TcpStream::connect(("127.0.0.1", world.port)).err());
    let text = running.interrupt().all();
    assert_eq!(text.matches("app -> /app: connected").count(), text.matches("in sync").count(), "{text}");
    assert!(text.contains("good bye"), "{text}");
    // The settings that changed meanwhile were built with the new configuration.
    assert!(text.contains("web | built"), "{text}");
}

#[test]
fn failures_before_the_first_deploy_end_it_and_later_ones_do_not() {
    let Some(world) = World::start("  autoReload: {images: [web]}\n") else { return };
    let project = &world.project;
    // A port in use is reported before the first build.
    let taken = TcpListener::bind(("127.0.0.1", world.port)).expect("the port is free");
    let output = world.dev(&[]).finish();
    output.exits(1).stderr_says("it is in use by").stderr_has("forward::none").lacks("web | building");
    drop(taken);
    let dockerfile = project.read("Dockerfile");
    project.write("Dockerfile", "FROM scratch\nCOPY nothing /\n");
    world.dev(&[]).finish().exits(1).stderr_says("nothing");
    // In a terminal, where the user can correct the file, it waits; then it connects.
    let mut terminal = world.dev_in_terminal(&[]);
    terminal.wait_for_text("nothing").wait_for_text("watching");
    project.write("Dockerfile", &dockerfile);
    world.wait_for_answer("first page\nfirst settings\n");
    terminal.wait_for_text("in sync");
    terminal.type_text("q");
    let (status, transcript) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{transcript}");
    // Without connections, it ends after the deploy.
    let output = world.dev(&["--exit-after-deploy", "--wait"]).finish();
    output.success().lacks("->  port").lacks("connected to");
    assert_eq!(world.images().len(), 1);

    let running = world.dev(&["--skip-pipeline", "--sync=false"]);
    world.wait_for_answer("first page\nfirst settings\n");
    project.write("Dockerfile", dockerfile.replace("settings /settings", "setings /settings"));
    running.wait_for_text("setings");
    project.write("Dockerfile", &dockerfile);
    project.write("settings", "second settings\n");
    world.wait_for_answer("first page\nsecond settings\n");
    let text = running.interrupt().all();
    assert!(!text.contains("app -> /app"), "{text}");
}

#[test]
fn keys_and_a_terminal_control_it() {
    let Some(world) = World::start("") else { return };
    let project = &world.project;
    let mut terminal = world.dev_in_terminal(&[]);
    terminal.wait_for_text("b build, p pause").wait_for_text("in sync");
    world.wait_for_answer("first page\nfirst settings\n");
    // The status remains visible.
    terminal.wait_for_text("images       web built ").wait_for_text("sync         app -> /app in sync");
    terminal.wait_for_text(&format!("ports        localhost:{} -> web-", world.port));
    assert!(terminal.transcript().contains("\x1b]0;windlass: ready\x07"), "{}", terminal.transcript());
    project.write("settings", "second settings\n");
    terminal.wait_for_text("web is stale");
    terminal.type_text("b");
    world.wait_for_answer("first page\nsecond settings\n");
    terminal.type_text("p").wait_for_text("paused       changes have no effect until you press p or b");
    terminal.type_text("p");
    terminal.type_text("d").wait_for_text("deployed 0 objects");
    terminal.type_text("q");
    let (status, transcript) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{transcript}");

    // A shell in the container, whose end is the end of the session.
    let mut terminal = world.dev_in_terminal(&["-t"]);
    terminal.wait_for_text("# ");
    // Meanwhile, events are logged and not shown.
    project.write("settings", "third settings\n");
    wait_for("a line in the log", LIMIT, || {
        let log = std::fs::read_to_string(project.path(".windlass/logs/dev.log")).ok()?;
        log.contains("web is stale: settings changed").then_some(())
    });
    terminal.type_text("cat /settings; exit $((3+4))\n");
    let (status, transcript) = terminal.finish();
    assert!(transcript.contains("second settings"), "{transcript}");
    assert_eq!(status.exit_code(), 7, "{transcript}");
}

#[test]
fn keys_repeat_the_first_pass_explain_and_end_at_once() {
    let Some(world) = World::start("") else { return };
    let script = "fn first_pass(project) { print(\"first pass\"); deploy(project); }\n\
                  fn after_dev(project) { print(\"ending\"); sh(\"sleep 1000\"); }\n";
    world.project.write("windlass.rhai", script);
    let mut terminal = world.dev_in_terminal(&[]);
    terminal.wait_for_text("r first pass again").wait_for_text("in sync");
    assert_eq!(terminal.transcript().matches("first pass\r\n").count(), 1, "{}", terminal.transcript());
    world.project.write("settings", "second settings\n");
    terminal.wait_for_text("web is stale");
    terminal.type_text("r");
    world.wait_for_answer("first page\nsecond settings\n");
    wait_for("another first pass", LIMIT, || {
        (terminal.transcript().matches("first pass\r\n").count() == 2).then_some(())
    });
    terminal.type_text("?").wait_for_text("web: built: ");
    // The second Ctrl-C does not wait for `after_dev`.
    terminal.type_text("\x03").wait_for_text("ending");
    terminal.type_text("\x03");
    let (status, transcript) = terminal.finish();
    assert_eq!(status.exit_code(), 130, "{transcript}");
    assert!(!transcript.contains("after_dev"), "it was not cancelled, but left: {transcript}");
}

#[test]
fn a_synced_file_that_a_command_of_the_dockerfile_uses_is_named_once() {
    let Some(world) = World::start("") else { return };
    let project = &world.project;
    let dockerfile = project.read("Dockerfile");
    let command = "COPY app/page /page\nRUN cp /page /made\nCOPY app /app\n";
    project.write("Dockerfile", dockerfile.replace("COPY app /app\n", command));
    let running = world.dev(&[]);
    world.wait_for_answer("first page\nfirst settings\n");
    running.wait_for_text("in sync");
    project.write("app/page", "second page\n");
    world.wait_for_answer("second page\nfirst settings\n");
    running.wait_for_text(
        "app/page is synced, but web still has the result of `RUN cp /page /made` at line 4 with the old file; b builds it",
    );
    project.write("app/page", "third page\n");
    world.wait_for_answer("third page\nfirst settings\n");
    // Other files of the directory are no inputs of the command.
    project.write("app/other", "other\n");
    running.wait_for_text("1 uploaded in").wait_for_text(": other");
    let text = running.interrupt().all();
    assert_eq!(text.matches("is synced, but").count(), 1, "{text}");
}

#[test]
fn a_terminal_is_opened_again_in_the_next_container() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    let pod = || cluster.create_pod("web", "shop", &[container(&daemon, "web", "sleep 36000")]);
    pod();
    let project = cluster.project_behind(&relay);
    project.write("devspace.yaml", dev_of_shop("    terminal: {}\n"));
    let mut terminal = project.terminal(["dev", "-x"]);
    terminal.wait_for_text("# ");
    terminal.type_text("echo in-$((1+1))\r").wait_for_text("in-2");
    // Another pod.
    cluster.delete::<Pod>("web");
    terminal.wait_for_text("waiting for a container");
    wait_for("the end of the pod", LIMIT, || cluster.find::<Pod>("web").is_none().then_some(()));
    pod();
    terminal.wait_for_text("opening a new terminal in container `web` of pod `web`");
    terminal.type_text("echo in-$((2+2))\r").wait_for_text("in-4");
    // A lost connection.
    relay.die();
    terminal.wait_for_text("lost the connection to");
    relay.recover();
    wait_for("another terminal", LIMIT, || {
        (terminal.transcript().matches("opening a new terminal").count() >= 2).then_some(())
    });
    terminal.type_text("echo in-$((3+3))\r").wait_for_text("in-6");
    assert!(!terminal.transcript().contains("docs.rs"), "{}", terminal.transcript());
    // The end of the shell is still the end of the session.
    terminal.type_text("exit 3\r");
    let (status, transcript) = terminal.finish();
    assert_eq!(status.exit_code(), 3, "{transcript}");
}

/// A project whose section `dev` has a pod with the label `app: shop`, and `more`.
fn shop(cluster: &Cluster, more: &str) -> Project {
    let project = cluster.project();
    project.write("devspace.yaml", dev_of_shop(more));
    project
}

fn dev_of_shop(more: &str) -> String {
    format!("version: v2beta1\nname: shop\ndev:\n  shop:\n    labelSelector: {{app: shop}}\n{more}")
}

#[test]
fn the_terminal_is_the_one_of_the_section() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let mut web = container(
        &daemon,
        "web",
        "while sleep 0.2; do echo tick; done & while read -r line; do echo \"got $line\"; done",
    );
    web["stdin"] = true.into();
    web["tty"] = true.into();
    cluster.create_pod("web", "shop", &[web]);
    let project =
        shop(&cluster, "    terminal: {command: 'pwd; read x; echo \"has $x\"; exit 5', workDir: /data}\n");
    let ends = |mut terminal: Terminal, keys: &str, expected: &str, code: u32| {
        terminal.type_text(keys);
        let (status, screen) = terminal.finish();
        assert!(screen.contains(expected), "no {expected}: {screen}");
        assert_eq!(status.exit_code(), code, "{screen}");
    };
    let terminal = project.terminal(["dev", "-x"]);
    terminal.wait_for_text("/data");
    ends(terminal, "it\r", "has it", 5);
    // The command line has the last word about the command, not about the directory.
    let terminal = project.terminal(["dev", "-x", "--", "sh", "-c", "pwd; read x; exit 6"]);
    terminal.wait_for_text("/data");
    ends(terminal, "\r", "/data", 6);
    project.write("devspace.yaml", dev_of_shop("    terminal: {workDir: /nowhere}\n"));
    ends(project.terminal(["dev", "-x"]), "", "cannot change to `/nowhere` in the container", 1);
    let command = "test -t 1 && echo a tty || echo pipes; read x; exit 7";
    project.write(
        "devspace.yaml",
        dev_of_shop(&format!("    terminal: {{command: '{command}', disableTTY: true}}\n")),
    );
    let terminal = project.terminal(["dev", "-x"]);
    terminal.wait_for_text("pipes");
    ends(terminal, "\r", "pipes", 7);
    // The process of the container, until Ctrl-P Ctrl-Q.
    project.write("devspace.yaml", dev_of_shop("    attach: {disableTTY: true}\n"));
    let mut terminal = project.terminal(["dev", "-x"]);
    terminal.wait_for_text("`disableTTY` of").wait_for_text("tick");
    terminal.type_text("hello\r").wait_for_text("got hello");
    ends(terminal, "\x10\x11", "got hello", 0);
}

#[test]
fn pages_are_opened_once_they_respond_and_never_with_open_false() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let script = "until test -e /data/go; do sleep 0.1; done; exec busybox httpd -f -p 80 -h /data";
    cluster.create_pod("web", "shop", &[container(&daemon, "web", script)]);
    let port = free_port();
    let url = format!("http://localhost:{port}/go");
    let project = shop(
        &cluster,
        &format!(
            "    ports: [{{port: '{port}:80'}}]\n    open: [{{url: '{url}'}}]\n    logs: {{enabled: false}}\n"
        ),
    );
    // A desktop, with a browser that records its arguments.
    let project = project
        .program_on_path("browser", "#!/bin/sh\nprintf '%s\\n' \"$1\" >> \"$OPENED\"\n")
        .env("BROWSER", "browser")
        .env("DISPLAY", ":9");
    let opened = project.path("opened");
    let project = project.env("OPENED", &opened);
    let running = project.spawn(["dev", "-x"]);
    running.wait_for_text("-> port 80 of");
    wait_for("the forwarded port", LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok());
    assert!(!opened.exists(), "nothing responds yet");
    project.run(["enter", "--pod", "web", "--", "sh", "-c", ": > /data/go"]).success();
    running.wait_for_text(&format!("opened {url}"));
    let read = || std::fs::read_to_string(&opened).ok().filter(|text| text.ends_with('\n'));
    assert_eq!(wait_for("the browser", LIMIT, read), format!("{url}\n"));
    running.interrupt();
    std::fs::remove_file(&opened).expect("it was opened");

    let mut terminal = project.terminal(["dev", "-x", "--open=false"]);
    terminal.wait_for_text("keys: b build");
    wait_for("the forwarded port", LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok());
    terminal.type_text("o").wait_for_text("no pages to open");
    terminal.type_text("q");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{screen}");
    assert!(!opened.exists(), "{screen}");
}

#[test]
fn without_a_cluster_every_image_is_built_when_it_changes() {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta9\nimages: {web: {image: registry.test/web}}\ndeployments: [{name: web, kubectl: {manifests: \
             [kube]}}]\ndev:\n  ports: [{imageName: web, forward: [{port: 1}]}]\n  sync: [{imageName: web, localSubPath: \
             app}]\n  open: [{url: 'http://localhost:1'}]\n",
        )
        .file("Dockerfile", "FROM scratch\nCOPY app /app\n")
        .file("app/page", "one");
    let options = ["--skip-push", "--builder", "oci"];
    let running = project.spawn(["dev"].iter().chain(&options));
    running
        .wait_for_text("no cluster is configured: nothing is deployed or connected")
        .wait_for_text("watching ");
    project.write("app/page", "two");
    running.wait_for_text("changed: app/page -> web");
    wait_for("the second build", LIMIT, || {
        let (stdout, stderr) = running.output_so_far();
        (format!("{stdout}{stderr}").matches("web | built").count() == 2).then_some(())
    });
    let text = running.interrupt().all();
    assert_eq!(text.matches("no cluster").count(), 1, "{text}");
    let output = project.run(["plan", "dev"].iter().chain(&options));
    output.success().stdout_has("builds web").stderr_has("no cluster is configured");
    // Options that need a cluster are errors that say so.
    let needing: [&[&str]; 5] =
        [&["-x"], &["-t"], &["-i"], &["--deployments", "web"], &["--exit-after-deploy"]];
    for words in needing {
        let output = project.run(["dev"].iter().chain(words).chain(&options));
        output.exits(1).stderr_has("cluster::none").stderr_says("no cluster is configured");
    }
}

#[test]
fn a_script_chooses_one_of_several_pods() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    for name in ["one", "two"] {
        let script = format!("busybox nc -ll -p 80 -e echo {name}");
        cluster.create_pod(name, "shop", &[container(&daemon, "web", &script)]);
    }
    let port = free_port();
    let project = cluster.project();
    project.write(
        "devspace.yaml",
        format!(
            "version: v1beta11\ndev:\n  ports: [{{labelSelector: {{app: shop}}, forward: [{{port: {port}, remotePort: \
             80}}]}}]\n  logs: {{disabled: true}}\n"
        ),
    );
    project.write(
        "windlass.rhai",
        "fn target(selection, candidates) { candidates.filter(|one| one.pod == \"one\")[0] }\n",
    );
    let running = project.spawn(["dev", "-x"]);
    let answered = |expected: &str| {
        wait_for(&format!("an answer of {expected}"), LIMIT, || {
            (answer(port, "")?.trim() == expected).then_some(())
        });
    };
    answered("one");
    // Another choice takes effect while it runs.
    project.write(
        "windlass.rhai",
        "fn target(selection, candidates) { candidates.filter(|one| one.pod == \"two\")[0] }\n",
    );
    answered("two");
    running.interrupt();
}
