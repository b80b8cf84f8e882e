//! A Docker daemon of one test's own.

use std::fs::{self, File};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::bridge::Bridge;
use super::missing::{leave_out, leave_out_always};
use super::{Daemon, wait_for};

/// A `dockerd` with its own data, socket, containerd and bridge, for tests that kill it. Dropping it stops it
/// and removes its traces.
///
/// It leaves the machine's daemon and packet filters alone, so its RUN steps have a network that leads nowhere.
#[derive(Debug)]
pub struct PrivateDaemon {
    daemon: Daemon,
    process: Child,
    folder: TempDir,
    /// Goes after the process, which has it in use.
    _bridge: Bridge,
}

impl PrivateDaemon {
    /// Starts one. `None`, after saying so, when this machine cannot.
    pub fn start() -> Option<Self> {
        // SAFETY: geteuid takes nothing and cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            leave_out_always("a Docker daemon can be started by root alone");
            return None;
        }
        let bridge = match Bridge::create() {
            Ok(bridge) => bridge,
            Err(missing) => {
                leave_out(&format!("a Docker daemon cannot have a bridge of its own: {missing}"));
                return None;
            }
        };
        // Not under a `/tmp` that may be a small tmpfs, on which overlay file systems do not work either.
        let folder = TempDir::with_prefix_in("windlass-dockerd-", "/var/tmp").expect("a folder can be made");
        let socket = folder.path().join("docker.sock");
        let log = folder.path().join("log");
        let mut process = match dockerd(folder.path(), &bridge).spawn() {
            Ok(process) => process,
            Err(error) => {
                leave_out(&format!("dockerd cannot be started: {error}"));
                return None;
            }
        };
        let up = wait_for("dockerd to listen or end", Duration::from_secs(60), || {
            let ended = process.try_wait().expect("dockerd can be waited for").is_some();
            if ended { Some(false) } else { UnixStream::connect(&socket).is_ok().then_some(true) }
        });
        let host = format!("unix://{}", socket.display());
        let loaded = if up { Daemon::at(host) } else { Err("dockerd ends at once".to_owned()) };
        match loaded {
            Ok(daemon) => Some(Self { daemon, process, folder, _bridge: bridge }),
            Err(missing) => {
                let log = fs::read_to_string(log).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                leave_out(&format!("{missing}; the last line of its log: {last}"));
                end(&mut process, folder.path());
                None
            }
        }
    }

    /// Ends the daemon as a crash would.
    pub fn kill(&mut self) {
        self.process.kill().expect("dockerd can be killed");
        self.process.wait().expect("dockerd can be waited for");
    }

    /// What the daemon logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Deref for PrivateDaemon {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        end(&mut self.process, self.folder.path());
    }
}

fn dockerd(folder: &Path, bridge: &Bridge) -> Command {
    let log = File::create(folder.join("log")).expect("a log file can be made");
    let errors = log.try_clone().expect("a file can be shared");
    let mut command = Command::new("dockerd");
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
    command
}

/// Ends dockerd and everything that a killed one leaves: container processes and mounts.
fn end(process: &mut Child, folder: &Path) {
    if let Ok(pid) = libc::pid_t::try_from(process.id())
        && matches!(process.try_wait(), Ok(None))
    {
        // SAFETY: kill takes plain numbers; the child was not waited for, so the number is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
    let limit = Instant::now() + Duration::from_secs(20);
    while matches!(process.try_wait(), Ok(None)) && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
    end_containers(folder);
    for mount in mounts_below(folder).iter().rev() {
        let _ = Command::new("umount").args(["--lazy", mount]).stderr(Stdio::null()).status();
    }
}

/// Kills the processes whose command line names `folder`, shims and containerd of a killed daemon, and those that
/// have their root file system in it: its containers.
fn end_containers(folder: &Path) {
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
