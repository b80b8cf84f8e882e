//! A directory that is kept equal with one in a container while both are edited, connections are cut, the container
//! restarts, its pod is replaced, and windlass is killed: no content is lost without a copy, and at the end both are equal,
//! or the output names the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use k8s_openapi::api::core::v1::Pod;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use tempfile::TempDir;

use super::settings::{number, seed};
use crate::harness::{Cluster, Daemon, Project, Relay, Running, Signal, wait_for};

/// How long to wait for the cluster, and for both sides to be equal.
const LIMIT: Duration = Duration::from_secs(180);
/// Whatever windlass knew of a file that it replaces in this time is older.
const MOMENT: Duration = Duration::from_millis(20);
/// How often the container of a pod may end: the pauses before it starts again become longer and longer.
const RESTARTS: usize = 2;

/// The two directories, and the contents that were written into them.
struct Soak {
    cluster: Cluster,
    daemon: Daemon,
    project: Project,
    /// The way to the API server.
    relay: Relay,
    /// How often the container of this pod has ended.
    restarts: usize,
    /// `there`, which is `/srv/app`, and `tmp`.
    files: TempDir,
    rng: Rng,
    /// The edits so far, which the report of a failure lists.
    log: Vec<String>,
    /// The contents that were ever written, and the edit.
    written: BTreeMap<String, String>,
    /// The contents that an edit replaced or deleted, or that were in a container that ended.
    given_up: BTreeSet<String>,
    /// The contents that were just written in the container, and their files.
    fresh: Vec<(String, PathBuf)>,
    /// The contents in the container that were replaced in the moment in which they were written: nothing there can
    /// compare a file and rename another over it in one step.
    raced: BTreeSet<String>,
    /// All output of earlier runs.
    output: String,
    running: Option<Running>,
}

impl Soak {
    /// `None` without a node.
    fn start(seed: u64) -> Option<Self> {
        let (cluster, daemon) = (Cluster::with_node()?, Daemon::acquire()?);
        let project = cluster.project().folder("src").limit(Duration::from_secs(3600));
        let server = cluster.server();
        let relay = Relay::start(server.trim_start_matches("https://"));
        let address = format!("https://127.0.0.1:{}", relay.port());
        project.write("kubeconfig", project.read("kubeconfig").replace(&server, &address));
        // On the same disk, so that files can be exchanged.
        let files = TempDir::with_prefix("windlass-").expect("a directory");
        for name in ["there", "tmp"] {
            fs::create_dir(files.path().join(name)).expect("created");
        }
        let (rng, written) = (Rng::with_seed(seed), BTreeMap::new());
        let mut soak = Self {
            cluster,
            daemon,
            project,
            relay,
            restarts: 0,
            files,
            rng,
            log: Vec::new(),
            written,
            given_up: BTreeSet::new(),
            fresh: Vec::new(),
            raced: BTreeSet::new(),
            output: String::new(),
            running: None,
        };
        soak.create_pod();
        // The first start replaces existing files according to the strategy.
        (0..20).for_each(|_| soak.edit(true));
        soak.run();
        Some(soak)
    }

