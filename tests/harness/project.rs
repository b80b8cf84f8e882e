//! A project in its own directory.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Daemon, Output, Running, Terminal};

/// A directory with a project, and the clean environment in which windlass runs.
///
/// The program inherits only `PATH` from the caller's environment. Without [`Project::daemon`] the program finds no
/// daemon: `DOCKER_HOST` names a socket that does not exist.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
    environment: BTreeMap<OsString, OsString>,
    limit: Duration,
}

impl Project {
    /// An empty project.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("windlass-").expect("a temporary directory can be created");
        for name in ["project", "home", "docker", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a directory can be created");
        }
        let place = |name: &str| folder.path().join(name).into_os_string();
        let mut no_daemon = OsString::from("unix://");
        no_daemon.push(place("no-daemon.sock"));
        let environment = [
            ("HOME", place("home")),
            ("DOCKER_CONFIG", place("docker")),
            ("TMPDIR", place("tmp")),
            ("DOCKER_HOST", no_daemon),
            ("NO_COLOR", "1".into()),
            ("LANG", "C.UTF-8".into()),
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { folder, environment, limit: Duration::from_secs(120) }
    }

    /// Adds a file; creates its directories as needed.
    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Adds an executable file.
    #[must_use]
    pub fn executable(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        let path = self.write(path, content);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions can be set");
        self
    }

    /// Adds a symbolic link at `path`.
    #[must_use]
    pub fn symlink(self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Self {
        let path = self.path(path);
        make_parent(&path);
        symlink(target, path).expect("a link can be created");
        self
    }

    /// Adds an empty directory.
    #[must_use]
    pub fn folder(self, path: impl AsRef<Path>) -> Self {
        fs::create_dir_all(self.path(path)).expect("a directory can be created");
        self
    }

    /// Sets a variable in the program's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Removes a variable from the program's environment.
    #[must_use]
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.remove(name.as_ref());
        self
    }

    /// Sets `daemon` as the program's Docker daemon.
    #[must_use]
    pub fn daemon(self, daemon: &Daemon) -> Self {
        self.env("DOCKER_HOST", daemon.host())
    }

    /// Sets a kubeconfig with an unreachable cluster.
    #[must_use]
    pub fn dead_cluster(self) -> Self {
        let kubeconfig = r#"{
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "test", "user": {"token": "t"}}]
        }"#;
        let path = self.path("kubeconfig");
        self.file("kubeconfig", kubeconfig).env("KUBECONFIG", path)
    }

    /// Sets `content` as the Docker configuration, `config.json`.
    #[must_use]
    pub fn docker_config(self, content: impl AsRef<[u8]>) -> Self {
        let path = self.docker_config_path();
        fs::write(path, content).expect("the Docker configuration can be written");
        self
    }

    /// Adds an executable that is first on `PATH`: a credential helper, a replacement for `docker`.
    #[must_use]
    pub fn program_on_path(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = self.folder.path().join("bin");
        fs::create_dir_all(&folder).expect("a directory can be created");
        let path = folder.join(name);
        fs::write(&path, content).expect("a program can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions can be set");
        let search = self.environment.entry("PATH".into()).or_default();
        if !std::env::split_paths(search).any(|entry| entry == folder) {
            let folders = std::iter::once(folder).chain(std::env::split_paths(search));
            let joined = std::env::join_paths(folders).expect("PATH can be joined");
            *search = joined;
        }
        self
    }

    /// Sets the time limit of each run; the default is two minutes.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The absolute path of `path` in the project; the project's own for `""`.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join("project").join(path)
    }

    /// The program's home directory.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The program's Docker configuration file, which might not exist.
    pub fn docker_config_path(&self) -> PathBuf {
        self.folder.path().join("docker/config.json")
    }

    /// Writes a file between two runs; returns its absolute path.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        make_parent(&path);
        fs::write(&path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// Reads a file of the project.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// Removes a file or directory between two runs.
    #[track_caller]
    pub fn remove(&self, path: impl AsRef<Path>) {
        let path = self.path(path);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|error| panic!("cannot remove {}: {error}", path.display()));
    }

    /// Runs windlass in the project and waits for its end.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.spawn(arguments).finish()
    }

    /// Runs windlass in a directory of the project.
    #[track_caller]
    pub fn run_in<A: AsRef<OsStr>>(
        &self,
        folder: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Output {
        let mut command = self.windlass(arguments);
        command.current_dir(self.path(folder));
        Running::start(command, None, self.limit).finish()
    }

    /// Runs windlass with `input` on stdin.
    #[track_caller]
    pub fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: impl Into<Vec<u8>>,
    ) -> Output {
        Running::start(self.windlass(arguments), Some(input.into()), self.limit).finish()
    }

    /// Starts windlass and leaves it running.
    #[track_caller]
    pub fn spawn<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        Running::start(self.windlass(arguments), None, self.limit)
    }

    /// Starts windlass in a terminal of 24 lines and 80 columns.
    #[track_caller]
    pub fn terminal<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Terminal {
        Terminal::start(&self.windlass(arguments), self.limit)
    }

    /// Runs another program in the project and its environment: `git`, `sh`.
    #[track_caller]
    pub fn run_program<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Output {
        self.spawn_program(program, arguments).finish()
    }

    /// Starts another program in the project and its environment.
    #[track_caller]
    pub fn spawn_program<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Running {
        Running::start(self.command(program, arguments), None, self.limit)
    }

    /// Starts another program in a terminal.
    #[track_caller]
    pub fn program_terminal<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Terminal {
        Terminal::start(&self.command(program, arguments), self.limit)
    }

    /// A command in the project and its environment.
    pub fn command<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("")).env_clear().envs(&self.environment);
        command
    }

    fn windlass<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        self.command(env!("CARGO_BIN_EXE_windlass"), arguments)
    }
}

fn make_parent(path: &Path) {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).expect("a directory can be created");
    }
}
