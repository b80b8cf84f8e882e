//! `windlass enter` and `windlass attach`: commands and terminals in containers of a real node.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::harness::{Cluster, Daemon, Project, Relay, Signal, leave_out_always, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// The program under test, for shells.
const WINDLASS: &str = env!("CARGO_BIN_EXE_windlass");

/// A pod `web` with the container `app`, and a project without `devspace.yaml` for its namespace.
struct World {
    cluster: Cluster,
    project: Project,
    _daemon: Daemon,
}

impl World {
    /// `None` without a node; `more` are fields of the container.
    fn start(more: &Value) -> Option<Self> {
        let cluster = Cluster::with_node()?;
        let daemon = Daemon::acquire()?;
        let mut container = json!({
            "name": "app", "image": daemon.base(), "imagePullPolicy": "Never", "command": ["sleep", "1000"],
        });
        for (key, value) in more.as_object().expect("fields") {
            container[key] = value.clone();
        }
        cluster.create::<Pod>(json!({
            "metadata": { "name": "web", "labels": { "app": "web" } },
            "spec": { "terminationGracePeriodSeconds": 0, "restartPolicy": "Never", "containers": [container] },
        }));
        let project = Project::new().file("kubeconfig", cluster.kubeconfig("test"));
        let path = project.path("kubeconfig");
        let project = project.env("KUBECONFIG", path);
        let world = Self { cluster, project, _daemon: daemon };
        wait_for("the container", LIMIT, || world.is_running().then_some(()));
        Some(world)
    }

    fn is_running(&self) -> bool {
        let status = self.cluster.find::<Pod>("web").and_then(|pod| pod.status);
        let containers = status.and_then(|status| status.container_statuses).unwrap_or_default();
        containers
            .iter()
            .any(|container| container.state.as_ref().is_some_and(|state| state.running.is_some()))
    }
}

