//! A running command with all its child processes.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};

/// The grace period between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Starts `command` in a separate process group.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// A running command with all its child processes. Dropping it stops them all.
pub(super) struct Tree {
    running: Option<(Child, Group)>,
}

impl Tree {
    pub(super) fn new(child: Child) -> Self {
        let group = Group { id: child.id() };
        Self { running: Some((child, group)) }
    }

    /// Waits for the command itself; its remaining child processes keep running.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some((child, group)) = &mut self.running else { return std::future::pending().await };
        let status = child.wait().await;
        group.id = None;
        self.running = None;
        status
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
        let id = self.id.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // Fails only if there is no process left to signal.
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
