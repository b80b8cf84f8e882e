//! Hooks of `windlass dev`.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Project, SyncedPod, wait_for};

/// How long to wait for a pass.
const LIMIT: Duration = Duration::from_secs(60);

const CONFIG: &str = "version: v2beta1\nname: shop\nimages:\n  web: {image: registry.test/web}\nhooks:\n\
                      - {events: ['devCommand:before:execute'], command: 'echo before >>hooks'}\n\
                      - {events: ['devCommand:after:execute'], command: 'echo after >>hooks'}\n\
                      - {events: ['devCommand:error'], command: 'echo error >>hooks'}";

#[test]
fn hooks_run_before_a_session_after_it_and_on_failures() {
    let project = Project::new()
        .file("devspace.yaml", CONFIG)
        .file("Dockerfile", "FROM scratch\nCOPY page /page\n")
        .file(".dockerignore", "hooks\n")
        .file("page", "one");
    let running = project.spawn(["dev", "--skip-push", "--builder", "oci"]);
    running.wait_for_text("watching ");
    assert_eq!(project.read("hooks"), "before\n");
    // A failed pass does not end the session.
    project.write("Dockerfile", "FROM scratch\nCOPY missing /page\n");
    let hooks =
        || std::fs::read_to_string(project.path("hooks")).ok().filter(|text| text.ends_with("error\n"));
    assert_eq!(wait_for("the hook of the failure", LIMIT, hooks), "before\nerror\n");
    running.interrupt().exits(130);
    assert_eq!(project.read("hooks"), "before\nerror\nafter\n");
}

/// A project that syncs `src` with `/srv/app` and forwards ports, with `hooks`.
fn with_connections(ports: &[u16], hooks: &str) -> Option<SyncedPod> {
    let world = SyncedPod::start("true", &json!({}))?;
    let forward: Vec<_> = ports.iter().map(|port| format!("{{port: {port}, remotePort: 80}}")).collect();
    let config = format!(
        "version: v1beta11\ndev:\n  ports: [{{name: site, labelSelector: {{app: web}}, forward: [{}]}}]\n  sync: [{{name: \
         code, labelSelector: {{app: web}}, localSubPath: src, containerPath: /srv/app}}]\n  logs: {{disabled: true}}\n\
         hooks:\n{hooks}",
        forward.join(", ")
    );
    world.project.write("devspace.yaml", config);
    world.project.write("src/a", "one");
    Some(world)
}

/// The lines of the file `hooks` that end with `name`, without it.
fn events_of(world: &SyncedPod, name: &str) -> Vec<String> {
    let lines = std::fs::read_to_string(world.project.path("hooks")).unwrap_or_default();
    lines.lines().filter_map(|line| line.strip_suffix(name).map(str::to_owned)).collect()
}

#[track_caller]
fn wait_for_events(world: &SyncedPod, name: &str, expected: &[&str]) {
    wait_for(&format!("{expected:?} of {name}"), LIMIT, || {
        (events_of(world, name) == expected).then_some(())
    });
}

#[test]
fn hooks_follow_a_sync_and_a_port_from_their_start_to_their_end() {
    let hooks = "- {events: ['start:sync:code', 'before:initialSync:*', 'after:initialSync', 'restart:sync', 'stop:sync:*', \
                 'error:sync', 'error:initialSync'], command: 'echo $DEVSPACE_HOOK_EVENT >>hooks'}\n\
                 - {events: ['start:portForwarding:site', 'restart:portForwarding:*', 'stop:portForwarding', \
                 'error:portForwarding'], command: 'echo $DEVSPACE_HOOK_EVENT >>hooks'}\n\
                 - {events: ['start:sync:other', 'start:portForwarding:other'], command: 'echo other:code:site >>hooks'}\n\
                 - {events: ['restart:sync'], command: 'echo $DEVSPACE_HOOK_ERROR >reason'}\n\
                 - {events: ['devCommand:after:execute'], command: 'echo end:code:site >>hooks'}\n";
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let Some(world) = with_connections(&[port], hooks) else { return };
    let running = world.project.spawn(["dev"]);
    let mut of_sync = vec!["start:sync", "before:initialSync", "after:initialSync"];
    let mut of_port = vec!["start:portForwarding"];
    wait_for_events(&world, ":code", &of_sync);
    wait_for_events(&world, ":site", &of_port);
    // A save is no event.
    world.project.write("src/a", "two");
    world.wait_for_file("a", "two");
    world.delete();
    world.create();
    of_sync.extend(["restart:sync", "before:initialSync", "after:initialSync"]);
    of_port.push("restart:portForwarding");
    wait_for_events(&world, ":code", &of_sync);
    wait_for_events(&world, ":site", &of_port);
    assert!(!world.project.read("reason").trim().is_empty());
    running.interrupt().exits(130);
    let lines = world.project.read("hooks");
    assert!(lines.ends_with("end:code:site\n"), "{lines}");
    of_sync.push("stop:sync");
    assert_eq!(events_of(&world, ":code"), of_sync);
    of_port.extend(["stop:portForwarding", "end:code"]);
    assert_eq!(events_of(&world, ":site"), of_port);
}

#[test]
fn a_hook_refuses_a_sync_and_scripts_replace_the_hooks() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let ports = [&taken, &other].map(|listener| listener.local_addr().expect("an address").port());
    drop(other);
    let hooks = "- {name: guard, events: ['before:initialSync'], command: 'exit 3'}\n\
                 - {events: ['error:sync', 'error:portForwarding'], command: 'echo \"$DEVSPACE_HOOK_ERROR\" \
                 >>$DEVSPACE_HOOK_EVENT'}\n";
    let Some(world) = with_connections(&ports, hooks) else { return };
    let running = world.project.spawn(["dev"]);
    running.wait_for_text("hook `guard` for `before:initialSync:code` failed: exit code 3");
    let read = |name: &str| {
        let reason =
            || std::fs::read_to_string(world.project.path(name)).ok().filter(|text| text.ends_with('\n'));
        wait_for(name, LIMIT, reason)
    };
    assert!(read("error:sync:code").contains("guard"));
    assert!(read("error:portForwarding:site").contains(&format!("{}", ports[0])));
    assert_eq!(world.read("a"), None, "nothing is synced");
    // Every setup is another attempt.
    world.project.write(
        "windlass.rhai",
        "fn on_sync_event(folder, event, reason) { print(`${event} of ${folder.name}`); }\n\
         fn on_port_event(port, event, reason) { print(`${event} of ${port.name} at ${port.port}`); }\n",
    );
    running.wait_for_text("before:initialSync of code").wait_for_text("after:initialSync of code");
    world.wait_for_file("a", "one");
    let output = running.interrupt().all();
    assert!(output.contains("stop:sync of code"), "{output}");
    assert!(output.contains(&format!("stop:portForwarding of site at {}", ports[1])), "{output}");
    assert_eq!(read("error:portForwarding:site").lines().count(), 1);
}