#[test]
fn commands_get_input_and_return_output_and_exit_codes_unchanged() {
    let Some(world) = World::start(&json!({})) else { return };
    let project = &world.project;
    let output = project.run(["enter", "--pod", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    output.exits(7).stdout_is("out\n").stderr_has("err");
    // Without a flag, the only pod is meant; options after the command are its own.
    let config = "version: v2beta1\nname: shop\n";
    project.write("devspace.yaml", config);
    project.run(["enter", "sh", "-c", "exit 3"]).exits(3);
    project.write(
        "devspace.yaml",
        format!("{config}dev: {{a: {{labelSelector: {{app: web}}, terminal: {{}}}}}}\n"),
    );
    project.run(["enter", "--", "echo", "of", "dev"]).success().stdout_is("of dev\n");
    // Binary input, larger than all buffers, and its end; binary output.
    let input: Vec<u8> =
        (0..200_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    project.write("input", &input);
    let script = "\"$0\" enter -l app=web -c app -- cat < input > output";
    project.run_program("sh", ["-c", script, WINDLASS]).success();
    assert_eq!(std::fs::read(project.path("output")).expect("the output"), input);
    // A shell reads commands from its input.
    project.run_with_input(["enter", "--pod", "web"], "echo hi\nexit 5\n").exits(5).stdout_is("hi\n");
    // The command ends although its input does not.
    let script = "mkfifo pipe; sleep 1000 > pipe & \"$0\" enter --pod web -- echo done < pipe; code=$?; kill $!; exit $code";
    project.run_program("sh", ["-c", script, WINDLASS]).success().stdout_is("done\n");
    project
        .run(["enter", "--pod", "web", "--", "no-such-program"])
        .exits(127)
        .stderr_has("exec::program_not_found")
        .stderr_says("its image has no program `no-such-program`")
        .stderr_says("kubectl debug -it web");
    project.run(["enter", "--pod", "other"]).exits(1).stderr_says("no pod called `other`");
}

#[test]
fn a_terminal_in_the_container_has_the_keys_and_the_size_of_the_real_one() {
    let Some(world) = World::start(&json!({})) else { return };
    let mut terminal = world.project.terminal(["enter", "--pod", "web"]);
    terminal.type_text("echo a$((1+1))b\r").wait_for_text("a2b");
    terminal
        .resize(30, 100)
        .type_text("while :; do /bin/busybox stty size; sleep 0.1; done\r")
        .wait_for_text("30 100");
    // Ctrl-C ends the loop in the container, not windlass.
    terminal.type_text("\x03").type_text("echo c$((1+2))d\r").wait_for_text("c3d");
    terminal.type_text("exit 9\r");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 9, "{screen}");

    // The mode of the terminal is restored after each end: a shell around windlass shows it.
    for end in ["exit", "kill"] {
        let script = "sh -c 'echo $$ > pid; exec \"$0\" enter --pod web' \"$0\"; echo code $?; stty -a";
        let mut terminal = world.project.program_terminal("sh", ["-c", script, WINDLASS]);
        terminal.type_text("echo r$((2+2))y\r").wait_for_text("r4y");
        if end == "kill" {
            world.project.run_program("sh", ["-c", "kill $(cat pid)"]).success();
        } else {
            terminal.type_text("exit 0\r");
        }
        let (_, screen) = terminal.finish();
        let code = if end == "kill" { "code 130" } else { "code 0" };
        assert!(screen.contains(code) && screen.contains(" icanon"), "{end}: {screen}");
        assert!(!screen.contains("-icanon") && !screen.contains("-isig"), "{end}: {screen}");
    }
}

#[test]
fn the_cause_of_a_broken_connection_is_reported() {
    let Some(world) = World::start(&json!({})) else { return };
    let server = world.cluster.server();
    let relay = Relay::start(server.trim_start_matches("https://"));
    let through_relay =
        world.cluster.kubeconfig("test").replace(&server, &format!("https://127.0.0.1:{}", relay.port()));
    let project = Project::new().file("kubeconfig", through_relay);
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path);
    let running = project.spawn(["enter", "--pod", "web", "--", "sh", "-c", "echo begun; sleep 1000"]);
    running.wait_for_text("begun");
    relay.die();
    let output = running.finish();
    output.exits(1).stdout_is("begun\n").stderr_has("exec::lost");
    output.stderr_says("lost the connection to container `app` of pod `web`");

    // Ctrl-C without a terminal.
    let running = world.project.spawn(["enter", "--pod", "web", "--", "sh", "-c", "echo begun; sleep 1000"]);
    running.wait_for_text("begun").signal(Signal::Interrupt);
    running.finish().exits(130);

    // The container ends in the middle.
    let running = world.project.spawn(["enter", "--pod", "web", "--", "sh", "-c", "echo begun; sleep 1000"]);
    running.wait_for_text("begun");
    world.cluster.delete::<Pod>("web");
    let output = running.finish();
    assert!(matches!(output.code(), Some(1 | 137)), "{output}");
}

#[test]
fn a_missing_permission_names_verb_resource_and_namespace() {
    let Some(world) = World::start(&json!({})) else { return };
    let account = "viewer";
    world.cluster.create_account(account, &[]);
    world.cluster.allow(account, &[(&["get", "list", "watch"], &["pods"])]);
    let user = json!({ "as": format!("system:serviceaccount:{}:{account}", world.cluster.namespace()) });
    world.project.write("kubeconfig", world.cluster.kubeconfig_as("test", &user));
    // New permissions take effect after a moment.
    let output = wait_for("the rights of the account", LIMIT, || {
        let output = world.project.run(["enter", "--pod", "web", "--", "true"]);
        (!output.stderr.contains("cannot list") && !output.stderr.contains("cannot watch")).then_some(output)
    });
    if output.code() == Some(0) {
        return leave_out_always("a cluster that checks permissions");
    }
    output.exits(1).stderr_has("exec::forbidden").stderr_says("`pods/exec`");
    // A long line may be broken anywhere.
    let text: String = output.stderr.split_whitespace().collect();
    assert!(text.contains(&format!("--subresource=exec-n{}", world.cluster.namespace())), "{output}");
}

#[test]
fn attach_shows_output_types_input_and_detaches() {
    let loop_ = "while read -r line; do echo \"got $line\"; done";
    let more = json!({ "command": ["sh", "-c", loop_], "stdin": true, "tty": true });
    let Some(world) = World::start(&more) else { return };
    let mut terminal = world.project.terminal(["attach", "--pod", "web"]);
    terminal.type_text("hello\r").wait_for_text("got hello");
    terminal.type_text("\x10\x11");
    let (status, screen) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{screen}");
    assert!(world.is_running(), "the process continues");
    let mut terminal = world.project.terminal(["attach", "--pod", "web"]);
    terminal.type_text("again\r").wait_for_text("got again");
    terminal.type_text("\x04");
    terminal.finish();
    wait_for("the end of the process", LIMIT, || (!world.is_running()).then_some(()));
}
