//! The whole loop, with a shell of this machine as the container.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::super::wire::{Connector, RemoteProgram};
use super::super::{
    ConnectFailure, ContainerKey, ExcludePatterns, FolderConnection, FolderConnector, FolderKey,
    FolderOptions, LocalFolder, NoHooks, RemoteError, SyncedFolder, Wire, WireOptions, keep_equal,
    system_clock, watch_changes,
};
use crate::config::InitialSync;
use crate::event::{Event, Events, SyncChange};

/// A container: programs of this machine that run in a directory.
struct Shell {
    folder: PathBuf,
    /// The process groups that were started.
    started: Mutex<Vec<u32>>,
}

#[async_trait]
impl Connector for Shell {
    async fn start(&self, command: &[String]) -> Result<RemoteProgram, RemoteError> {
        // The mark of the restart helper is not that of this machine.
        let mark = self.folder.join("mark").display().to_string();
        let words: Vec<_> =
            command.iter().map(|word| if word == "/tmp/sync" { &mark } else { word }).collect();
        let mut process = Command::new(words[0]);
        process.args(&words[1..]).current_dir(&self.folder).process_group(0).kill_on_drop(true);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|error| RemoteError::Lost { reason: error.to_string() })?;
        self.started.lock().expect("no panic").extend(child.id());
        let lost = || RemoteError::Lost { reason: "no pipe".to_owned() };
        Ok(RemoteProgram {
            stdin: Box::new(child.stdin.take().ok_or_else(lost)?),
            stdout: Box::new(child.stdout.take().ok_or_else(lost)?),
            stderr: Box::new(child.stderr.take().ok_or_else(lost)?),
            ended: async move {
                let status =
                    child.wait().await.map_err(|error| RemoteError::Lost { reason: error.to_string() })?;
                Ok(status.code().unwrap_or(137))
            }
            .boxed(),
        })
    }
}

/// The container that is current.
struct Target {
    shell: Arc<Shell>,
    id: Mutex<String>,
}

#[async_trait]
impl FolderConnector for Target {
    async fn connect(&self) -> Result<FolderConnection, ConnectFailure> {
        let options = WireOptions {
            root: self.shell.folder.join("app").display().to_string(),
            owner: "a test".to_owned(),
            steals: false,
            upload_limit: None,
            download_limit: None,
        };
        let wire = Wire::connect(self.shell.clone(), options).await;
        let wire = wire.map_err(|error| ConnectFailure { error: error.into(), is_final: false })?;
        let container_id = self.id.lock().expect("no panic").clone();
        let container = ContainerKey { pod_uid: "pod".to_owned(), container_id };
        Ok(FolderConnection { remote: Arc::new(wire), container, name: "shell".to_owned() })
    }
}

impl Target {
    /// Ends all programs of the container; the next one has another ID.
    fn restart(&self) {
        *self.id.lock().expect("no panic") += "+";
        for pid in std::mem::take(&mut *self.shell.started.lock().expect("no panic")) {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process");
            // It may have ended.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

async fn wait_for(what: &str, is_done: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while !is_done() {
        assert!(tokio::time::Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wait_text(path: PathBuf, text: &str) {
    wait_for(&format!("{text:?} in {}", path.display()), || {
        fs::read_to_string(&path).is_ok_and(|found| found == text)
    })
    .await;
}

/// The paths of each batch.
type Batches = Arc<Mutex<Vec<Vec<String>>>>;

async fn follow(here: &Path, state: &Path, target: &Target, batches: &Batches, cancel: &CancellationToken) {
    let recorded = batches.clone();
    let events = Events::new(move |event| {
        if let Event::Sync { change: SyncChange::Batch(batch), .. } = event {
            recorded.lock().expect("no panic").push(batch.paths);
        }
    });
    let options = FolderOptions {
        name: "here -> app".to_owned(),
        key: FolderKey {
            context: String::new(),
            namespace: String::new(),
            target: String::new(),
            here: here.to_owned(),
            there: "app".to_owned(),
        },
        state_folder: state.to_owned(),
        claim_folder: state.to_owned(),
        strategy: InitialSync::MirrorLocal,
        exclude: ExcludePatterns::default(),
        upload_exclude: ExcludePatterns::default(),
        download_exclude: ExcludePatterns::default(),
        disable_upload: false,
        disable_download: false,
        ignores_case: false,
        names_all: true,
    };
    let local = LocalFolder::new(here.to_owned(), ExcludePatterns::default());
    let mut folder = SyncedFolder::open(options, Arc::new(NoHooks), events, system_clock).expect("opened");
    let changes = watch_changes(local, &Events::none()).await.expect("watched");
    keep_equal(&mut folder, target, changes, true, cancel).await.expect("kept equal");
}

#[tokio::test]
async fn a_directory_is_kept_equal_over_a_shell() {
    let temp = tempfile::tempdir().expect("a directory");
    let (here, there) = (temp.path().join("here"), temp.path().join("container/app"));
    let state = temp.path().join("state");
    for folder in [&here.join("d"), &there, &state] {
        fs::create_dir_all(folder).expect("created");
    }
    fs::write(here.join("a"), "one").expect("written");
    fs::write(here.join("d/b"), "b").expect("written");
    fs::write(here.join("same"), "same").expect("written");
    fs::write(there.join("old"), "old").expect("written");
    let shell = Shell { folder: temp.path().join("container"), started: Mutex::default() };
    let target = Target { shell: Arc::new(shell), id: Mutex::new("1".to_owned()) };
    let (cancel, batches) = (CancellationToken::new(), Batches::default());
    let changes = async {
        wait_text(there.join("a"), "one").await;
        wait_text(there.join("d/b"), "b").await;
        wait_for("the deletion there", || !there.join("old").exists()).await;
        // A save, a rename, a mode.
        fs::write(here.join("a"), "two!").expect("written");
        // Written again without a change: nothing is sent.
        fs::write(here.join("same"), "same").expect("written");
        fs::rename(here.join("d"), here.join("e")).expect("renamed");
        fs::set_permissions(here.join("a"), fs::Permissions::from_mode(0o755)).expect("a mode");
        wait_text(there.join("a"), "two!").await;
        wait_text(there.join("e/b"), "b").await;
        wait_for("the old directory", || !there.join("d").exists()).await;
        wait_for("the mode", || {
            fs::metadata(there.join("a")).is_ok_and(|found| found.permissions().mode() & 0o777 == 0o755)
        })
        .await;
        // A new file and a deletion there.
        fs::write(there.join("new"), "there").expect("written");
        fs::remove_file(there.join("e/b")).expect("removed");
        wait_text(here.join("new"), "there").await;
        wait_for("the deletion here", || !here.join("e/b").exists()).await;
        let all = batches.lock().expect("no panic").clone();
        assert_eq!(all.iter().flatten().filter(|path| *path == "same").count(), 1, "{all:?}");
        // A new container has the files of its image.
        target.restart();
        fs::remove_dir_all(&there).expect("removed");
        fs::create_dir_all(&there).expect("created");
        fs::write(there.join("a"), "image").expect("written");
        wait_text(there.join("a"), "two!").await;
        assert_eq!(fs::read_to_string(here.join("a")).expect("readable"), "two!");
        cancel.cancel();
    };
    tokio::join!(follow(&here, &state, &target, &batches, &cancel), changes);
    assert!(!there.join(".windlass-stage").exists());
    assert!(!here.join(".windlass-stage").exists());
}
