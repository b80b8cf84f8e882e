//! The executables of a Docker daemon.

use std::path::PathBuf;
use std::process::Command;

use super::ImageStore;
use super::missing::leave_out_always;

/// The first Docker whose BuildKit can push itself, with containerd as its image store.
const MODERN: u32 = 24;

/// The executables of a Docker daemon, and how to start them.
#[derive(Debug)]
pub(super) struct Programs {
    /// The directory into which they are unpacked, unless they are those of the machine.
    folder: Option<PathBuf>,
    /// Where the daemon must keep its images; `None` leaves the choice to the daemon.
    store: Option<ImageStore>,
}

impl Programs {
    /// Those of this machine, with their defaults.
    pub(super) fn of_the_machine() -> Self {
        Self { folder: None, store: None }
    }

    /// Those of a Docker that keeps its images in `store`: the ones that `WINDLASS_TEST_DOCKER` names, or the machine's
    /// if they are new enough. Without either, prints a notice and returns `None`.
    pub(super) fn modern(store: ImageStore) -> Option<Self> {
        let folder = std::env::var_os("WINDLASS_TEST_DOCKER").filter(|folder| !folder.is_empty());
        let store = Some(store);
        let programs = Self { folder: folder.map(PathBuf::from), store };
        if programs.version().is_none_or(|version| version < MODERN) {
            leave_out_always(&format!(
                "no dockerd {MODERN} or newer: set WINDLASS_TEST_DOCKER to a directory with `usr/sbin/dockerd`"
            ));
            return None;
        }
        Some(programs)
    }

    /// The executable `name`, with a PATH that contains the others.
    pub(super) fn command(&self, name: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let Some(folder) = &self.folder else {
            let mut command = Command::new(name);
            command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
            return command;
        };
        let [bin, sbin] = ["bin", "sbin"].map(|name| folder.join("usr").join(name));
        let path = format!("{}:{}:{path}:/usr/sbin:/sbin", sbin.display(), bin.display());
        let places = [sbin, bin].into_iter().map(|folder| folder.join(name));
        let mut command =
            Command::new(places.into_iter().find(|place| place.exists()).unwrap_or_else(|| name.into()));
        command.env("PATH", path);
        command
    }

    /// The configuration file that `dockerd` needs; `None` if it needs none.
    pub(super) fn configuration(&self) -> Option<&'static str> {
        self.store.map(|store| match store {
            ImageStore::Docker => r#"{"features": {"containerd-snapshotter": false}}"#,
            ImageStore::Containerd => r#"{"features": {"containerd-snapshotter": true}}"#,
        })
    }

    /// The major version of the daemon: 26 for `Docker version 26.1.5+dfsg1, build ...`.
    fn version(&self) -> Option<u32> {
        let told = self.command("dockerd").arg("--version").output().ok()?.stdout;
        let told = String::from_utf8(told).ok()?;
        told.split_once("version ")?.1.split('.').next()?.parse().ok()
    }
}
