//! Whether a file is synced, and why.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::cluster::ClusterAccess;
use crate::command::age::ago;
use crate::command::dry_run::DryRun;
use crate::config::{ContainerSelection, Folder, Origin};
use crate::dev::{DecidingPattern, NotSynced, SyncReason, WayReason};
use crate::lock::lock;

/// How many entries are named if none has a file.
const NEAREST: usize = 3;

/// The effect of the sync entries on one file. The fields are an interface for programs: new ones may be added, but
/// none renamed.
#[derive(Serialize)]
pub(super) struct SyncReport {
    /// The file, relative to the project if it is inside.
    file: String,
    /// Whether it exists here.
    exists: bool,
    /// The entries that it belongs to.
    entries: Vec<Synced>,
    /// The entries nearby, if it belongs to none.
    nearest: Vec<EntryName>,
}

/// An entry of `dev.sync`.
#[derive(Serialize)]
struct EntryName {
    /// The local path, relative to the project directory.
    local: String,
    /// The path in the container; `.` is its working directory.
    container: String,
    selection: ContainerSelection,
    /// File and line of the entry in devspace.yaml.
    origin: Origin,
    #[serde(skip)]
    text: String,
}

/// The effect of an entry on the file.
#[derive(Serialize)]
struct Synced {
    #[serde(flatten)]
    entry: EntryName,
    /// The path of the file in the container, relative to its working directory if it does not begin with `/`.
    target: String,
    upload: WayView,
    download: WayView,
    /// The record of the file for this container; `null` without a record.
    last_sync: Option<LastSync>,
}

/// Whether the file is synced in one direction.
#[derive(Serialize)]
struct WayView {
    /// Whether it does; if it does not exist, whether it would.
    allowed: bool,
    reason: String,
    /// The pattern that decides, if one does.
    pattern: Option<PatternView>,
}

#[derive(Serialize)]
struct PatternView {
    pattern: String,
    /// `false` for a pattern with `!`.
    excludes: bool,
    /// File, line and column of the pattern.
    origin: Origin,
}

/// The last state that both sides had.
#[derive(Serialize)]
struct LastSync {
    /// When the version was modified that both sides had last, RFC 3339; `null` if they had none.
    version: Option<String>,
    /// Whether that is the version that is here now.
    is_current: bool,
    /// Whether any version was ever uploaded, or deleted in the container.
    was_sent: bool,
}

/// The reports for `files`, which are absolute: the effects of all entries that the scripts of `dry_run` sync.
pub(super) fn reports(dry_run: &DryRun, files: &[PathBuf]) -> Vec<SyncReport> {
    let run = &dry_run.execution.run;
    let folders = lock(&dry_run.execution.wanted).folders.clone();
    let access = ClusterAccess::new(run.options.cluster_of(&run.project));
    let root = &run.project.root;
    let report = |file: &PathBuf| {
        let shown =
            root.canonicalize().ok().and_then(|root| file.strip_prefix(root).ok().map(Path::to_owned));
        let shown = shown.or_else(|| file.strip_prefix(root).ok().map(Path::to_owned));
        let reasons = folders
            .iter()
            .filter_map(|folder| Some((folder, SyncReason::new(root, &folders, folder, file)?)));
        let entries: Vec<_> = reasons
            .map(|(folder, reason)| {
                let last_sync = reason.record(run, folder, &access).map(|record| LastSync {
                    version: record.common.and_then(|at| Timestamp::from_nanosecond(at).ok()).map(rounded),
                    is_current: record.is_current,
                    was_sent: record.was_sent,
                });
                Synced { last_sync, ..Synced::new(folder, &reason) }
            })
            .collect();
        SyncReport {
            file: shown.as_deref().unwrap_or(file).display().to_string(),
            exists: file.symlink_metadata().is_ok(),
            nearest: if entries.is_empty() { nearest(root, &folders, file) } else { Vec::new() },
            entries,
        }
    };
    files.iter().map(report).collect()
}

