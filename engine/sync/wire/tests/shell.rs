//! Containers that are shells of this machine.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::Command;

use crate::sync::wire::{Connector, RemoteProgram, Wire, WireOptions};
use crate::sync::{Expected, Kind, RelativePath, RemoteError, SyncEntry, Upload};

/// The shells that containers have.
pub(super) const SHELLS: [&str; 3] = ["dash", "bash", "busybox"];

/// A container: a shell of this machine, with directories for both sides.
pub(super) struct Container {
    pub(super) shell: &'static str,
    pub(super) folder: TempDir,
    /// Programs that are not in its `PATH`.
    without: Vec<&'static str>,
    /// The process IDs of the started programs.
    pub(super) started: Mutex<Vec<u32>>,
    /// A script that runs first and replaces the program `sh` of the container.
    prelude: Option<String>,
    /// Whether its processes have no permissions.
    is_nobody: bool,
}

impl Container {
    pub(super) fn new(shell: &'static str) -> Arc<Self> {
        Self::without(shell, &[])
    }

    pub(super) fn without(shell: &'static str, without: &[&'static str]) -> Arc<Self> {
        Arc::new(Self::plain(shell, without, None))
    }

    /// A container in which `sh` is the shell script `script`.
    pub(super) fn with_sh(script: &str) -> Arc<Self> {
        Arc::new(Self::plain("dash", &[], Some(script.to_owned())))
    }

    /// A container whose user is not root, if this user is.
    pub(super) fn as_nobody(shell: &'static str) -> Arc<Self> {
        let container = Self::plain(shell, &[], None);
        std::fs::set_permissions(container.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Arc::new(Self { is_nobody: rustix::process::geteuid().is_root(), ..container })
    }

    fn plain(shell: &'static str, without: &[&'static str], prelude: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("here")).unwrap();
        std::fs::create_dir(folder.path().join("there")).unwrap();
        let tools = folder.path().join("bin");
        std::fs::create_dir(&tools).unwrap();
        for program in TOOLS.iter().filter(|program| !without.contains(program)) {
            let target = if shell == "busybox" { find("busybox") } else { find(program) };
            std::os::unix::fs::symlink(target, tools.join(program)).unwrap();
        }
        let sh = find(shell);
        std::os::unix::fs::symlink(sh, tools.join("sh")).unwrap();
        Self {
            shell,
            folder,
            without: without.to_vec(),
            started: Mutex::default(),
            prelude,
            is_nobody: false,
        }
    }

    pub(super) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    pub(super) fn there(&self) -> PathBuf {
        self.folder.path().join("there")
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.folder.path().join("mark")
    }

    pub(super) fn options(&self) -> WireOptions {
        WireOptions {
            root: self.there().display().to_string(),
            owner: "a test".to_owned(),
            steals: false,
            upload_limit: None,
            download_limit: None,
        }
    }

    pub(super) async fn connect(self: &Arc<Self>) -> Wire {
        let wire = Wire::connect(Arc::clone(self) as Arc<dyn Connector>, self.options()).await;
        wire.unwrap_or_else(|error| panic!("{} without {:?}: {error}", self.shell, self.without))
    }

    /// Writes a file on this side; returns its upload.
    pub(super) fn file(&self, path: &str, content: impl AsRef<[u8]>, expected: Expected) -> Upload {
        let full = self.here().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, content).unwrap();
        upload(&self.here(), path, expected)
    }
}

/// The programs of a container besides its shell.
const TOOLS: [&str; 27] = [
    "cat",
    "chmod",
    "chown",
    "date",
    "df",
    "dd",
    "env",
    "find",
    "grep",
    "head",
    "id",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "rmdir",
    "setsid",
    "sha256sum",
    "sleep",
    "stat",
    "tar",
    "touch",
    "tr",
    "wc",
    "mount",
];

fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/bin"), PathBuf::from("/bin")]);
    let found = folders.find(|folder| folder.join(program).is_file()).map(|folder| folder.join(program));
    found.unwrap_or_else(|| panic!("`{program}` is not installed (Debian: dash, bash, busybox-static)"))
}

/// The upload of the entry at `path` below `here`.
pub(super) fn upload(here: &Path, path: &str, expected: Expected) -> Upload {
    let source = here.join(path);
    Upload { path: RelativePath::new(path).unwrap(), entry: entry(&source), source, expected }
}

/// The entry at `path`.
pub(super) fn entry(path: &Path) -> SyncEntry {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Link(std::fs::read_link(path).unwrap().to_str().unwrap().into()),
        _ => Kind::File,
    };
    SyncEntry {
        mode: metadata.permissions().mode() & 0o7777,
        size: if kind == Kind::File { metadata.len() } else { 0 },
        kind,
        mtime: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        inode: metadata.ino(),
        owner: (metadata.uid(), metadata.gid()),
        digest: None,
    }
}

#[async_trait]
impl Connector for Container {
    async fn start(&self, command: &[String]) -> Result<RemoteProgram, RemoteError> {
        let tools = self.folder.path().join("bin");
        let mark = self.mark().display().to_string();
        let words = command.iter().map(|word| if word == "/tmp/sync" { &mark } else { word });
        let mut words: Vec<_> = words.cloned().collect();
        if let Some(script) = &self.prelude {
            words.splice(0..1, ["sh", "-c", script, "sh"].map(str::to_owned));
        }
        let mut process = Command::new(tools.join(&words[0]));
        process.args(&words[1..]).env_clear().env("PATH", &tools).current_dir(self.folder.path());
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        if self.is_nobody {
            process.uid(65534).gid(65534);
        }
        let mut child = process.spawn().map_err(|error| RemoteError::without_shell(&error.to_string()))?;
        self.started.lock().unwrap().push(child.id().unwrap());
        let (stdin, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Ok(RemoteProgram {
            stdin: piped_in(stdin),
            stdout: piped_out(output),
            stderr: piped_out(child.stderr.take().unwrap()),
            ended: async move {
                let status =
                    child.wait().await.map_err(|error| RemoteError::Lost { reason: error.to_string() })?;
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                Ok(status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(-1))
            }
            .boxed(),
        })
    }
}

/// A pipe that passes only small pieces on, as a connection does.
fn piped_in(mut pipe: impl AsyncWrite + Send + Unpin + 'static) -> Box<dyn AsyncWrite + Send + Unpin> {
    let (outer, mut inner) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = inner.read(&mut buffer).await {
            if pipe.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    Box::new(outer)
}

fn piped_out(pipe: impl AsyncRead + Send + Unpin + 'static) -> Box<dyn AsyncRead + Send + Unpin> {
    Box::new(pipe)
}
