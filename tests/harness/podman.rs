//! Podman's service, which implements the API of the Docker daemon.

use std::fs::{self, File};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::missing::leave_out_always;
use super::{Daemon, wait_for};

/// Starts podman in the root file system `$1`, with private mounts, with the arguments after it.
const IN_FOLDER: &str = "root=$1; shift; mount --bind $root $root && cd $root && mkdir -p proc dev sys old && \
                         mount -t proc proc proc && mount --rbind /dev dev && mount --rbind /sys sys && \
                         pivot_root . old && exec /usr/bin/podman \"$@\"";

/// A Podman service for one test, without any image. Dropping it stops it and removes its traces.
#[derive(Debug)]
pub struct Podman {
    daemon: Daemon,
    process: Child,
    folder: TempDir,
}

/// Which Podman to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodmanVersion {
    /// The Podman of this machine.
    Installed,
    /// The Podman in the root file system that `WINDLASS_TEST_PODMAN` names.
    Newer,
}

impl Podman {
    /// Starts one that trusts the registries at `insecure` without TLS. `None`, with a notice, if this machine cannot.
    pub fn start(version: PodmanVersion, insecure: &str) -> Option<Self> {
        // SAFETY: geteuid takes no arguments and cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            leave_out_always("only root can start a Podman service for all users");
            return None;
        }
        let root = match version {
            PodmanVersion::Installed => PathBuf::from("/"),
            PodmanVersion::Newer => {
                let root = std::env::var_os("WINDLASS_TEST_PODMAN").filter(|root| !root.is_empty());
                let Some(root) = root else {
                    leave_out_always(
                        "no newer Podman: set WINDLASS_TEST_PODMAN to a root file system with one",
                    );
                    return None;
                };
                root.into()
            }
        };
        if !root.join("usr/bin/podman").exists() {
            leave_out_always("podman is not installed");
            return None;
        }
        let folder = TempDir::with_prefix_in("windlass-podman-", root.join("var/tmp"))
            .expect("a directory can be created");
        let inner =
            Path::new("/").join(folder.path().strip_prefix(&root).expect("the directory is below the root"));
        let registries = format!("[[registry]]\nlocation = \"{insecure}\"\ninsecure = true\n");
        fs::write(folder.path().join("registries.conf"), registries).expect("a file can be written");
        let mut process = match service(&root, &inner, folder.path()).spawn() {
            Ok(process) => process,
            Err(error) => {
                leave_out_always(&format!("podman cannot be started: {error}"));
                return None;
            }
        };
        let socket = folder.path().join("podman.sock");
        let up = wait_for("podman to listen or end", Duration::from_secs(60), || {
            let ended = process.try_wait().expect("podman can be waited for").is_some();
            if ended { Some(false) } else { UnixStream::connect(&socket).is_ok().then_some(true) }
        });
        if !up {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            leave_out_always(&format!(
                "podman exits immediately: {}",
                log.lines().last().unwrap_or_default()
            ));
            return None;
        }
        let daemon = Daemon::without_base(format!("unix://{}", socket.display()));
        Some(Self { daemon, process, folder })
    }
}

impl Deref for Podman {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        super::private_daemon::end_containers(self.folder.path());
        super::private_daemon::unmount_below(self.folder.path());
    }
}

/// Podman in the root file system `root`, with all of its data in `inner`, which is `folder` on the host.
fn service(root: &Path, inner: &Path, folder: &Path) -> Command {
    let log = File::create(folder.join("log")).expect("a log file can be created");
    let errors = log.try_clone().expect("a file handle can be cloned");
    let mut command = match root == Path::new("/") {
        true => Command::new("podman"),
        false => {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-c", IN_FOLDER, "sh"]).arg(root);
            command
        }
    };
    command
        .arg(format!("--root={}", inner.join("root").display()))
        .arg(format!("--runroot={}", inner.join("run").display()))
        .arg(format!("--tmpdir={}", inner.join("tmp").display()))
        .args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"])
        .args(["system", "service", "--time=0"])
        .arg(format!("unix://{}", inner.join("podman.sock").display()))
        .env("CONTAINERS_REGISTRIES_CONF", inner.join("registries.conf"))
        .env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    command
}
