//! File sync: from a save to the file in a container of the cluster of the tests, compared with kubectl.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tempfile::TempDir;

use super::deploy::program;
use super::harness::{Cluster, Daemon, Project, Running, Signal, wait_for};
use super::measure::{self, Cost};
use super::options::Options;
use super::table::Table;
use super::{settle, watching};

/// The call in the table.
const NAME: &str = "`windlass sync`";
/// The limit of everything that is waited for.
const LIMIT: Duration = Duration::from_secs(600);
/// The files that are saved together.
const MANY: usize = 1000;
/// How long an idle run is observed.
const IDLE: Duration = Duration::from_secs(60);

/// A pod whose `/srv` is a directory of this machine, and a directory that is kept equal with its `ours`.
struct World {
    cluster: Cluster,
    project: Project,
    /// `here`, `there`, which is `/srv`, and `ready`, for files that are moved.
    files: TempDir,
    _daemon: Daemon,
}

impl World {
    fn start() -> Option<Self> {
        let (cluster, daemon) = (Cluster::with_node()?, Daemon::acquire()?);
        let files =
            TempDir::with_prefix_in("windlass-bench-", "/var/tmp").expect("a directory can be created");
        for name in ["here", "ready", "there/ours", "there/theirs"] {
            fs::create_dir_all(files.path().join(name)).expect("a directory can be created");
        }
        cluster.create::<Pod>(json!({
            "metadata": { "name": "web" },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "volumes": [{ "name": "srv", "hostPath": { "path": files.path().join("there") } }],
                "containers": [{
                    "name": "app", "image": daemon.base(), "imagePullPolicy": "Never",
                    // kubectl starts `tar` itself, without a shell that knows it.
                    "command": ["sh", "-c", "ln -s $(command -v busybox) /bin/tar; sleep 36000"],
                    "volumeMounts": [{ "name": "srv", "mountPath": "/srv" }],
                }],
            },
        }));
        wait_for("a running pod", LIMIT, || {
            (cluster.find::<Pod>("web")?.status?.phase? == "Running").then_some(())
        });
        let project = cluster.project().limit(Duration::from_secs(3600));
        Some(Self { cluster, project, files, _daemon: daemon })
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.files.path().join(path)
    }

    fn sync(&self) -> Running {
        let here = self.path("here").display().to_string();
        let words = ["sync", "--pod", "web", "--local-path", &here, "--container-path", "/srv/ours"];
        let running = self.project.spawn(words);
        running.wait_for_text("in sync");
        running
    }

    fn kubectl(&self, script: &str) -> Cost {
        let mut command = measure::command("sh", &["-c", script], self.files.path());
        let kubeconfig = self.project.path("kubeconfig");
        command.env("KUBECONFIG", kubeconfig).env("NAMESPACE", self.cluster.namespace());
        measure::cost(command)
    }
}

/// Adds the rows of one file, of many, and of a large directory in which nothing happens.
pub fn sync(options: &Options, table: &mut Table) {
    let Some(kubectl) = program("WINDLASS_TEST_KUBECTL") else { return };
    let Some(world) = World::start() else { return };
    eprintln!("dev: one file, {MANY} files");
    let running = world.sync();
    one(&world, &kubectl, options, table);
    many(&world, &kubectl, options, table);
    stop(running);
    large(&world, table);
    world.cluster.delete::<Pod>("web");
}

