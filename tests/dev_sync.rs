//! Keys of `dev.sync`, on a real node.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Running, SyncedPod, wait_for};

/// How long to wait for a pass.
const LIMIT: Duration = Duration::from_secs(60);

/// `windlass dev` of a project that syncs `src` with `/srv/app`, with the keys `more` of the entry.
fn dev(world: &SyncedPod, more: &str) -> Running {
    let config = format!(
        "version: v1beta11\ndev:\n  sync: [{{labelSelector: {{app: web}}, localSubPath: src, containerPath: /srv/app, \
         {more}}}]\n  logs: {{disabled: true}}\n"
    );
    world.project.write("devspace.yaml", config);
    world.project.spawn(["dev"])
}

#[test]
fn commands_run_after_a_download() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let running = dev(
        &world,
        "onDownload: {execLocal: {onFileChange: {command: sh, args: [-c, 'echo \"file $1\" >>log', x, '{}']}, onDirCreate: \
         {command: sh, args: [-c, 'echo \"folder $1\" >>log', x, '{}']}, onBatch: {command: echo batch >>log}}}",
    );
    running.wait_for_text("in sync");
    let log = |expected: usize| {
        wait_for("commands", LIMIT, || {
            let text = fs::read_to_string(world.project.path("log")).ok()?;
            (text.matches("batch").count() >= expected).then_some(text)
        })
    };
    // An upload runs none of them.
    world.project.write("src/mine", "mine");
    world.wait_for_file("mine", "mine");
    world.write("d/theirs", "theirs");
    world.wait_here("d/theirs", "theirs");
    let text = log(1);
    let name = |name: &str| {
        world.project.path("src").canonicalize().expect("a directory").join(name).display().to_string()
    };
    assert!(text.contains(&format!("file {}\n", name("d/theirs"))), "{text}");
    assert!(text.contains(&format!("folder {}\n", name("d"))), "{text}");
    assert!(!text.contains("mine"), "{text}");
    running.interrupt();

    // A failure is a warning, and the sync continues.
    let running = dev(&world, "onDownload: {execLocal: {onBatch: {command: 'echo why; exit 3'}}}");
    running.wait_for_text("in sync");
    world.write("d/theirs", "more");
    running.wait_for_text("`echo why; exit 3` failed with exit code 3 after a download").wait_for_text("why");
    world.write("d/theirs", "most");
    world.wait_here("d/theirs", "most");
    running.interrupt();
}

#[test]
fn without_a_first_sync_only_later_changes_are_synced() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    for (name, content) in [("both", "here"), ("here", "here")] {
        world.project.write(format!("src/{name}"), content);
    }
    for (name, content) in [("both", "there"), ("there", "there")] {
        world.write(name, content);
    }
    let running = dev(&world, "initialSync: disabled");
    running.wait_for_text("in sync");
    world.project.write("src/new", "new");
    world.wait_for_file("new", "new");
    world.write("late", "late");
    world.wait_here("late", "late");
    assert_eq!(world.read("both").as_deref(), Some("there"));
    assert_eq!(world.project.read("src/both"), "here");
    assert_eq!(world.read("here"), None);
    assert!(!world.project.path("src/there").exists());
    world.project.write("src/both", "changed");
    world.wait_for_file("both", "changed");
    running.interrupt();
}

#[test]
fn a_limit_slows_downloads_down() {
    let Some(world) = SyncedPod::start("true", &json!({})) else { return };
    let running = dev(&world, "bandwidthLimits: {download: 200}");
    running.wait_for_text("in sync");
    let started = Instant::now();
    let content = "x".repeat(2 << 20);
    world.write("large", &content);
    world.wait_here("large", &content);
    // 2 MiB at 200 KB/s are 10 seconds; a slow machine needs only longer.
    assert!(started.elapsed() > Duration::from_secs(5), "{:?}", started.elapsed());
    running.interrupt();
}

#[test]
fn missing_tools_are_named_with_the_consequence() {
    // The shell of busybox has all tools; that of this machine has only those in its path.
    let tools = TempDir::with_prefix("windlass-").expect("a directory");
    for tool in fs::read_dir("/usr/bin").expect("programs").flatten() {
        let name = tool.file_name();
        if !["find", "stat", "sh"].iter().any(|left_out| name == *left_out) {
            symlink(tool.path(), tools.path().join(&name)).expect("a link");
        }
    }
    symlink("/usr/bin/dash", tools.path().join("sh")).expect("a link");
    let more = json!({
        "env": [{ "name": "PATH", "value": "/tools" }], "command": ["/tools/sh", "-c", "exec sleep 36000"],
    });
    let Some(world) = SyncedPod::prepare("true", &more) else { return };
    let mut world = world.with_directory(tools.path(), "/tools");
    for (from, at) in [("/usr", "/usr"), ("/lib", "/lib"), ("/lib64", "/lib64")] {
        if let Ok(from) = Path::new(from).canonicalize() {
            world = world.with_directory(&from, at);
        }
    }
    world.create();
    world.write("theirs", "theirs");
    world.project.write("src/mine", "one");
    let running = world.spawn(&[]);
    running
        .wait_for_text("the container lacks")
        .wait_for_text("everything is uploaded, and nothing is downloaded");
    world.wait_for_file("mine", "one");
    world.project.write("src/mine", "two");
    world.wait_for_file("mine", "two");
    world.project.remove("src/mine");
    wait_for("the deletion", LIMIT, || world.read("mine").is_none().then_some(()));
    let text = running.interrupt().all();
    assert!(text.contains("find") && text.contains("stat"), "{text}");
    assert_eq!(text.matches("the container lacks").count(), 1, "{text}");
    assert_eq!(world.read("theirs").as_deref(), Some("theirs"));
    assert!(!world.project.path("src/theirs").exists());
}
