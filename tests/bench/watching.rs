//! Following the files of a large project.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ::windlass::watch::{WatchEvent, WatchRoot, Watcher};
use tempfile::TempDir;

use super::harness::{Project, wait_for};
use super::measure::Cost;
use super::options::Options;
use super::sync;
use super::table::Table;

/// The call in the table.
const NAME: &str = "`windlass build --watch`";
/// The limit of everything that is waited for.
const LIMIT: Duration = Duration::from_secs(120);
/// The saves.
const SAVES: usize = 100;

/// Writes 100,000 files into 10,101 directories.
pub fn write_many(folder: &Path) {
    for index in 0..10_000 {
        let below = folder.join(format!("{}/{}", index / 100, index % 100));
        fs::create_dir_all(&below).expect("a directory can be created");
        for name in 0..10 {
            fs::write(below.join(name.to_string()), format!("{index} {name}\n"))
                .expect("a file can be written");
        }
    }
}

/// Adds the rows of a watcher, and of saves in a project that is built whenever one of its files changes.
pub fn watching(options: &Options, table: &mut Table) {
    eprintln!("dev: watching 100,000 files");
    let folder = TempDir::with_prefix_in("windlass-bench-", "/var/tmp").expect("a directory can be created");
    write_many(folder.path());
    let (mut watched, mut read) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (send, events) = mpsc::channel();
        let start = Instant::now();
        let root = WatchRoot::everything(folder.path().to_owned()).without_contents();
        let watcher = Watcher::start(vec![root], move |event| drop(send.send(event))).expect("a watcher");
        watched.push(Cost { wall: start.elapsed(), ..Cost::default() });
        let ready = events.recv_timeout(LIMIT).expect("an event");
        assert!(matches!(ready, WatchEvent::Ready { files: 100_000, .. }), "{ready:?}");
        read.push(Cost { wall: start.elapsed(), ..Cost::default() });
        drop(watcher);
    }
    table.add("100,000 files: watches are in place", "`Watcher::start`", &watched, &[]);
    table.add("100,000 files: all are read", "`Watcher::start`", &read, &[]);
    saves(table);
}

fn saves(table: &mut Table) {
    let config = "version: v1beta9\nimages:\n  big:\n    image: bench.invalid/big\n    build: {custom: {command: \"true\", \
                  onChange: ['files/**']}}\n";
    let project =
        Project::new().file("devspace.yaml", config).file("Dockerfile", "").limit(Duration::from_secs(3600));
    write_many(&project.path("files"));
    let running = project.spawn(["build", "--watch", "--skip-push", "--progress", "json"]);
    let (mut seen, mut decided) = (Vec::new(), Vec::new());
    let wait_for_passes = |count: usize| {
        wait_for("the end of a pass", LIMIT, || {
            let (output, _) = running.output_so_far();
            (output.matches("\"type\":\"watching\"").count() >= count).then_some(())
        });
    };
    for save in 0..SAVES {
        wait_for_passes(save + 1);
        let name = format!("files/{save}/0/0");
        let start = Instant::now();
        fs::write(project.path(&name), format!("save {save}")).expect("a file can be written");
        running.wait_for_text(&format!("\"files\":[\"{name}\"]"));
        seen.push(Cost { wall: start.elapsed(), ..Cost::default() });
        running.wait_for_text(&format!("\"reason\":\"{name} changed\""));
        decided.push(Cost { wall: start.elapsed(), ..Cost::default() });
    }
    for (what, mut costs) in [("its images are known", seen), ("its build is decided", decided)] {
        table.add(&format!("one of 100,000 files, saved: {what}"), NAME, &costs, &[]);
        costs.sort_unstable_by_key(|cost| cost.wall);
        table.add("the same, 99th of 100 saves", NAME, &costs[98..99], &[]);
    }
    wait_for_passes(SAVES + 1);
    sync::idle(&running, "100,000 files watched", NAME, table);
    sync::stop(running);
}
