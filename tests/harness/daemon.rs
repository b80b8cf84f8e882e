//! The Docker daemon of the tests.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::missing::leave_out;
use super::root_archive::RootArchive;
use super::run_name::run_name;
use super::slot::Slot;
use super::{Registry, TestRepository};

/// A Docker daemon, queried through the `docker` command so that the tests do not rely on what windlass reports.
///
/// It occupies one of a few slots, so that not all tests load the daemon at the same time: acquire it once per test.
#[derive(Debug)]
pub struct Daemon {
    host: String,
    _slot: Slot,
}

/// The applets in the base image.
const APPLETS: [&str; 19] = [
    "cat",
    "chmod",
    "cp",
    "date",
    "echo",
    "env",
    "false",
    "find",
    "ls",
    "mkdir",
    "readlink",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "test",
    "true",
];

impl Daemon {
    /// The daemon at `DOCKER_HOST` or at the default socket, with its base image loaded. `None`, with a notice, if it
    /// or the static busybox is missing and the test must be skipped.
    pub fn acquire() -> Option<Self> {
        static HOST: LazyLock<Result<String, String>> = LazyLock::new(|| {
            let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
            let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
            let version = docker(&host).args(["version", "--format", "{{.Server.APIVersion}}"]).output();
            match version {
                Err(error) => Err(format!("no docker command ({error})")),
                Ok(output) if output.status.success() => Ok(host),
                Ok(_) => Err(format!("no Docker daemon responds at {host}")),
            }
        });
        let loaded = HOST.clone().and_then(Self::at);
        loaded.map_err(|missing| leave_out(&missing)).ok()
    }

    /// Like [`Daemon::acquire`], with a registry; `None` if either is missing.
    pub fn acquire_with_registry() -> Option<(Self, Registry)> {
        let daemon = Self::acquire()?;
        Some((daemon, Registry::start()?))
    }

    /// The daemon at `host`, with its base image loaded once per process.
    pub(super) fn at(host: String) -> Result<Self, String> {
        static LOADED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let daemon = Self { host, _slot: Slot::take() };
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if !loaded.contains(&daemon.host) {
            daemon.load_base()?;
            loaded.insert(daemon.host.clone());
        }
        drop(loaded);
        Ok(daemon)
    }

    /// The daemon at `host`, without a base image.
    pub(super) fn without_base(host: String) -> Self {
        Self { host, _slot: Slot::take() }
    }

    /// Its address, in the form of `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The base image of the tests: a static busybox with `sh` and a few more, in no registry.
    pub fn base(&self) -> String {
        format!("{}/busybox:1", run_name())
    }

    /// A repository for `role` that no other test uses, in `registry` or, if that is `""`, in none.
    pub fn repository(&self, registry: &str, role: &str) -> TestRepository {
        TestRepository::new(&self.host, registry, role)
    }

    /// A repository below `parent`, in no registry.
    pub fn repository_below(&self, parent: &TestRepository, path: &str) -> TestRepository {
        TestRepository::named(&self.host, &format!("{parent}/{path}"))
    }

    /// The tags the daemon has in `repository`, sorted.
    #[track_caller]
    pub fn tags(&self, repository: &TestRepository) -> Vec<String> {
        let listed = self.docker(["image", "ls", "--format", "{{.Tag}}", repository.name()]);
        let mut tags: Vec<String> = listed.lines().map(str::to_owned).collect();
        tags.sort();
        tags
    }

    /// The image ID of `reference`; `None` if the daemon has no such image.
    pub fn image_id(&self, reference: &str) -> Option<String> {
        let mut command = docker(&self.host);
        let output = command.args(["image", "inspect", "--format", "{{.Id}}", reference]).output();
        let output = output.expect("the docker command can be run");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The output of `docker image inspect` for `reference`.
    #[track_caller]
    pub fn inspect(&self, reference: &str) -> serde_json::Value {
        let text = self.docker(["image", "inspect", "--format", "{{json .}}", reference]);
        serde_json::from_str(&text).expect("docker inspect prints JSON")
    }

    /// Runs `reference` with `arguments` and without network; returns its stdout.
    #[track_caller]
    pub fn run(&self, reference: &str, arguments: &[&str]) -> String {
        let fixed = ["run", "--rm", "--pull=never", "--network=none", reference];
        self.docker(fixed.iter().chain(arguments))
    }

    /// The content of the file at `path` in `reference`. The image does not need any program for this.
    #[track_caller]
    pub fn file(&self, reference: &str, path: &str) -> String {
        self.try_file(reference, path).unwrap_or_else(|| panic!("`{reference}` has no file `{path}`"))
    }

    /// The content of the file at `path` in `reference`; `None` if it does not exist.
    #[track_caller]
    pub fn try_file(&self, reference: &str, path: &str) -> Option<String> {
        // The command is never started, but `docker create` requires one.
        let container = self.docker(["create", "--network=none", reference, "/none"]);
        let container = container.trim();
        let copied = docker(&self.host).args(["cp", &format!("{container}:{path}"), "-"]).output();
        self.docker(["rm", "--force", container]);
        let copied = copied.expect("the docker command can be run");
        let mut archive = tar::Archive::new(Cursor::new(copied.stdout));
        let mut entry = archive.entries().ok()?.next()?.ok()?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).expect("the file is UTF-8");
        Some(text)
    }

    /// Runs `docker` with `arguments`; returns its stdout.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn docker<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let mut command = docker(&self.host);
        command.args(arguments).stdin(Stdio::null());
        let output = command.output().expect("the docker command can be run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed: {stderr}");
        String::from_utf8(output.stdout).expect("docker prints UTF-8")
    }

    fn load_base(&self) -> Result<(), String> {
        let busybox = busybox().ok_or("no busybox (Debian: busybox-static)")?;
        let archive = RootArchive::with_busybox(&busybox, &APPLETS).and_then(RootArchive::finish);
        let archive = archive.map_err(|error| error.to_string())?;
        self.import(&self.base(), &[r#"CMD ["sh"]"#], &archive)
    }

    /// Creates the image `reference` from a root file system, changed by these Dockerfile instructions.
    pub(super) fn import(&self, reference: &str, changes: &[&str], archive: &[u8]) -> Result<(), String> {
        let mut command = docker(&self.host);
        command.arg("import");
        command.args(changes.iter().flat_map(|change| ["--change", change])).args(["-", reference]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let sent = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(archive));
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("the image {reference} cannot be loaded: {stderr}"));
        }
        sent.map_err(|error| error.to_string())
    }
}

/// The static busybox, the only executable of the base image; `None` if it is not installed.
pub fn busybox() -> Option<Vec<u8>> {
    ["/bin/busybox", "/usr/bin/busybox"].iter().find_map(|path| fs::read(path).ok())
}

/// The docker command, connected to `host` and isolated from the user's configuration.
fn docker(host: &str) -> Command {
    let mut command = Command::new("docker");
    command.args(["--host", host]).env_remove("DOCKER_CONTEXT").env_remove("DOCKER_TLS_VERIFY");
    command
}
