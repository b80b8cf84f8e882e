//! Containers that cannot be reached, and the messages about them, on a real node.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::{Value, json};

use crate::harness::{
    Cluster, Daemon, Project, Relay, SyncedPod, answer, container, leave_out_always, wait_for,
};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_container_that_does_not_run_is_explained() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let pod = |name: &str, more: &Value, container: Value| {
        let mut spec = json!({ "terminationGracePeriodSeconds": 0, "containers": [container] });
        for (key, value) in more.as_object().expect("fields") {
            spec[key] = value.clone();
        }
        cluster.create::<Pod>(json!({ "metadata": { "name": name }, "spec": spec }));
    };
    let run = |script: &str| json!({ "name": "c", "image": daemon.base(), "imagePullPolicy": "Never", "command": ["sh", "-c", script] });
    pod("crash", &json!({}), run("echo last words; exit 3"));
    pod("pull", &json!({}), json!({ "name": "c", "image": "localhost:1/none:1" }));
    pod("pending", &json!({ "nodeSelector": { "no": "node" } }), run("sleep 1000"));
    let mut greedy = run("exec busybox tail /dev/zero");
    greedy["resources"] = json!({ "limits": { "memory": "8Mi" } });
    pod("memory", &json!({}), greedy);
    let project = cluster.project();
    let start = |name: &str| (name.to_owned(), project.spawn(["enter", "--pod", name, "--", "true"]));
    let expected: [(&str, &[&str]); 4] = [
        ("crash", &["exit code 3", "last words", "override `entrypoint`"]),
        ("pull", &["image `localhost:1/none:1` cannot be pulled"]),
        ("pending", &["deploy::unschedulable"]),
        ("memory", &["ran out of memory (its limit is 8Mi)", "raise `resources.limits.memory`"]),
    ];
    let running: Vec<_> = expected.iter().map(|(name, _)| start(name)).collect();
    for ((_, running), (_, texts)) in running.into_iter().zip(expected) {
        let output = running.finish();
        output.exits(1);
        texts.iter().for_each(|text| _ = output.stderr_says(text));
    }
}

#[test]
fn everything_that_does_not_run_in_a_namespace_is_explained() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let project = Project::new().file("kubeconfig", cluster.kubeconfig("test")).limit(LIMIT * 2);
    let path = project.path("kubeconfig");
    // Without a devspace.yaml.
    let project = project.env("KUBECONFIG", path);
    let place = format!("namespace {} of test", cluster.namespace());
    project.run(["analyze"]).success().stdout_is(format!("nothing runs in {place}\n"));
    cluster.create_pod("good", "shop", &[container(&daemon, "web", "sleep 1000")]);
    project.run(["analyze"]).success().stdout_is(format!("no problems in {place}: 1 object runs\n"));

    let template = |name: &str, container: Value| {
        json!({
            "metadata": { "labels": { "app": name } },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [container],
                "volumes": [{ "name": "data", "emptyDir": {} }],
            },
        })
    };
    let crash = container(&daemon, "web", "echo last words; exit 3");
    cluster.create::<Deployment>(json!({
        "metadata": { "name": "crash" },
        "spec": { "selector": { "matchLabels": { "app": "crash" } }, "template": template("crash", crash) },
    }));
    let mut job = template("pull", json!({ "name": "c", "image": "localhost:1/none:1" }));
    job["spec"]["restartPolicy"] = "Never".into();
    cluster.create::<Job>(json!({ "metadata": { "name": "pull" }, "spec": { "template": job } }));
    // All of them, not only the first one.
    let output = project.run(["analyze", "--patient", "--timeout", "15"]);
    output.exits(1).stdout_has(format!("{place}: 2 problems, 2 of 3 objects not ready\n"));
    output.stdout_has("! Deployment/crash: crash 0/1 ready").stdout_has("! Job/pull: ").lacks("Pod/good");
    output.stdout_has("failed with exit code 3").stdout_has("      last words\n");
    output.stdout_has("`localhost:1/none:1`").stderr_has("waiting: ");
    assert_eq!(output.stdout.matches("    help: ").count(), 2, "{output}");
    let output = project.run(["analyze", "--wait=false", "--json"]);
    let view: Value = serde_json::from_str(&output.exits(1).stdout).expect("JSON");
    assert_eq!((&view["namespace"], &view["healthy"]), (&json!(cluster.namespace()), &json!(false)));
    assert_eq!(view["problems"].as_array().map(Vec::len), Some(2), "{view}");
}

