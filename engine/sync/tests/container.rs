//! A directory in a container, in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::super::base::BaseTree;
use super::super::local::is_same_file;
use super::super::{
    CommandEnd, DownloadOutcome, Expected, Facts, Kind, PathOutcome, Pruned, RelativePath, Remote,
    RemoteCommand, RemoteError, Scan, SyncEntry, Tier, Upload,
};
use crate::image::Digest;

/// A directory in a container. It records the calls.
pub struct Container {
    facts: Facts,
    /// The holder of this delays the upload of `big`.
    pub gate: tokio::sync::Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<RelativePath, (SyncEntry, Vec<u8>)>,
    calls: Vec<String>,
    next_inode: u64,
    gap: Option<String>,
    error: Option<RemoteError>,
    is_cut: bool,
}

impl Container {
    pub fn new() -> Self {
        let facts = Facts {
            tier: Tier::Full,
            missing: Vec::new(),
            user: (0, 0),
            root: "/app".to_owned(),
            clock_ahead: 0,
            mounts: Vec::new(),
            is_mount: false,
        };
        Self { facts, gate: tokio::sync::Semaphore::new(1), state: Mutex::default() }
    }

    pub fn with_clock(mut self, ahead: i128) -> Self {
        self.facts.clock_ahead = ahead;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a file at a time in seconds, and the directories that contain it.
    pub fn write(&self, path: &str, text: &str, seconds: i64) {
        let path = RelativePath::new(path).expect("a path");
        let mut state = self.state();
        let mut parents: Vec<_> = std::iter::successors(path.parent(), RelativePath::parent).collect();
        parents.reverse();
        for parent in parents {
            let entry = state.entry(Kind::Directory, 0o755, 0, 0);
            state.files.entry(parent).or_insert((entry, Vec::new()));
        }
        let entry = state.entry(Kind::File, 0o644, text.len(), seconds * 1_000_000_000);
        state.files.insert(path, (entry, text.as_bytes().to_vec()));
    }

    pub fn link(&self, path: &str, target: &str) {
        let mut state = self.state();
        let entry = state.entry(Kind::Link(target.into()), 0o777, 0, 0);
        state.files.insert(RelativePath::new(path).expect("a path"), (entry, Vec::new()));
    }

    /// Removes a path and all below it.
    pub fn remove(&self, path: &str) {
        let path = RelativePath::new(path).expect("a path");
        self.state().files.retain(|other, _| *other != path && !other.is_below(&path));
    }

    pub fn clear(&self) {
        self.state().files.clear();
    }

    pub fn set_gap(&self, gap: Option<&str>) {
        self.state().gap = gap.map(str::to_owned);
    }

    /// The error of the next write of a file.
    pub fn fail_with(&self, error: Option<RemoteError>) {
        self.state().error = error;
    }

    /// Whether the connection ends at the next call.
    pub fn cut(&self, is_cut: bool) {
        self.state().is_cut = is_cut;
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> Option<String> {
        let state = self.state();
        state.files.get(path).map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
    }

    pub fn mode(&self, path: &str) -> Option<u32> {
        self.state().files.get(path).map(|(entry, _)| entry.mode)
    }

    pub fn mtime(&self, path: &str) -> Option<i64> {
        self.state().files.get(path).map(|(entry, _)| entry.mtime)
    }

    /// All paths.
    pub fn paths(&self) -> Vec<String> {
        self.state().files.keys().map(ToString::to_string).collect()
    }

    /// The calls since the last call: `upload a`, `delete b`, `mode c`, `download d`.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    fn alive(&self) -> Result<MutexGuard<'_, State>, RemoteError> {
        let state = self.state();
        match state.is_cut {
            true => Err(RemoteError::Lost { reason: "cut".to_owned() }),
            false => Ok(state),
        }
    }
}

impl State {
    fn entry(&mut self, kind: Kind, mode: u32, size: usize, mtime: i64) -> SyncEntry {
        self.next_inode += 1;
        SyncEntry {
            kind,
            mode,
            size: size as u64,
            mtime,
            inode: self.next_inode,
            owner: (0, 0),
            digest: None,
        }
    }

    fn is_expected(&self, path: &RelativePath, expected: &Expected) -> bool {
        let now = self.files.get(path).map(|(entry, _)| entry);
        match (expected, now) {
            (Expected::Unknown, _) | (Expected::Nothing, None) => true,
            (Expected::Entry(then), Some(now)) => {
                then.kind == now.kind && (then.kind != Kind::File || is_same_file(then, now))
            }
            _ => false,
        }
    }

