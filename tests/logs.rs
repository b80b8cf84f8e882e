//! `windlass logs`: which lines are shown, and that none is lost or repeated.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::harness::{Cluster, Daemon, Relay, container};

/// The numbers in the lines `NAME N` of `text`.
fn numbers(text: &str, name: &str) -> Vec<u32> {
    let lines =
        text.lines().filter_map(|line| line.rsplit(" | ").next()?.strip_prefix(name)?.strip_prefix(' '));
    lines.filter_map(|number| number.parse().ok()).collect()
}

/// Stops a command that follows, and returns its stdout.
#[test]
fn containers_are_selected_and_their_last_lines_shown() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let script =
        |name: &str| format!("for i in $(seq 1 9); do echo {name} $i; done; echo done {name}; sleep 1000");
    let containers = [container(&daemon, "web", &script("web")), container(&daemon, "side", &script("side"))];
    cluster.create_pod("one", "shop", &containers);
    let project = cluster.project();
    let follow = project.spawn(["logs", "-f", "-l", "app=shop"]);
    follow.wait_for_text("one/web | done web").wait_for_text("one/side | done side");
    let all = follow.interrupt().stdout;
    assert_eq!([numbers(&all, "web").len(), numbers(&all, "side").len()], [9, 9], "{all}");

    let output = project.run(["logs", "--pod", "one", "-c", "side", "--lines", "3"]);
    output.success().stdout_is("side 8\nside 9\ndone side\n");
    let output =
        project.run(["logs", "--image-selector", &daemon.base(), "-c", "web", "--lines", "1", "--json"]);
    output.success();
    let line: Value = serde_json::from_str(output.stdout.trim()).expect("a JSON object");
    assert_eq!([&line["pod"], &line["container"], &line["line"]], ["one", "web", "done web"]);
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");

    // Log lines and events of containers are JSON lines.
    let output = project.run(["logs", "--pod", "one", "--lines", "1", "--progress", "json"]);
    output.success();
    let events: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let mut logs: Vec<_> = events
        .iter()
        .map(|event| {
            assert!(event["written"].as_str().is_some_and(|time| time.ends_with('Z')), "{event}");
            ["type", "namespace", "pod", "container", "line"]
                .map(|key| event[key].as_str().expect("a string"))
        })
        .collect();
    logs.sort_unstable();
    let of = |container, line| ["log", cluster.namespace(), "one", container, line];
    assert_eq!(logs, [of("side", "done side"), of("web", "done web")]);

    // The message about a selector without a match names a similar value that exists.
    let none = [
        project.spawn(["logs", "-l", "app=shob"]),
        project.spawn(["logs", "--pod", "onr"]),
        project.spawn(["logs", "-c", "wep", "--pod", "one"]),
    ];
    let hints = ["did you mean `app=shop`?", "did you mean `one`?", "did you mean `web`?"];
    for (running, hint) in none.into_iter().zip(hints) {
        running.finish().exits(1).stderr_has("connect::no_pod").stderr_says(hint);
    }
    project.run(["logs", "--image", "api"]).exits(2).stderr_has("unknown image `api`");
}

#[test]
fn no_line_is_lost_or_repeated_when_the_connection_breaks() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let script = "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo line $i; sleep 0.05; done";
    cluster.create_pod("one", "shop", &[container(&daemon, "web", script)]);
    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    let project = cluster.project_behind(&relay);
    let running = project.spawn(["logs", "-f", "--pod", "one"]);
    for number in [5, 25, 45] {
        running.wait_for_text(&format!("line {number}\n"));
        relay.die();
        relay.recover();
    }
    running.wait_for_text("line 70\n");
    let numbers = numbers(&running.interrupt().stdout, "line");
    assert_eq!(numbers, (1..=u32::try_from(numbers.len()).expect("few")).collect::<Vec<_>>());
}

#[test]
fn restarts_and_pods_that_join_are_followed() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let script = "if [ -e /data/x ]; then echo second; sleep 1000; fi; echo first; echo >/data/x; sleep 2; echo dying; exit 3";
    cluster.create_pod("one", "shop", &[container(&daemon, "web", script)]);
    let project = cluster.project();
    let running = project.spawn(["logs", "-f", "-l", "app=shop"]);
    running.wait_for_text("second\n");
    // The crash before the start is shown with its last lines.
    let output = project.run(["logs", "-l", "app=shop"]);
    output
        .success()
        .stdout_is("one | first\none | dying\none | second\n")
        .stderr_has("one: the container exited with code 3 (Error)");

    cluster.create_pod("two", "shop", &[container(&daemon, "web", "echo third; sleep 1000")]);
    cluster.delete::<Pod>("one");
    running.wait_for_text("two | third\n");
    let (_, stderr) = running.output_so_far();
    assert!(stderr.contains("one: the container exited with code 3 (Error)"), "{stderr}");
    assert!(stderr.contains("two: the pod joined"), "{stderr}");
    assert_eq!(running.interrupt().stdout, "one | first\none | dying\none | second\ntwo | third\n");
}
