//! A Docker daemon for one test.

use std::fs::{self, File};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::bridge::Bridge;
use super::docker_programs::Programs;
use super::missing::{leave_out, leave_out_always};
use super::{Daemon, wait_for};

/// A `dockerd` with its own data, socket, containerd and bridge, for tests that kill it. Dropping it stops it and
/// removes its traces.
///
/// It does not touch the machine's daemon and packet filters, so the network of its RUN steps is isolated.
#[derive(Debug)]
pub struct PrivateDaemon {
    daemon: Daemon,
    process: DaemonProcess,
}

/// The process of a `dockerd` that the tests start, and its resources.
#[derive(Debug)]
pub(super) struct DaemonProcess {
    process: Child,
    folder: TempDir,
    /// Dropped after the process, which uses it.
    _bridge: Bridge,
}

impl PrivateDaemon {
    /// Starts one. `None`, with a notice, if this machine cannot.
    pub fn start() -> Option<Self> {
        let process = DaemonProcess::start(&Programs::of_the_machine())?;
        match Daemon::at(format!("unix://{}", process.socket().display())) {
            Ok(daemon) => Some(Self { daemon, process }),
            Err(missing) => {
                leave_out(&missing);
                None
            }
        }
    }

    /// Ends the daemon as a crash would.
    pub fn kill(&mut self) {
        let process = &mut self.process.process;
        process.kill().expect("dockerd can be killed");
        process.wait().expect("dockerd can be waited for");
    }

    /// The log of the daemon.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl Deref for PrivateDaemon {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl DaemonProcess {
    /// Starts one of `programs`. `None`, with a notice, if this machine cannot.
    pub(super) fn start(programs: &Programs) -> Option<Self> {
        // SAFETY: geteuid takes no arguments and cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            leave_out_always("only root can start a Docker daemon");
            return None;
        }
        let bridge = match Bridge::create() {
            Ok(bridge) => bridge,
            Err(missing) => {
                leave_out(&format!("cannot create a bridge for a Docker daemon: {missing}"));
                return None;
            }
        };
        // Not in `/tmp`, which may be a small tmpfs, where overlay file systems do not work.
        let folder =
            TempDir::with_prefix_in("windlass-dockerd-", "/var/tmp").expect("a directory can be created");
        // From these, the next run finds out what a killed one has left.
        for (file, text) in
            [("owner", &std::process::id().to_string()), ("bridge", &bridge.name().to_owned())]
        {
            fs::write(folder.path().join(file), text).expect("a file can be written");
        }
        let process = match dockerd(folder.path(), &bridge, programs).spawn() {
            Ok(process) => process,
            Err(error) => {
                leave_out(&format!("dockerd cannot be started: {error}"));
                return None;
            }
        };
        let mut daemon = Self { process, folder, _bridge: bridge };
        let up = wait_for("dockerd to listen or end", Duration::from_secs(60), || {
            let ended = daemon.process.try_wait().expect("dockerd can be waited for").is_some();
            if ended { Some(false) } else { UnixStream::connect(daemon.socket()).is_ok().then_some(true) }
        });
        if up {
            return Some(daemon);
        }
        let log = daemon.log();
        leave_out(&format!(
            "dockerd exits immediately; the last line of its log: {}",
            log.lines().last().unwrap_or_default()
        ));
        None
    }

    /// The socket that it listens on.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Its log.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        end(&mut self.process, self.folder.path());
    }
}

fn dockerd(folder: &Path, bridge: &Bridge, programs: &Programs) -> Command {
    let log = File::create(folder.join("log")).expect("a log file can be created");
    let errors = log.try_clone().expect("a file handle can be cloned");
    let mut command = programs.command("dockerd");
    command
        .arg(format!("--host=unix://{}", folder.join("docker.sock").display()))
        .arg(format!("--data-root={}", folder.join("data").display()))
        .arg(format!("--exec-root={}", folder.join("exec").display()))
        .arg(format!("--pidfile={}", folder.join("pid").display()))
        .arg(format!("--bridge={}", bridge.name()))
        .args(["--iptables=false", "--ip6tables=false"])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    if let Some(configuration) = programs.configuration() {
        let path = folder.join("daemon.json");
        fs::write(&path, configuration).expect("the configuration can be written");
        command.arg(format!("--config-file={}", path.display()));
    }
    command
}

/// Ends dockerd and everything that a killed one leaves behind: container processes and mounts.
fn end(process: &mut Child, folder: &Path) {
    if let Ok(pid) = libc::pid_t::try_from(process.id())
        && matches!(process.try_wait(), Ok(None))
    {
        // SAFETY: kill takes plain numbers; the child was not waited for, so the process ID is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
    let limit = Instant::now() + Duration::from_secs(20);
    while matches!(process.try_wait(), Ok(None)) && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
    end_containers(folder);
    unmount_below(folder);
}

/// Unmounts everything below `folder`.
pub(super) fn unmount_below(folder: &Path) {
    for mount in mounts_below(folder).iter().rev() {
        let _ = Command::new("umount").args(["--lazy", mount]).stderr(Stdio::null()).status();
    }
}

/// Kills the processes whose command line names `folder`, the shims and containerd of a killed daemon, and those with a
/// root file system in it: its containers.
pub(super) fn end_containers(folder: &Path) {
    let folder = folder.display().to_string();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<libc::pid_t>().ok()) else {
            continue;
        };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap_or_default();
        let is_ours = String::from_utf8_lossy(&command).contains(&folder) || root.contains(&folder);
        if pid != 1 && is_ours {
            // SAFETY: kill takes plain numbers and touches no memory.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

/// The mount points below `folder`, outer ones first.
fn mounts_below(folder: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| Path::new(point).starts_with(folder)).map(str::to_owned).collect()
}