/// A time in whole seconds.
fn rounded(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// The entries whose directories have most in common with the path of `file`.
fn nearest(root: &Path, folders: &[Folder], file: &Path) -> Vec<EntryName> {
    let common = |folder: &&Folder| {
        let local = root.join(&folder.local);
        let local = local.canonicalize().unwrap_or(local);
        let pairs = local.components().zip(file.components());
        std::cmp::Reverse(pairs.take_while(|(one, other)| one == other).count())
    };
    let mut nearest: Vec<_> = folders.iter().collect();
    nearest.sort_by_key(common);
    nearest.into_iter().take(NEAREST).map(EntryName::new).collect()
}

impl EntryName {
    fn new(folder: &Folder) -> Self {
        Self {
            local: folder.local.display().to_string(),
            container: folder.container.clone(),
            selection: folder.selection.clone(),
            origin: folder.origin.clone(),
            text: format!("{folder} ({})", folder.origin),
        }
    }
}

impl Synced {
    fn new(folder: &Folder, reason: &SyncReason) -> Self {
        let target = reason.there(folder);
        let disabled = |key: &str| format!("`{key}` of the entry is set");
        let once = match (folder.no_watch, folder.initial) {
            (true, _) => ", at the start (`noWatch`)",
            (_, crate::config::InitialSync::Disabled) => ", once it changes (`initialSync: disabled`)",
            _ => "",
        };
        let missing = if reason.exists { "" } else { "once it exists, " };
        Self {
            upload: WayView::new(reason, &reason.upload, &disabled("disableUpload"), || {
                format!("{missing}to {target}{once}")
            }),
            download: WayView::new(reason, &reason.download, &disabled("disableDownload"), || {
                format!("from {target}{once}")
            }),
            entry: EntryName::new(folder),
            target,
            last_sync: None,
        }
    }
}

impl WayView {
    fn new(reason: &SyncReason, way: &WayReason, disabled: &str, open: impl FnOnce() -> String) -> Self {
        let (reason, pattern) = match &reason.not_synced {
            Some(NotSynced::Excluded(pattern)) => (told(pattern), Some(pattern)),
            Some(NotSynced::Other(why)) => (why.clone(), None),
            None if way.is_disabled => (disabled.to_owned(), None),
            None => {
                // A pattern of one way decides after those of both.
                let pattern = way.pattern.as_ref().or(reason.included_by.as_ref());
                let told = pattern.map(told);
                match (way.is_open, told) {
                    (false, told) => (told.unwrap_or_default(), pattern),
                    (true, None) => (open(), None),
                    (true, Some(told)) => (format!("{}; {told}", open()), pattern),
                }
            }
        };
        let pattern = pattern.map(|DecidingPattern { pattern, excludes }| PatternView {
            pattern: pattern.text.clone(),
            excludes: *excludes,
            origin: pattern.origin.clone(),
        });
        Self { allowed: way.is_open, reason, pattern }
    }
}

/// "`*.log` at devspace.yaml:8:23 excludes it".
fn told(DecidingPattern { pattern, excludes }: &DecidingPattern) -> String {
    let verb = if *excludes { "excludes it" } else { "includes it again" };
    format!("`{}` at {} {verb}", pattern.text.trim(), pattern.origin)
}

/// The reports for people; `now` dates the last sync.
pub(super) fn text(reports: &[SyncReport], now: Timestamp) -> String {
    let mut text = String::new();
    for SyncReport { file, exists, entries, nearest } in reports {
        // Writing to a string cannot fail.
        let missing = if *exists { "" } else { " (does not exist)" };
        let _ = writeln!(text, "{file}{missing}");
        if entries.is_empty() {
            let _ = writeln!(text, "  no sync entry has it in its directory");
        }
        for near in nearest {
            let _ = writeln!(text, "  nearest      {}", near.text);
        }
        for Synced { entry, upload, download, last_sync, .. } in entries {
            let _ = writeln!(text, "  {}", entry.text);
            let is_same = !upload.allowed && !download.allowed && upload.reason == download.reason;
            let ways = [("upload", upload), ("download", download)];
            let ways = if is_same { &[("synced", upload)][..] } else { &ways[..] };
            for (title, way) in ways {
                let answer = if way.allowed { "yes, " } else { "no: " };
                let _ = writeln!(text, "    {title:10} {answer}{}", way.reason);
            }
            if upload.allowed || download.allowed || last_sync.is_some() {
                let _ = writeln!(text, "    last sync  {}", last_sync_text(last_sync.as_ref(), now));
            }
        }
    }
    text
}

fn last_sync_text(last: Option<&LastSync>, now: Timestamp) -> String {
    match last {
        None => "not recorded here".to_owned(),
        Some(LastSync { version: None, .. }) => "uploaded earlier, to another container".to_owned(),
        Some(LastSync { version: Some(version), is_current, .. }) => {
            let ago = version.parse().map(|at| format!(" ({})", ago(at, now))).unwrap_or_default();
            let since = if *is_current { "which is the one here" } else { "the one here is another" };
            format!("both sides had the version of {version}{ago}, {since}")
        }
    }
}