    fn upload(&mut self, upload: &Upload) -> PathOutcome {
        let Upload { path, entry, source, expected } = upload;
        if !self.is_expected(path, expected) {
            return PathOutcome::ChangedThere;
        }
        if path.parent().is_some_and(|parent| !self.files.contains_key(&parent)) {
            return failed("no such directory");
        }
        let old = self.files.get(path).map(|(entry, _)| entry.clone());
        let (mode, bytes) = match (&entry.kind, &old) {
            (Kind::File, Some(SyncEntry { kind: Kind::Directory, .. })) => return failed("is a directory"),
            (Kind::Directory, Some(old)) if old.kind != Kind::Directory => return failed("not a directory"),
            (Kind::File, old) => {
                if let Some(error) = self.error.clone() {
                    return PathOutcome::Failed(error);
                }
                let Ok(bytes) = std::fs::read(source) else { return PathOutcome::ChangedHere };
                if bytes.len() as u64 != entry.size {
                    return PathOutcome::ChangedHere;
                }
                let is_file = old.as_ref().is_some_and(|old| old.kind == Kind::File);
                (if is_file { old.as_ref().map_or(0, |old| old.mode) } else { entry.mode }, bytes)
            }
            _ => (entry.mode, Vec::new()),
        };
        let mut new = self.entry(entry.kind.clone(), mode, bytes.len(), entry.mtime);
        self.files.insert(path.clone(), (new.clone(), bytes.clone()));
        self.calls.push(format!("upload {path}"));
        if entry.kind == Kind::File {
            new.digest = Some(Digest::of(bytes).into());
        }
        PathOutcome::Done(Some(new))
    }
}

fn failed(reason: &str) -> PathOutcome {
    PathOutcome::Failed(RemoteError::Failed { doing: "write".to_owned(), reason: reason.to_owned() })
}

#[async_trait]
impl Remote for Container {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn scan(&self, _pruned: &[Pruned], _known: &BaseTree) -> Result<Scan, RemoteError> {
        let mut state = self.alive()?;
        let root = Some(state.entry(Kind::Directory, 0o755, 0, 0));
        let entries = state.files.iter().map(|(path, (entry, _))| (path.clone(), entry.clone())).collect();
        Ok(Scan { root, entries, unusable: Vec::new(), gap: state.gap.clone() })
    }

    async fn digests(&self, paths: &[RelativePath]) -> Result<Vec<(RelativePath, Digest)>, RemoteError> {
        let state = self.alive()?;
        let digest = |path: &RelativePath| Some((path.clone(), Digest::of(&state.files.get(path)?.1)));
        Ok(paths.iter().filter_map(digest).collect())
    }

    async fn upload(&self, uploads: Vec<Upload>) -> Result<Vec<PathOutcome>, RemoteError> {
        if uploads.iter().any(|upload| upload.path.as_str() == "big") {
            drop(self.gate.acquire().await.expect("it is open"));
        }
        let mut state = self.alive()?;
        Ok(uploads.iter().map(|upload| state.upload(upload)).collect())
    }

    async fn download(
        &self,
        downloads: &[(RelativePath, SyncEntry)],
        stage: &Path,
    ) -> Result<Vec<DownloadOutcome>, RemoteError> {
        let mut state = self.alive()?;
        let mut outcomes = Vec::new();
        for (number, (path, entry)) in downloads.iter().enumerate() {
            if !state.is_expected(path, &Expected::Entry(entry.clone())) {
                outcomes.push(DownloadOutcome::ChangedThere);
                continue;
            }
            let copy = stage.join(number.to_string());
            let bytes = state.files.get(path).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
            std::fs::write(&copy, &bytes).expect("a stage");
            state.calls.push(format!("download {path}"));
            outcomes.push(DownloadOutcome::File { copy, digest: Digest::of(&bytes) });
        }
        Ok(outcomes)
    }

    async fn delete(&self, deletions: &[(RelativePath, Expected)]) -> Result<Vec<PathOutcome>, RemoteError> {
        let mut state = self.alive()?;
        let mut outcomes = Vec::new();
        for (path, expected) in deletions {
            outcomes.push(if !state.is_expected(path, expected) {
                PathOutcome::ChangedThere
            } else if state.files.keys().any(|other| other.is_below(path)) {
                failed("directory not empty")
            } else {
                state.files.remove(path);
                state.calls.push(format!("delete {path}"));
                PathOutcome::Done(None)
            });
        }
        Ok(outcomes)
    }

    async fn set_modes(&self, modes: &[(RelativePath, u32)]) -> Result<Vec<PathOutcome>, RemoteError> {
        let mut state = self.alive()?;
        let mut outcomes = Vec::new();
        for (path, mode) in modes {
            let Some((entry, _)) = state.files.get_mut(path) else {
                outcomes.push(PathOutcome::ChangedThere);
                continue;
            };
            entry.mode = *mode;
            outcomes.push(PathOutcome::Done(Some(entry.clone())));
            state.calls.push(format!("mode {path}"));
        }
        Ok(outcomes)
    }

    async fn run(&self, _command: &RemoteCommand) -> Result<CommandEnd, RemoteError> {
        Ok(CommandEnd { code: 0, output: Vec::new() })
    }

    async fn restart(&self) -> Result<(), RemoteError> {
        Ok(())
    }

    async fn close(&self) {}
}
