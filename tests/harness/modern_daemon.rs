//! A recent Docker daemon, for tests of features that older ones lack.

use std::ops::Deref;

use super::Daemon;
use super::docker_programs::Programs;
use super::missing::leave_out_always;
use super::private_daemon::DaemonProcess;

/// The first version whose BuildKit behaves like the newest one, except where tests state otherwise.
const MODERN: u32 = 26;

/// Where a Docker daemon keeps its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageStore {
    /// In its own directories, unpacked.
    Docker,
    /// In containerd, which supports manifests and indexes.
    Containerd,
}

/// A daemon of Docker 26 or newer: the running one if it is new enough, otherwise one for this test from the
/// executables that `WINDLASS_TEST_DOCKER` names.
#[derive(Debug)]
pub struct ModernDaemon {
    daemon: Daemon,
    version: u32,
    /// The running one, with its slot.
    _running: Option<Daemon>,
    /// Dropped after everything that queries it.
    _process: Option<DaemonProcess>,
}

impl ModernDaemon {
    /// One that keeps its images in `store`. Without one, prints a notice and returns `None`.
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
        assert_eq!(image_store(&daemon), store, "the daemon keeps its images in the configured store");
        Some(Self { daemon, version, _running: Some(running), _process: Some(process) })
    }

    /// Like [`ModernDaemon::acquire`], of Docker `version` or newer.
    pub fn since(version: u32, store: ImageStore) -> Option<Self> {
        let daemon = Self::acquire(store)?;
        if daemon.version < version {
            leave_out_always(&format!("no Docker {version} or newer, only {}", daemon.version));
            return None;
        }
        Some(daemon)
    }

    /// Its major version.
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
