//! `windlass open`: a service of the cluster in the browser, on a real node.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use serde_json::json;

use crate::harness::{Cluster, Daemon, Project, answer, container, wait_for};

/// How long to wait for the cluster.
const LIMIT: Duration = Duration::from_secs(60);

/// A desktop, with a browser that appends its argument to the file `opened`.
fn with_browser(project: Project) -> Project {
    let opened = project.path("opened");
    project
        .program_on_path("browser", "#!/bin/sh\nprintf '%s\\n' \"$1\" >> \"$OPENED\"\n")
        .env("BROWSER", "browser")
        .env("DISPLAY", ":9")
        .env("OPENED", opened)
}

/// Waits until the browser has opened `expected`, one URL per line.
#[track_caller]
fn has_opened(opened: &Path, expected: &str) {
    wait_for(&format!("the browser: {expected:?}"), LIMIT, || {
        (fs::read_to_string(opened).ok()? == expected).then_some(())
    });
}

fn create_service(cluster: &Cluster, name: &str) {
    cluster.create::<Service>(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "selector": { "app": "shop" }, "ports": [{ "port": 80, "targetPort": 80 }] },
    }));
}

#[test]
fn a_service_is_forwarded_and_opened() {
    let Some(cluster) = Cluster::with_node() else { return };
    let Some(daemon) = Daemon::acquire() else { return };
    let script = "mkdir /data; echo hello >/data/index.html; exec busybox httpd -f -p 80 -h /data";
    let project = with_browser(cluster.project());
    let opened = project.path("opened");
    project.run(["open"]).exits(1).stderr_says("no service selects pods in the namespace");

    cluster.create_pod("web", "shop", &[container(&daemon, "web", script)]);
    create_service(&cluster, "shop");
    let port =
        TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("an address").port();
    let running = project.spawn(["open", "--port", &port.to_string()]);
    let url = format!("http://localhost:{port}");
    running.wait_for_text(&url);
    has_opened(&opened, &format!("{url}\n"));
    let page = answer(port, "GET / HTTP/1.0\r\n\r\n").expect("the page");
    assert!(page.contains("hello"), "{page}");
    // A URL is opened as it is, and nothing is forwarded.
    let other = format!("{url}/index.html");
    let output = project.run(["open", &other]);
    output.success();
    assert_eq!(output.stdout, format!("{other}\n"));
    has_opened(&opened, &format!("{url}\n{other}\n"));
    running.interrupt().exits(130);
    assert!(answer(port, "GET / HTTP/1.0\r\n\r\n").is_none(), "the port is closed");

    // With several services, one must be named.
    create_service(&cluster, "admin");
    project.run(["open"]).exits(1).stderr_says("several services").stderr_says("name one: `admin`, `shop`");
    project.run(["open", "shp"]).exits(1).stderr_says("no service `shp`").stderr_says("did you mean `shop`?");
    has_opened(&opened, &format!("{url}\n{other}\n"));
}