fn one(world: &World, kubectl: &str, options: &Options, table: &mut Table) {
    let (here, there) = (world.path("here/page"), world.path("there/ours/page"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds * 7 {
        let text = format!("page {round}");
        let start = Instant::now();
        fs::write(&here, &text).expect("a file can be written");
        until(|| fs::read(&there).is_ok_and(|found| found == text.as_bytes()));
        ours.push(Cost { wall: start.elapsed(), ..Cost::default() });
        theirs.push(world.kubectl(&format!("{kubectl} cp here/page web:/srv/theirs/page")));
    }
    table.add("one small file, saved: it is in the container", NAME, &ours, &[("`kubectl cp`", &theirs)]);
}

fn many(world: &World, kubectl: &str, options: &Options, table: &mut Table) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let ready = world.path(&format!("ready/{round}"));
        for index in 0..MANY {
            let path = ready.join(format!("{}/{index}", index % 10));
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory can be created");
            fs::write(path, format!("{round} {index}\n").repeat(50)).expect("a file can be written");
        }
        settle();
        theirs.push(world.kubectl(&format!(
            "tar -C ready/{round} -cf - . | {kubectl} exec -i web -- sh -c 'mkdir /srv/theirs/{round} && tar -xf - -C \
             /srv/theirs/{round}'"
        )));
        assert_eq!(files(&world.path(&format!("there/theirs/{round}"))), MANY);
        settle();
        let there = world.path(&format!("there/ours/{round}"));
        let start = Instant::now();
        fs::rename(&ready, world.path(&format!("here/{round}"))).expect("a directory can be moved");
        until(|| files(&there) == MANY);
        ours.push(Cost { wall: start.elapsed(), ..Cost::default() });
    }
    let case = format!("{MANY} files, moved into the directory: they are in the container");
    table.add(&case, NAME, &ours, &[("`tar c \\| kubectl exec -i ... tar x`", &theirs)]);
}

/// The cost of a directory of 100,000 files while nothing happens, and of a save in it.
fn large(world: &World, table: &mut Table) {
    eprintln!("dev: 100,000 files");
    let _ = fs::remove_dir_all(world.path("here"));
    let _ = fs::remove_dir_all(world.path("there/ours"));
    watching::write_many(&world.path("here"));
    let start = Instant::now();
    let running = world.sync();
    let wall = start.elapsed();
    let memory = memory(running.pid());
    let first = Cost { wall, processor: Some(processor(running.pid())), memory: Some(memory) };
    table.add("100,000 files, for the first time", NAME, &[first], &[]);
    let mut saves: Vec<_> = (0..100)
        .map(|round| {
            let text = format!("page {round}");
            let start = Instant::now();
            fs::write(world.path("here/0/0/0"), &text).expect("a file can be written");
            until(|| fs::read(world.path("there/ours/0/0/0")).is_ok_and(|found| found == text.as_bytes()));
            Cost { wall: start.elapsed(), ..Cost::default() }
        })
        .collect();
    table.add("one of 100,000 files, saved: it is in the container", NAME, &saves, &[]);
    saves.sort_unstable_by_key(|cost| cost.wall);
    table.add("the same, 99th of 100 saves", NAME, &saves[98..99], &[]);
    idle(&running, "100,000 files in sync", NAME, table);
    stop(running);
    // Of another run, whose state is known.
    let start = Instant::now();
    let running = world.sync();
    let cost = Cost {
        wall: start.elapsed(),
        processor: Some(processor(running.pid())),
        memory: Some(self::memory(running.pid())),
    };
    table.add("100,000 files, started again", NAME, &[cost], &[]);
    stop(running);
}

/// Adds the row of a run in which nothing happens for a minute: its processor time is to be compared with that.
pub fn idle(running: &Running, case: &str, name: &str, table: &mut Table) {
    let before = processor(running.pid());
    thread::sleep(IDLE);
    let used = processor(running.pid()).saturating_sub(before);
    let share = used.as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    let cost = Cost { wall: IDLE, processor: Some(used), memory: Some(memory(running.pid())) };
    table.add(&format!("{case}, idle: {share:.2} % of a core"), name, &[cost], &[]);
}

/// Ends a run.
pub fn stop(running: Running) {
    running.signal(Signal::Interrupt);
    running.finish();
}

fn until(is_done: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_done() {
        assert!(Instant::now() < end, "the files never arrived");
        thread::sleep(Duration::from_micros(300));
    }
}

/// The number of files below `folder`.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            Ok(_) => 1,
            Err(_) => 0,
        })
        .sum()
}

/// The processor time of a process so far.
fn processor(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = text.rsplit_once(')').expect("a line of `stat`");
    let mut fields = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().expect("a number"));
    let ticks = fields.next().unwrap_or_default() + fields.next().unwrap_or_default();
    // Linux reports hundredths of a second on all its platforms.
    Duration::from_millis(ticks * 10)
}

/// The peak memory of a process in KiB.
fn memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
