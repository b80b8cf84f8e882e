//! A running program with everything it started.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// Starts `command` in a process group of its own.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// A running program with everything it started. Dropping it stops them all.
pub(super) struct Tree {
    running: Option<(Child, Group)>,
}

impl Tree {
    pub(super) fn new(child: Child) -> Self {
        let group = Group { id: child.id() };
        Self { running: Some((child, group)) }
    }

    /// Waits for the program itself; what it leaves behind then keeps running.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some((child, group)) = &mut self.running else { return std::future::pending().await };
        let status = child.wait().await;
        group.id = None;
        self.running = None;
        status
    }

    /// Asks them all to end, kills them when they do not.
    pub(super) async fn stop(&mut self) {
        if let Some((child, group)) = self.running.take() {
            stop(child, group).await;
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let Some((child, group)) = self.running.take() else { return };
        // Without a runtime nothing can wait for the grace: dropping the group kills at once.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(stop(child, group));
        }
    }
}

/// The request to end, the grace, then the kill, by dropping `group`.
async fn stop(mut child: Child, group: Group) {
    group.ask();
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
    drop(group);
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
}

/// The process group led by a program. Killed when dropped, unless its `id` was taken out.
struct Group {
    id: Option<u32>,
}

impl Group {
    /// Asks every member to end.
    fn ask(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let id = self.id.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // Fails only when nothing is left to signal.
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
            // The one tool of the system that follows a process to its children.
            let _ = std::process::Command::new("taskkill")
                .args(["/T", "/F", "/PID", &id.to_string()])
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
}
