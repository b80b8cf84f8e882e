//! A pod whose files are on this machine, and a project that is synced with it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Cluster, Daemon, Project, Running, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// The pod `web` (label `app=web`), in which `/srv` is the directory `there` of this machine, and a project with the
/// directory `src`.
pub struct SyncedPod {
    /// The project.
    pub project: Project,
    /// The namespace of the pod.
    pub cluster: Cluster,
    daemon: Daemon,
    there: TempDir,
    pod: Value,
}

/// A file system that is mounted until this is dropped.
pub struct Mounted(PathBuf);

impl SyncedPod {
    /// A pod whose container runs `script` with the fields `more`; `None` without a node.
    pub fn start(script: &str, more: &Value) -> Option<Self> {
        let pod = Self::prepare(script, more)?;
        pod.create();
        Some(pod)
    }

    /// Like [`SyncedPod::start`], but nothing runs before [`SyncedPod::create`].
    pub fn prepare(script: &str, more: &Value) -> Option<Self> {
        let (cluster, daemon) = (Cluster::with_node()?, Daemon::acquire()?);
        let there = TempDir::with_prefix("windlass-").expect("a directory");
        fs::create_dir(there.path().join("app")).expect("created");
        fs::set_permissions(there.path().join("app"), fs::Permissions::from_mode(0o777)).expect("a mode");
        let mut container = json!({
            "name": "app", "image": daemon.base(), "imagePullPolicy": "Never",
            "command": ["sh", "-c", format!("{script}\nexec sleep 36000")],
            "volumeMounts": [{ "name": "srv", "mountPath": "/srv" }],
        });
        for (key, value) in more.as_object().expect("fields") {
            container[key] = value.clone();
        }
        let pod = json!({
            "metadata": { "name": "web", "labels": { "app": "web" } },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "volumes": [{ "name": "srv", "hostPath": { "path": there.path() } }],
                "containers": [container],
            },
        });
        Some(Self { project: cluster.project().folder("src"), cluster, daemon, there, pod })
    }

    /// Mounts the directory `from` of this machine into the container, which must not run yet.
    #[must_use]
    pub fn with_directory(mut self, from: &Path, at: &str) -> Self {
        let volumes = self.pod["spec"]["volumes"].as_array_mut().expect("volumes");
        let name = format!("v{}", volumes.len());
        volumes.push(json!({ "name": name, "hostPath": { "path": from } }));
        let mounts = self.pod["spec"]["containers"][0]["volumeMounts"].as_array_mut().expect("mounts");
        mounts.push(json!({ "name": name, "mountPath": at, "readOnly": true }));
        self
    }

    /// Creates the pod, and waits until it runs.
    #[track_caller]
    pub fn create(&self) {
        self.cluster.create::<Pod>(self.pod.clone());
        wait_for("a running pod", LIMIT, || {
            let pod = self.cluster.find::<Pod>("web")?;
            (pod.status?.phase? == "Running").then_some(())
        });
    }

    /// Deletes the pod, and waits until it no longer exists; its files stay.
    #[track_caller]
    pub fn delete(&self) {
        self.cluster.delete::<Pod>("web");
        wait_for("the end of the pod", LIMIT, || self.cluster.find::<Pod>("web").is_none().then_some(()));
    }

    /// The Docker daemon that runs it.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// `windlass sync` of `src` and `/srv/app`, as soon as both sides are equal.
    #[track_caller]
    pub fn sync(&self, more: &[&str]) -> Running {
        let running = self.spawn(more);
        running.wait_for_text("in sync");
        running
    }

    /// Starts `windlass sync` of `src` and `/srv/app`.
    #[track_caller]
    pub fn spawn(&self, more: &[&str]) -> Running {
        let words = ["sync", "--pod", "web", "--local-path", "src", "--container-path", "/srv/app"];
        self.project.spawn(words.iter().chain(more))
    }

    /// The directory on this machine that is `/srv/app`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.there.path().join("app").join(path)
    }

    /// Writes a file below `/srv/app`.
    #[track_caller]
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(&path, content).expect("written");
        path
    }

    /// The text of a file below `/srv/app`.
    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Waits until a file below `/srv/app` has this content.
    #[track_caller]
    pub fn wait_for_file(&self, path: &str, expected: &str) {
        wait_for(&format!("{path} in the container"), LIMIT, || (self.read(path)? == expected).then_some(()));
    }

    /// Waits until the file `path` of `src` has this content.
    #[track_caller]
    pub fn wait_here(&self, path: &str, expected: &str) {
        let path = self.project.path("src").join(path);
        wait_for(&format!("{} here", path.display()), LIMIT, || {
            (fs::read_to_string(&path).ok()? == expected).then_some(())
        });
    }

    /// The output of a shell in the container.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        self.project.run(["enter", "--pod", "web", "--", "sh", "-c", script]).success().stdout.clone()
    }
}

impl Mounted {
    /// A file system in memory with this size, such as `256k`, at `path`; `None` if this user must not mount.
    pub fn in_memory(path: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // It may be in use by a container that is about to end.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