#[test]
fn an_image_without_a_shell_is_named_with_a_hint() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "bare");
    let project = cluster.project().daemon(&daemon).folder("src");
    project.write(
        "devspace.yaml",
        format!("version: v1beta9\nimages:\n  bare: {{image: {repository}, tags: ['1']}}\n"),
    );
    project.write(
        "Dockerfile",
        format!("FROM {} AS base\nFROM scratch\nCOPY --from=base /bin/busybox /busybox\n", daemon.base()),
    );
    project.run(["build", "--skip-push"]).success();
    cluster.create::<Pod>(json!({
        "metadata": { "name": "web" },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "app", "image": format!("{repository}:1"), "imagePullPolicy": "Never",
                "command": ["/busybox", "sleep", "1000"],
            }],
        },
    }));
    let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
    let output = project.run(words);
    output.exits(1).stderr_has("sync::missing_tool").stderr_says("no `sh`").stderr_says("debug");
}

#[test]
fn a_pod_that_the_cluster_stops_is_reported_and_the_next_one_is_used() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let pod = |name: &str| {
        let script = format!("busybox nc -ll -p 80 -e echo {name}");
        cluster.create_pod(name, "shop", &[container(&daemon, "web", &script)]);
    };
    pod("one");
    let project = cluster.project();
    let running = project.spawn(["forward", "0:80", "-l", "app=shop"]);
    running.wait_for_text(" -> ");
    let (stdout, _) = running.output_so_far();
    let port =
        stdout.split_once(" -> ").and_then(|(address, _)| address.rsplit(':').next()?.parse::<u16>().ok());
    let port = port.unwrap_or_else(|| panic!("no port in {stdout}"));
    let answered = |expected: &str| {
        wait_for(&format!("an answer of {expected}"), LIMIT, || {
            (answer(port, "")?.trim() == expected).then_some(())
        });
    };
    answered("one");
    // The node stops the pod in the same way as when its volumes or the disk are full.
    cluster.patch::<Pod>("one", &json!({ "spec": { "activeDeadlineSeconds": 1 } }));
    running
        .wait_for_text("the cluster stopped the pod `one` (DeadlineExceeded: ")
        .wait_for_text("only its volumes keep");
    pod("two");
    answered("two");
    running.interrupt();
}

#[test]
fn after_a_token_has_expired_the_plugin_is_called_again() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let cluster = &world.cluster;
    cluster.create_account("ann", &[]);
    let secret = || {
        cluster.list::<Secret>().into_iter().find(|secret| {
            let notes = secret.metadata.annotations.as_ref();
            let account = notes.and_then(|notes| notes.get("kubernetes.io/service-account.name"));
            account.is_some_and(|account| account == "ann") && secret.data.is_some()
        })
    };
    let token = |secret: &Secret| {
        let token = secret.data.as_ref().and_then(|data| data.get("token"))?;
        Some(String::from_utf8_lossy(&token.0).into_owned())
    };
    let first = wait_for("a token", LIMIT, || secret().filter(|secret| token(secret).is_some()));
    let all: &[&str] = &["get", "list", "watch", "create"];
    cluster.allow("ann", &[(all, &["pods", "pods/exec", "pods/log", "events"])]);

    let relay = Relay::start(cluster.server().trim_start_matches("https://"));
    let project = cluster.project_behind(&relay).file("token", token(&first).unwrap_or_default()).executable(
        "plugin",
        "#!/bin/sh\ncd \"${0%/*}\"\necho call >>calls\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1beta1\", \
         \"kind\": \"ExecCredential\", \"status\": {\"token\": \"'\"$(cat token)\"'\"}}'\n",
    );
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1beta1", "command": project.path("plugin"), "args": [],
    });
    let user =
        json!({ "exec": exec, "token": null, "client-certificate-data": null, "client-key-data": null });
    let kubeconfig = cluster.kubeconfig_as("test", &user);
    let server = cluster.server();
    let relayed = kubeconfig.replace(&server, &format!("https://127.0.0.1:{}", relay.port()));
    project.write("kubeconfig", relayed);
    project.write("src/a", "one");
    let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
    let enter = |project: &Project| project.run(["enter", "--pod", "web", "--", "true"]);
    wait_for("the rights of the account", LIMIT, || (enter(&project).code() == Some(0)).then_some(()));
    let running = project.spawn(words);
    running.wait_for_text("in sync");
    world.wait_for_file("a", "one");

    // After a moment, the cluster rejects a token whose secret was deleted.
    cluster.delete::<Secret>(first.metadata.name.as_deref().unwrap_or_default());
    let refused = wait_for("an end of the token", LIMIT, || {
        let output = enter(&project);
        (output.code() != Some(0)).then_some(output)
    });
    refused.stderr_says("rejected the credentials");
    let second = wait_for("another token", LIMIT, || {
        let found = secret().as_ref().and_then(token)?;
        (Some(&found) != token(&first).as_ref()).then_some(found)
    });
    project.write("token", second);
    let calls = project.read("calls").lines().count();
    relay.die();
    project.write("src/a", "two");
    running.wait_for_text("trying again");
    relay.recover();
    world.wait_for_file("a", "two");
    assert_eq!(project.read("calls").lines().count(), calls + 1, "one login is enough");
    running.interrupt();
}