    fn create_pod(&self) {
        let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
        self.cluster.create::<Pod>(json!({
            "metadata": { "name": "web" },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "volumes": [{ "name": "app", "hostPath": { "path": self.there() } }],
                "containers": [{
                    "name": "app", "image": self.daemon.base(), "imagePullPolicy": "Never",
                    "command": ["sh", "-c", script],
                    "volumeMounts": [{ "name": "app", "mountPath": "/srv/app" }],
                }],
            },
        }));
    }

    fn there(&self) -> PathBuf {
        self.files.path().join("there")
    }

    /// Starts windlass, and waits until both sides were equal once.
    fn run(&mut self) {
        let options = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
        self.running = Some(self.project.spawn(options));
        self.wait_for_equal(1);
    }

    /// Waits until both sides were equal `times` times in this run.
    fn wait_for_equal(&self, times: usize) {
        let Some(running) = &self.running else { return };
        wait_for("`in sync`", LIMIT, || {
            let (stdout, stderr) = running.output_so_far();
            (format!("{stdout}{stderr}").matches("in sync").count() >= times).then_some(())
        });
    }

    fn kill(&mut self) {
        self.log.push("kill windlass".to_owned());
        if let Some(running) = self.running.take() {
            running.signal(Signal::Kill);
            let (stdout, stderr) = running.output_so_far();
            self.output += &format!("{stdout}{stderr}");
            running.finish_alone();
        }
        // Both sides change while nothing looks.
        self.edits();
        self.run();
    }

    /// Cuts all connections while both sides change.
    fn cut(&mut self) {
        self.log.push("cut the connections".to_owned());
        self.relay.die();
        self.edits();
        self.relay.recover();
    }

    /// Ends the process of the container, which the node starts again.
    fn restart_container(&mut self) {
        if self.restarts == RESTARTS {
            return;
        }
        self.restarts += 1;
        self.log.push("restart the container".to_owned());
        // The next container gets everything that windlass ever uploaded. What it does not know yet may be lost.
        self.given_up.extend(tree(&self.there()).into_values().flatten());
        let (stdout, stderr) = self.running.as_ref().expect("it runs").output_so_far();
        let equal = format!("{stdout}{stderr}").matches("in sync").count();
        let before = self.container_restarts();
        // The image has no program `kill`, but its shell has it.
        self.project.run(["enter", "--pod", "web", "--", "sh", "-c", "kill 1"]);
        wait_for("a restart", LIMIT, || (self.container_restarts() > before).then_some(()));
        self.wait_for_equal(equal + 1);
    }

    /// How often the node has restarted the container of this pod.
    fn container_restarts(&self) -> i32 {
        let status = self.cluster.find::<Pod>("web").and_then(|pod| pod.status);
        let containers = status.and_then(|status| status.container_statuses).unwrap_or_default();
        containers.iter().map(|container| container.restart_count).sum()
    }

    /// Replaces the pod: files that only its container has are lost.
    fn replace_pod(&mut self) {
        self.log.push("replace the pod".to_owned());
        self.given_up.extend(tree(&self.there()).into_values().flatten());
        let (stdout, stderr) = self.running.as_ref().expect("it runs").output_so_far();
        let before = format!("{stdout}{stderr}").matches("in sync").count();
        self.cluster.delete::<Pod>("web");
        wait_for("the end of the pod", LIMIT, || self.cluster.find::<Pod>("web").is_none().then_some(()));
        self.create_pod();
        self.restarts = 0;
        self.wait_for_equal(before + 1);
    }

    /// Some edits on both sides.
    fn edits(&mut self) {
        for _ in 0..self.rng.usize(1..6) {
            let is_here = self.rng.bool();
            self.edit(is_here);
        }
        std::thread::sleep(MOMENT);
        for (new, path) in std::mem::take(&mut self.fresh) {
            if content(&path).as_ref() != Some(&new) {
                self.raced.insert(new);
            }
        }
    }

    /// One random edit on one side.
    fn edit(&mut self, is_here: bool) {
        let root = if is_here { self.project.path("src") } else { self.there() };
        let name = match self.rng.u8(..4) {
            0 => format!("d{}", self.rng.u8(..3)),
            _ => format!("d{}/f{}", self.rng.u8(..3), self.rng.u8(..6)),
        };
        // A directory is seldom replaced by a file.
        let name = if name.contains('/') || self.rng.u8(..20) == 0 { name } else { format!("{name}.txt") };
        let (target, side) = (root.join(&name), if is_here { "here" } else { "there" });
        match self.rng.u8(..10) {
            0 | 1 => {
                self.log.push(format!("delete {name} {side}"));
                self.take_away(&target);
            }
            2 => {
                let other = format!("d{}/moved{}", self.rng.u8(..3), self.rng.u8(..3));
                self.log.push(format!("move {name} to {other} {side}"));
                // If both files are missing, or the other one exists already, this changes nothing.
                let _ = renameat_with(CWD, &target, CWD, root.join(&other), RenameFlags::NOREPLACE);
            }
            3 => {
                self.log.push(format!("chmod {name} {side}"));
                let mode = if self.rng.bool() { 0o755 } else { 0o644 };
                let _ = fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(mode));
            }
            _ => {
                let content = format!("content {}", self.written.len());
                self.log.push(format!("write {content} to {name} {side}"));
                self.put(&target, &content);
            }
        }
    }

    /// Puts a file at `target` in one step; the previous content is lost.
    fn put(&mut self, target: &Path, content: &str) {
        let new = self.files.path().join("tmp/new");
        let lines = self.rng.usize(1..2000);
        fs::write(&new, format!("{content}\n").repeat(lines)).expect("written");
        let parent = target.parent().expect("a parent");
        let is_put = fs::create_dir_all(parent).is_ok()
            && [RenameFlags::NOREPLACE, RenameFlags::EXCHANGE]
                .into_iter()
                .any(|flags| renameat_with(CWD, &new, CWD, target, flags).is_ok());
        if is_put {
            self.written.insert(content.to_owned(), self.log.last().cloned().unwrap_or_default());
        }
        if is_put && target.starts_with(self.there()) {
            self.fresh.push((content.to_owned(), target.to_owned()));
        }
        if is_put && new.exists() {
            self.give_up(&new);
        }
    }

    fn take_away(&mut self, target: &Path) {
        let old = self.files.path().join("tmp/old");
        if renameat_with(CWD, target, CWD, &old, RenameFlags::NOREPLACE).is_ok() {
            self.give_up(&old);
        }
    }

    fn give_up(&mut self, old: &Path) {
        self.given_up.extend(contents(old));
        let _ = if old.is_dir() { fs::remove_dir_all(old) } else { fs::remove_file(old) };
    }

    /// Waits until both sides are equal, or differ only in files that the output names; then looks for every content.
    fn check(mut self, context: &str) {
        let (here, there) = (self.project.path("src"), self.there());
        let end = Instant::now() + LIMIT;
        let output = loop {
            let (stdout, stderr) = self.running.as_ref().expect("it runs").output_so_far();
            let output = format!("{}{stdout}{stderr}", self.output);
            let (one, other) = (tree(&here), tree(&there));
            let paths: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            let is_named = |path: &&&String| {
                Path::new(path).ancestors().any(|path| {
                    let path = path.display().to_string();
                    !path.is_empty() && output.contains(&format!("conflict in {path}:"))
                })
            };
            let differ: Vec<_> = paths.iter().filter(|path| one.get(**path) != other.get(**path)).collect();
            let unnamed: Vec<_> = differ.iter().filter(|path| !is_named(path)).collect();
            if unnamed.is_empty() {
                break output;
            }
            let log = self.log.join("\n");
            assert!(Instant::now() < end, "{context}: {unnamed:?} differ\n{log}\n{output}");
            std::thread::sleep(Duration::from_millis(100));
        };
        let running = self.running.take().expect("it runs");
        running.signal(Signal::Interrupt);
        running.finish().exits(130);
        let kept = ["trash", "conflicts"].map(|name| self.project.path(format!(".windlass/{name}")));
        let mut found = self.given_up.clone();
        for folder in [&here, &there].into_iter().chain(&kept) {
            found.extend(contents(folder));
        }
        let raced = self.raced.difference(&found).count();
        assert!(raced * 50 <= self.written.len(), "{context}: {raced} of {} raced", self.written.len());
        found.append(&mut self.raced);
        let lost: Vec<_> = self.written.iter().filter(|(content, _)| !found.contains(*content)).collect();
        let log = self.log.join("\n");
        assert!(lost.is_empty(), "{context}: these are lost: {lost:?}\n{log}\n{output}");
        println!("{context}: {} contents written, {raced} replaced at once", self.written.len());
    }
}

