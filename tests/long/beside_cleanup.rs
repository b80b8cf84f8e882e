//! Parallel runs that share an image store while other runs remove images from it.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::settings::number;
use crate::harness::{Daemon, Project, Registry, TestRepository};

/// A project whose two images are built from each other and from an image of the registry, and pushed.
struct Neighbor {
    project: Project,
    images: [TestRepository; 2],
}

impl Neighbor {
    fn new(daemon: &Daemon, registry: &Registry, base: &str, cache: &TempDir) -> Self {
        let images = ["one", "two"].map(|name| daemon.repository(&registry.address(), name));
        let config = format!(
            "version: v1beta9\nimages:\n  one:\n    image: {}\n    dockerfile: one.Dockerfile\n  two:\n    image: {}\n    \
             dockerfile: two.Dockerfile\n",
            images[0], images[1]
        );
        let project = Project::new()
            .limit(Duration::from_secs(600))
            .env("XDG_CACHE_HOME", cache.path())
            .file("devspace.yaml", config)
            .file("one.Dockerfile", format!("FROM {base}\nCOPY text /one/\nCOPY many /many/\n"))
            .file("two.Dockerfile", format!("FROM {}\nCOPY text /two/\n", images[0]));
        let project = (0..30).fold(project, |project, number| project.file(format!("many/{number}"), "same"));
        Self { project, images }
    }

    /// Builds and pushes another state as `tag`; returns the failure.
    fn run(&self, registry: &Registry, number: usize, tag: &str) -> Option<String> {
        self.project.write("text", format!("{number} {tag} {}", fastrand::u64(..)));
        let output = self.project.run(["build", "--builder", "oci", "-t", tag]);
        let is_there = self.images.iter().all(|image| registry.digest(image, tag).is_some());
        (output.code() != Some(0) || !is_there).then(|| output.to_string())
    }
}

/// Builds `count` projects at the same time, `rounds` times, while cleanups run; returns the failures.
fn beside_cleanup(count: usize, rounds: usize, trims: bool) -> Vec<String> {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return Vec::new() };
    let cache = TempDir::new().expect("a directory");
    let base = daemon.repository(&registry.address(), "base");
    let maker = Project::new()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  base:\n    image: {base}\n"))
        .file("Dockerfile", "FROM scratch\nCOPY file /base/\n")
        .file("file", "base");
    maker.run(["build", "--builder", "oci", "-t", "1"]).success();
    let base = format!("{base}:1");
    let neighbors: Vec<_> = (0..count).map(|_| Neighbor::new(&daemon, &registry, &base, &cache)).collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let cleanup = scope.spawn(|| {
            let mut wrong = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let output = maker.command(env!("CARGO_BIN_EXE_windlass"), ["cleanup", "--all"]);
                let output = with_cache(output, &cache).output().expect("windlass runs");
                if !output.status.success() {
                    wrong.push(String::from_utf8_lossy(&output.stderr).into_owned());
                }
            }
            wrong
        });
        let (registry, trims) = (&registry, trims);
        let runs: Vec<_> = neighbors
            .into_iter()
            .map(|neighbor| {
                // With a small size limit, every run itself removes the blobs that it does not need.
                let project =
                    if trims { neighbor.project.env("WINDLASS_CACHE_SIZE", "1K") } else { neighbor.project };
                let neighbor = Neighbor { project, ..neighbor };
                scope.spawn(move || {
                    let runs = (0..rounds).map(|round| neighbor.run(registry, round, &format!("r{round}")));
                    runs.flatten().collect::<Vec<_>>()
                })
            })
            .collect();
        let ended: Vec<_> = runs.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        let mut wrong: Vec<_> = ended.into_iter().flat_map(|run| run.expect("a run")).collect();
        wrong.extend(cleanup.join().expect("the cleanup"));
        wrong
    })
}

fn with_cache(mut command: Command, cache: &TempDir) -> Command {
    command.env("XDG_CACHE_HOME", cache.path());
    command
}

#[test]
fn cleanup_keeps_everything_that_a_running_build_uses() {
    let wrong = beside_cleanup(8, 2, false);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
#[ignore = "slow: run tests/long/run"]
fn many_runs_beside_cleanup() {
    let runs = number("WINDLASS_TEST_ROUNDS", 60);
    let mut wrong = beside_cleanup(runs, 1, false);
    wrong.extend(beside_cleanup(20, runs.div_ceil(20), false));
    wrong.extend(beside_cleanup(20, runs.div_ceil(20), true));
    println!(
        "many_runs_beside_cleanup: {runs} in parallel, then {runs} by 20 projects during cleanups, then with trims"
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
