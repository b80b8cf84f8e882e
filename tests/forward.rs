//! `windlass forward`: local ports that outlive pods and connections.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::harness::{Cluster, Daemon, Project, Relay, Running, container, wait_for};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs `windlass forward` with a free local port for `port`; returns the local port, too.
fn forward(project: &Project, port: u16, selection: &[&str]) -> (Running, u16) {
    let port = format!("0:{port}");
    let running = project.spawn(["forward", &port].iter().chain(selection));
    running.wait_for_text(" -> ");
    let (stdout, _) = running.output_so_far();
    let local = stdout.split_once(" -> ").and_then(|(address, _)| address.rsplit(':').next()?.parse().ok());
    (running, local.unwrap_or_else(|| panic!("no port in {stdout}")))
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the local port is open");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream
}

/// All that the pod sends over a new connection.
fn answer(port: u16) -> String {
    let mut text = String::new();
    // A connection that is reset has no answer.
    let _ = connect(port).read_to_string(&mut text);
    text
}

#[test]
fn the_local_port_stays_open_while_pods_are_replaced() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let pod = |name: &str| {
        let script = format!("busybox nc -ll -p 80 -e sh -c 'echo {name}'");
        cluster.create_pod(name, "shop", &[container(&daemon, "web", &script)]);
    };
    pod("one");
    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    let project = cluster.project_behind(&relay);
    let (running, port) = forward(&project, 80, &["-l", "app=shop"]);
    let answered = |expected: &'static str| {
        wait_for("an answer", LIMIT, || (answer(port).trim() == expected).then_some(()));
    };
    answered("one");
    pod("two");
    answered("two");
    cluster.delete::<Pod>("two");
    answered("one");
    // The connection to the cluster breaks.
    relay.die();
    assert_eq!(answer(port), "", "no cluster");
    running.wait_for_text("trying again");
    relay.recover();
    answered("one");
    let stderr = running.interrupt().stderr;
    for text in
        ["connected to the pod `two`, which replaces `one`", "cannot reach the cluster", "trying again"]
    {
        assert!(stderr.contains(text), "no `{text}`\n{stderr}");
    }
    TcpStream::connect(("127.0.0.1", port)).expect_err("the port is closed at the end");
}

#[test]
fn events_of_ports_are_json_lines() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let pod = |name: &str| cluster.create_pod(name, "shop", &[container(&daemon, "web", "sleep 1000")]);
    pod("one");
    let project = cluster.project();
    let running = project.spawn(["forward", "0:80", "-l", "app=shop", "--progress", "json"]);
    running.wait_for_text(r#"{"kind":"connected","container":"one/web"}"#);
    cluster.delete::<Pod>("one");
    running.wait_for_text(r#"{"kind":"waiting"}"#);
    pod("two");
    running.wait_for_text(r#"{"kind":"connected","container":"two/web"}"#);
    let output = running.interrupt();
    let events: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let ports: Vec<_> = events.iter().filter(|event| event["type"] == "forward").collect();
    let kinds: Vec<_> = ports.iter().filter_map(|event| event["change"]["kind"].as_str()).collect();
    assert_eq!(kinds, ["opened", "connected", "waiting", "connected", "closed"], "{}", output.stdout);
    assert!(ports.iter().all(|event| event["to"] == "port 80 of a pod with the labels `app=shop`"));
    let address = ports[0]["address"].as_str().expect("an address");
    assert!(address.starts_with("localhost:") && !address.ends_with(":0"), "{address}");
}

#[test]
fn data_arrives_whole_in_both_directions_and_after_a_half_close() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let late = "busybox nc -ll -p 81 -e sh -c 'read x; sleep 1; seq 1 20000'";
    let containers =
        [container(&daemon, "echo", "busybox nc -ll -p 80 -e cat"), container(&daemon, "late", late)];
    cluster.create_pod("one", "shop", &containers);
    let project = cluster.project();
    let (echo, echo_port) = forward(&project, 80, &["--pod", "one"]);
    let (late, late_port) = forward(&project, 81, &["--pod", "one"]);

    wait_for("the server", LIMIT, || {
        let mut stream = connect(echo_port);
        let mut byte = [0];
        (stream.write_all(b"x").is_ok() && stream.read_exact(&mut byte).is_ok()).then_some(())
    });
    let sent: Vec<u8> =
        (0..8_u32 << 20).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut writer = connect(echo_port);
    let mut reader = writer.try_clone().expect("a clone");
    let all = sent.clone();
    let write = std::thread::spawn(move || writer.write_all(&all));
    let mut received = vec![0; sent.len()];
    reader.read_exact(&mut received).expect("all comes back");
    write.join().expect("no panic").expect("all is sent");
    assert!(received == sent, "the data differ");

    let mut stream = connect(late_port);
    stream.write_all(b"go\n").expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    assert_eq!(text.lines().count(), 20_000);
    echo.interrupt();
    late.interrupt();
}

#[test]
fn a_refusal_is_reported_once_and_a_port_in_use_with_its_process() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    cluster.create_pod("one", "shop", &[container(&daemon, "web", "sleep 1000")]);
    let project = cluster.project();
    let (running, port) = forward(&project, 9, &["-l", "app=shop"]);
    for _ in 0..3 {
        assert_eq!(answer(port), "");
    }
    running.wait_for_text("nothing listens on port 9 in the pod `one`");
    let stderr = running.interrupt().stderr;
    assert_eq!(stderr.matches("nothing listens").count(), 1, "{stderr}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = project.run(["forward", &format!("{port}:80"), "--pod", "one"]);
    output.exits(1).stderr_has("forward::port_taken").stderr_says(format!("cannot listen on port {port}"));
    output.stderr_says(format!("(process {})", std::process::id())).stderr_says("change the argument");
    // The other ports are forwarded; the message names the key in the file.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let other = free.local_addr().expect("an address").port();
    drop(free);
    let ports = format!(
        "dev:\n  shop:\n    labelSelector: {{app: shop}}\n    ports: [{{port: '{port}:80'}}, {{port: '{other}:80'}}]\n"
    );
    project.write("devspace.yaml", format!("version: v2beta1\nname: shop\n{ports}"));
    let running = project.spawn(["forward"]);
    running.wait_for_text(&format!("`port: {port}` of `dev.ports`")).wait_for_text("-> 80");
    running.interrupt();

    // Without a pod, a connection is closed after a few seconds.
    let (running, port) = forward(&project, 80, &["-l", "app=none"]);
    assert_eq!(answer(port), "");
    running.wait_for_text("closed a connection: no container runs");
    running.interrupt();
}
