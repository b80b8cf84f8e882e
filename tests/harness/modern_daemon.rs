//! A Docker daemon as users have it now, for tests of what an older one does not do.

use std::ops::Deref;

use super::Daemon;
use super::docker_programs::Programs;
use super::missing::leave_out_always;
use super::private_daemon::DaemonProcess;

/// The first version whose BuildKit does what that of the newest one does, but for what tests say of it.
const MODERN: u32 = 26;

/// Where a Docker daemon keeps its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageStore {
    /// In its own folders, unpacked.
    Docker,
    /// In containerd, which knows manifests and indexes.
    Containerd,
}

/// A daemon of Docker 26 or newer: the one that runs, where it is such a one, else one of the test's own from the programs
/// that `WINDLASS_TEST_DOCKER` names.
#[derive(Debug)]
pub struct ModernDaemon {
    daemon: Daemon,
    version: u32,
    /// The one that runs, with its right to be busy.
    _running: Option<Daemon>,
    /// Goes after what is asked of it.
    _process: Option<DaemonProcess>,
}

impl ModernDaemon {
    /// One that keeps its images in `store`. `None`, after saying so, when there is none.
    pub fn acquire(store: ImageStore) -> Option<Self> {
        let running = Daemon::acquire()?;
        let version = version_of(&running);
        if version >= MODERN && image_store(&running) == store {
            return Some(Self { daemon: running, version, _running: None, _process: None });
        }
        let process = DaemonProcess::start(&Programs::modern(store)?)?;
        let daemon = Daemon::at(format!("unix://{}", process.socket().display()));
        let daemon = daemon.unwrap_or_else(|missing| panic!("{missing}; its log:\n{}", process.log()));
        let version = version_of(&daemon);
        if version < MODERN {
            leave_out_always(&format!(
                "no Docker {MODERN} or newer: WINDLASS_TEST_DOCKER names Docker {version}"
            ));
            return None;
        }
        assert_eq!(image_store(&daemon), store, "the daemon keeps its images where it is told");
        Some(Self { daemon, version, _running: Some(running), _process: Some(process) })
    }

    /// Like [`ModernDaemon::acquire`], of Docker `version` or newer.
    pub fn since(version: u32, store: ImageStore) -> Option<Self> {
        let daemon = Self::acquire(store)?;
        if daemon.version < version {
            leave_out_always(&format!("no Docker {version} or newer, but {}", daemon.version));
            return None;
        }
        Some(daemon)
    }

    /// The first number of its version.
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl Deref for ModernDaemon {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

fn version_of(daemon: &Daemon) -> u32 {
    let version = daemon.docker(["version", "--format", "{{.Server.Version}}"]);
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn image_store(daemon: &Daemon) -> ImageStore {
    match daemon.docker(["info", "--format", "{{json .DriverStatus}}"]).contains("io.containerd.snapshotter")
    {
        true => ImageStore::Containerd,
        false => ImageStore::Docker,
    }
}
