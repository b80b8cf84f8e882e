//! A running command with all its child processes.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};

/// The grace period between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How a command is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// With all its child processes.
    Stopped,
    /// By an interrupt to itself alone; killed after `patience`, if that is limited.
    Interrupted { patience: Option<Duration> },
}

/// Starts `command` in a separate process group.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// A running command with all its child processes. Dropping it stops them all, or interrupts the command.
pub(super) struct Tree {
    running: Option<(Child, Group)>,
    ending: Ending,
}

impl Tree {
    pub(super) fn new(child: Child, ending: Ending) -> Self {
        let group = Group { id: child.id() };
        Self { running: Some((child, group)), ending }
    }

    /// Waits for the command itself; its remaining child processes keep running.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some((child, group)) = &mut self.running else { return std::future::pending().await };
        let status = child.wait().await;
        group.id = None;
        self.running = None;
        status
    }

    /// Sends SIGINT to the command itself.
    pub(super) fn interrupt(&mut self) {
        let Some((child, _)) = &mut self.running else { return };
        #[cfg(unix)]
        if let Some(id) = process_id(child.id()) {
            // It may already have ended.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        }
        #[cfg(not(unix))]
        let _ = child.start_kill();
    }

    /// Kills the command itself.
    pub(super) fn kill(&mut self) {
        if let Some((child, _)) = &mut self.running {
            // It may already have ended.
            let _ = child.start_kill();
        }
    }

    /// Sends SIGTERM to all of them, then SIGKILL after the grace period.
    pub(super) async fn stop(&mut self) {
        if let Some((child, group)) = self.running.take() {
            stop(child, group).await;
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if matches!(self.ending, Ending::Interrupted { .. }) {
            self.interrupt();
            if let Some((_, group)) = &mut self.running {
                group.id = None;
            }
            return;
        }
        let Some((child, group)) = self.running.take() else { return };
        // Without a runtime, nothing can wait for the grace period: dropping the group kills immediately.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(stop(child, group));
        }
    }
}

/// SIGTERM, the grace period, then SIGKILL by dropping `group`.
async fn stop(mut child: Child, group: Group) {
    group.ask();
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
    drop(group);
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
}

#[cfg(unix)]
fn process_id(id: Option<u32>) -> Option<rustix::process::Pid> {
    id.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
}

/// The process group of a command. Killed when dropped, unless its `id` was removed.
struct Group {
    id: Option<u32>,
}

impl Group {
    /// Sends SIGTERM to all members.
    fn ask(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(id) = process_id(self.id) {
            // Fails only if no process is left to signal.
            let _ = rustix::process::kill_process_group(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        #[cfg(windows)]
        if let Some(id) = self.id {
            // The only system tool that also stops the child processes.
            let _ = std::process::Command::new("taskkill")
                .args(["/T", "/F", "/PID", &id.to_string()])
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
}