/// The files of a directory and their contents; `None` for a directory without files. Files of windlass do not count.
fn tree(root: &Path) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with(".windlass-") {
                continue;
            }
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            if path.is_dir() {
                open.push(path);
                found.insert(name, None);
            } else if let Some(content) = content(&path) {
                found.insert(name, Some(content));
            }
        }
    }
    found
}

/// The contents in a file or directory.
fn contents(path: &Path) -> Vec<String> {
    if path.is_dir() {
        tree(path).into_values().flatten().collect()
    } else {
        content(path).into_iter().collect()
    }
}

/// The one content that a file has in all its lines; `None` if it does not exist.
fn content(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let first = text.lines().next().unwrap_or_default();
    assert!(
        text.lines().all(|line| line == first) && text.ends_with('\n'),
        "{} is a mixture",
        path.display()
    );
    Some(first.to_owned())
}

/// Edits both sides for `duration`; every few seconds windlass is killed, a connection cut, or a container ends.
fn soak(seed: u64, duration: Duration) {
    let Some(mut soak) = Soak::start(seed) else { return };
    let end = Instant::now() + duration;
    while Instant::now() < end {
        match soak.rng.u16(..600) {
            0 => soak.replace_pod(),
            1..4 => soak.kill(),
            4..8 => soak.cut(),
            8..10 => soak.restart_container(),
            _ => {
                soak.edits();
                std::thread::sleep(Duration::from_millis(soak.rng.u64(..200)));
            }
        }
    }
    soak.cut();
    soak.restart_container();
    soak.kill();
    soak.replace_pod();
    soak.check(&format!("WINDLASS_TEST_SEED={seed}"));
}

#[test]
fn nothing_is_lost_between_two_sides() {
    soak(7, Duration::from_secs(5));
}

#[test]
#[ignore = "slow: run tests/long/run"]
fn nothing_is_lost_between_two_sides_for_long() {
    soak(seed("both_sides"), Duration::from_secs(number("WINDLASS_TEST_SECONDS", 60)));
}