#[test]
fn a_connection_that_only_seems_to_be_open_is_replaced() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let relay = Relay::start(world.cluster.server().trim_start_matches("https://"));
    let project = world.cluster.project_behind(&relay).limit(Duration::from_secs(240));
    project.write("src/a", "one");
    let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
    let running = project.spawn(words);
    running.wait_for_text("in sync");
    relay.freeze();
    project.write("src/a", "two");
    running.wait_for_text("disconnected, trying again");
    relay.recover();
    world.wait_for_file("a", "two");
    running.interrupt();
}

#[test]
fn a_cut_connection_is_told_in_plain_words() {
    let Some(world) = SyncedPod::start(
        "while sleep 0.1; do echo tick; done & busybox nc -ll -p 80 -e cat & true",
        &json!({}),
    ) else {
        return;
    };
    let relay = Relay::start(world.cluster.server().trim_start_matches("https://"));
    let project = world.cluster.project_behind(&relay);
    project.write("src/a", "one");
    let sync = project.spawn(["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"]);
    sync.wait_for_text("in sync");
    let logs = project.spawn(["logs", "--pod", "web", "-f"]);
    logs.wait_for_text("tick");
    let enter = project.spawn(["enter", "--pod", "web", "--", "sh", "-c", "echo begun; sleep 1000"]);
    enter.wait_for_text("begun");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let forward = project.spawn(["forward", &format!("{port}:80"), "--pod", "web"]);
    let mut connection =
        wait_for("a connection", LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    connection.write_all(b"hello").expect("written");
    let mut echo = [0; 5];
    connection.read_exact(&mut echo).expect("an echo");
    relay.die();
    let output = enter.finish();
    output.exits(1).stderr_says("the connection was closed by the other side");
    sync.wait_for_text("trying again");
    forward.wait_for_text("lost a connection to the pod `web`: the connection was closed by the other side");
    wait_for("the reason of the logs", LIMIT, || {
        let (stdout, stderr) = logs.output_so_far();
        format!("{stdout}{stderr}").contains("trying again").then_some(())
    });
    let texts = [output.all(), sync.interrupt().all(), forward.interrupt().all(), logs.interrupt().all()];
    for text in texts {
        for word in ["docs.rs", "close_notify", "os error", "hyper", "IO error", "WebSocket"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn missing_permissions_for_ports_logs_and_pods_are_named() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let cluster = &world.cluster;
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        free.local_addr().expect("an address").port()
    };
    let forward = format!("{port}:80");
    let as_account = |name: &str, rights: &[(&[&str], &[&str])]| {
        cluster.create_account(name, &[]);
        cluster.allow(name, rights);
        let user = json!({ "as": format!("system:serviceaccount:{}:{name}", cluster.namespace()) });
        let project = cluster.project();
        project.write("kubeconfig", cluster.kubeconfig_as("test", &user));
        project
    };
    let viewer = as_account("viewer", &[(&["get", "list", "watch"], &["pods"])]);
    // New permissions take effect after a moment.
    let output = wait_for("the rights of the account", LIMIT, || {
        let output = viewer.run(["logs", "--pod", "web"]);
        (!output.stderr.contains("cannot list") && !output.stderr.contains("cannot watch")).then_some(output)
    });
    if output.code() == Some(0) {
        return leave_out_always("a cluster that checks permissions");
    }
    let namespace = cluster.namespace();
    let has = |text: &str, resource: &str, verb: &str| {
        // Lines are wrapped, and continue after a bar.
        let text: String = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '|').collect();
        assert!(text.contains(&format!("cannot{verb}resource\"{resource}\"")), "{text}");
        assert!(text.contains(&format!("inthenamespace\"{namespace}\"")), "{text}");
        assert!(text.contains("kubectlauthcan-i"), "{text}");
    };
    output.exits(1);
    has(&output.stderr, "pods/log", "get");
    let running = viewer.spawn(["forward", &forward, "--pod", "web"]);
    wait_for("a connection", LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    running.wait_for_text("pods/portforward");
    has(&running.interrupt().all(), "pods/portforward", "get");
    // Without a watch of pods, nothing is found.
    let stranger = as_account("stranger", &[(&["get"], &["pods"])]);
    let output = stranger.run(["logs", "-l", "app=web"]);
    output.exits(1);
    has(&output.stderr, "pods", "list");
}

#[test]
fn the_chosen_one_of_several_pods_is_named_with_the_others() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    for name in ["one", "two"] {
        cluster.create_pod(name, "shop", &[container(&daemon, "web", "sleep 1000")]);
    }
    wait_for("both pods", LIMIT, || {
        let pods = cluster.list::<Pod>();
        let running = pods.iter().filter(|pod| {
            pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"))
        });
        (running.count() == 2).then_some(())
    });
    let output = cluster.project().run(["enter", "-l", "app=shop", "--", "true"]);
    output.success().stderr_says("several pods with the labels `app=shop` run: using `");
    let names = ["`one`", "`two`"];
    assert!(names.iter().all(|name| output.stderr.contains(name)), "{output}");
}
