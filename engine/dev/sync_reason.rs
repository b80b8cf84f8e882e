//! Why a synced directory syncs a file, or does not.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::folder_job::folder_key;
use super::refused_folder::synced_twice;
use super::{DecidingPattern, FolderRules, refused_folder};
use crate::cluster::ClusterAccess;
use crate::config::Folder as SyncFolder;
use crate::rollout::target_selector;
use crate::run::Run;
use crate::sync::{Kind, Limit, LocalFolder, RelativePath, SyncEntry, SyncRecord, Ways, is_own, record_of};

/// Whether a synced directory syncs one path of this machine, and why.
#[derive(Debug)]
pub struct SyncReason {
    /// The path in the directory; `None` for the directory itself, and if it cannot be synced because of its name.
    pub path: Option<RelativePath>,
    /// Whether the path exists.
    pub exists: bool,
    /// Why it is not synced in any direction; otherwise the directions decide.
    pub not_synced: Option<NotSynced>,
    /// Whether it is uploaded.
    pub upload: WayReason,
    /// Whether it is downloaded.
    pub download: WayReason,
    /// The pattern that includes it again in both ways.
    pub included_by: Option<DecidingPattern>,
    /// The directory here, resolved.
    here: PathBuf,
    entry: Option<SyncEntry>,
}

/// Why a path is not synced in any direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSynced {
    /// A pattern excludes it.
    Excluded(DecidingPattern),
    /// Another reason, as a phrase that follows "it is not synced: ".
    Other(String),
}

/// Whether a path is synced in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WayReason {
    /// Whether it does.
    pub is_open: bool,
    /// Whether the way is closed for all files.
    pub is_disabled: bool,
    /// The pattern that decides.
    pub pattern: Option<DecidingPattern>,
}

impl SyncReason {
    /// Whether `folder`, one of the `folders` of the project in `root`, syncs `file`, an absolute path that need not
    /// exist; `None` if `file` is not in the directory. Everything is decided by the functions that the sync uses.
    pub fn new(root: &Path, folders: &[SyncFolder], folder: &SyncFolder, file: &Path) -> Option<Self> {
        let local = root.join(&folder.local);
        let Some(here) = local.canonicalize().ok().filter(|here| here.is_dir()) else {
            let missing = || format!("the directory `{}` does not exist", folder.local.display());
            let why = refused_folder(root, folders, folder).unwrap_or_else(missing);
            return file.starts_with(&local).then(|| Self::never(local.clone(), file, why));
        };
        let rules = FolderRules::read(&folder.excludes, &here);
        let inside = inside(&here, file).or_else(|| {
            let both = rules.as_ref().map(|rules| rules.both.rules.clone()).unwrap_or_default();
            through_link(&LocalFolder::new(here.clone(), both), file)
        })?;
        if let Some(why) = synced_twice(folders, folder) {
            return Some(Self::never(here, file, why));
        }
        let rules = match rules {
            Ok(rules) => rules,
            Err(error) => return Some(Self::never(here, file, error.to_string())),
        };
        if inside.as_os_str().is_empty() {
            let open = |is_disabled: bool| WayReason { is_open: !is_disabled, is_disabled, pattern: None };
            let (upload, download) = (open(folder.disable_upload), open(folder.disable_download));
            let (path, not_synced, included_by, entry) = (None, None, None, None);
            return Some(Self { path, exists: true, not_synced, upload, download, included_by, here, entry });
        }
        let Some(path) = inside.to_str().and_then(RelativePath::new) else {
            let why = "its name has a line feed, or is not UTF-8".to_owned();
            return Some(Self::never(here, file, why));
        };
        let on_disk = LocalFolder::new(here.clone(), rules.both.rules.clone());
        let scanned = on_disk.scan_paths(&[path.clone()].into());
        let entry = scanned.entries.get(&path).cloned();
        let exists = path.within(&here).symlink_metadata().is_ok();
        // A path with `/` at its end is a directory, also if it does not exist.
        let is_directory = match on_disk.entry(&path) {
            Ok(Some(entry)) => entry.kind == Kind::Directory,
            _ => file.as_os_str().as_encoded_bytes().ends_with(b"/"),
        };
        let both = rules.both.deciding(&path, is_directory);
        let not_synced = match (&entry, both.clone().filter(|deciding| deciding.excludes)) {
            (Some(_), _) => None,
            _ if is_own(path.as_str()) => {
                Some(NotSynced::Other("windlass and DevSpace keep their own files there".to_owned()))
            }
            (None, Some(deciding)) => Some(NotSynced::Excluded(deciding)),
            (None, None) => obstacle(&on_disk, &path, exists)
                .or_else(|| {
                    scanned.unreadable.first().map(|(at, why)| format!("`{at}` cannot be read: {why}"))
                })
                .or_else(|| scanned.unusable.first().map(|at| format!("`{at}` cannot be synced")))
                .map(NotSynced::Other),
        };
        let upload = Limit { exclude: &rules.upload.rules, is_disabled: folder.disable_upload };
        let download = Limit { exclude: &rules.download.rules, is_disabled: folder.disable_download };
        let ways = Ways::of(&path, is_directory, upload, download);
        let is_synced = not_synced.is_none();
        Some(Self {
            exists,
            upload: WayReason {
                is_open: is_synced && ways.up,
                is_disabled: folder.disable_upload,
                pattern: rules.upload.deciding(&path, is_directory),
            },
            download: WayReason {
                is_open: is_synced && ways.down,
                is_disabled: folder.disable_download,
                pattern: rules.download.deciding(&path, is_directory),
            },
            path: Some(path),
            included_by: both.filter(|_| is_synced),
            not_synced,
            here,
            entry,
        })
    }

    /// A path that is not synced because of its directory or its name.
    fn never(here: PathBuf, file: &Path, why: String) -> Self {
        Self {
            path: None,
            exists: file.symlink_metadata().is_ok(),
            not_synced: Some(NotSynced::Other(why)),
            upload: WayReason::default(),
            download: WayReason::default(),
            included_by: None,
            here,
            entry: None,
        }
    }

    /// Where it is in the container of `folder`; a path without `/` at its start is relative to the working directory.
    pub fn there(&self, folder: &SyncFolder) -> String {
        let path = self.path.as_ref().map_or("", RelativePath::as_str);
        match (folder.container.trim_end_matches('/'), path) {
            ("", "") => "/".to_owned(),
            (container, "") => container.to_owned(),
            (".", path) => path.to_owned(),
            (container, path) => format!("{container}/{path}"),
        }
    }

    /// The record of the path for the container that `folder` selects, or `None`. Contacts no cluster.
    pub fn record(&self, run: &Arc<Run>, folder: &SyncFolder, access: &ClusterAccess) -> Option<SyncRecord> {
        let context = access.context().ok().flatten()?;
        let selector = target_selector(run, &folder.selection).ok()?;
        let key = folder_key(context, &selector, self.here.clone(), folder.container.clone());
        let state = run.project.root.join(".windlass").join("sync");
        record_of(&state, &key, self.path.as_ref()?, self.entry.as_ref())
    }
}

/// The path of `file` in the directory `here`, by way of the first directory above it that is `here`.
fn inside(here: &Path, file: &Path) -> Option<PathBuf> {
    let mut parents: Vec<_> = file.ancestors().collect();
    parents.reverse();
    let is_here = |parent: &&&Path| parent.canonicalize().is_ok_and(|parent| parent == here);
    let parent = parents.iter().find(is_here)?;
    let rest = file.strip_prefix(parent).ok()?;
    Some(rest.components().filter(|part| *part != Component::CurDir).collect())
}

/// The path of `file` in `folder` by way of a link that leads out of it, which is followed.
fn through_link(folder: &LocalFolder, file: &Path) -> Option<PathBuf> {
    folder.followed_links().iter().find_map(|link| {
        let target = link.targets.last()?.canonicalize().ok()?;
        Some(Path::new(link.path.as_str()).join(inside(&target, file)?).components().collect())
    })
}

/// The reason why `path` cannot be synced, although no rule excludes it; `None` if it does not exist.
fn obstacle(folder: &LocalFolder, path: &RelativePath, exists: bool) -> Option<String> {
    let mut parents: Vec<_> = std::iter::successors(path.parent(), RelativePath::parent).collect();
    parents.reverse();
    for parent in parents {
        match folder.entry(&parent).ok()?.map(|entry| entry.kind) {
            Some(Kind::Link(target)) => {
                return Some(format!("`{parent}` is a link to `{target}`, and is synced as a link"));
            }
            Some(Kind::File) => return Some(format!("`{parent}` is a file")),
            Some(Kind::Directory) | None => {}
        }
    }
    let is_nothing = matches!(folder.entry(path), Ok(None));
    (exists && is_nothing).then(|| "it is not a file or directory, or a broken link".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;
    use crate::config::{ContainerSelection, LocatedText, Origin};
    use crate::sync::ExcludePatterns;

    const NAMES: [&str; 4] = ["app", "log", "keep", "x.o"];
    const PATTERNS: [&str; 16] = [
        "*.o",
        "log/",
        "!log/keep",
        "**",
        "!/app/",
        "/app/*",
        "!keep",
        "keep",
        "# app",
        "a[",
        "app/log",
        "/log",
        "!*.o",
        "",
        "/**/x.o",
        "app/*.o",
    ];

    fn origin(line: usize) -> Origin {
        Origin { file: "devspace.yaml".into(), line, column: 1 }
    }

    /// The files and directories of three levels, and a link that stays inside and one that leaves.
    fn tree(root: &Path) {
        let root = root.join("root");
        for (one, two, three) in NAMES.iter().flat_map(|one| {
            NAMES.iter().flat_map(move |two| NAMES.iter().take(3).map(move |three| (one, two, three)))
        }) {
            let folder = root.join(one).join(two);
            fs::create_dir_all(&folder).expect("created");
            fs::write(folder.join(three), "").expect("written");
        }
        fs::create_dir_all(root.join("../out/log")).expect("created");
        fs::write(root.join("../out/log/keep"), "").expect("written");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("app", root.join("inside")).expect("a link");
            std::os::unix::fs::symlink("../out", root.join("leaves")).expect("a link");
        }
    }

    /// Everything below `folder`, without `.windlass`.
    fn all(folder: &Path, below: &str, found: &mut Vec<String>) {
        for item in fs::read_dir(folder).expect("readable").flatten() {
            let path = format!("{below}{}", item.file_name().display());
            if item.path().is_dir() {
                all(&item.path(), &format!("{path}/"), found);
            }
            found.push(path);
        }
    }

    fn rules(patterns: &[&str]) -> crate::config::ExcludeRules {
        let located = patterns.iter().enumerate();
        let located =
            located.map(|(line, text)| LocatedText { text: (*text).to_owned(), origin: origin(line) });
        crate::config::ExcludeRules { paths: located.collect(), file: None }
    }

    #[test]
    fn an_answer_equals_a_scan_with_the_same_rules() {
        let temp = tempfile::tempdir().expect("a directory");
        let temp = temp.path().canonicalize().expect("a real path");
        tree(&temp);
        let root = temp.join("root");
        let mut paths = Vec::new();
        all(&root, "", &mut paths);
        assert!(paths.len() > 80, "{paths:?}");
        let patterns = || proptest::collection::vec(proptest::sample::select(PATTERNS.to_vec()), 0..5);
        let config = Config { failure_persistence: None, cases: 24, ..Config::default() };
        let cases = (patterns(), patterns(), patterns(), any::<bool>(), any::<bool>());
        let ran = TestRunner::new(config).run(&cases, |(both, up, down, no_upload, no_download)| {
            let folder = folder(rules(&both), rules(&up), rules(&down), no_upload, no_download);
            let scan = LocalFolder::new(root.clone(), ExcludePatterns::new(&both))
                .scan(&std::collections::BTreeMap::new());
            let [up, down] = [up, down].map(ExcludePatterns::new);
            for path in &paths {
                let reason = SyncReason::new(&root, std::slice::from_ref(&folder), &folder, &root.join(path))
                    .expect("it is inside");
                let entry = scan.entries.get(path.as_str());
                let is_directory = entry.is_some_and(|entry| entry.kind == Kind::Directory);
                let goes = |rules: &ExcludePatterns, is_disabled: bool| {
                    entry.is_some() && !is_disabled && !rules.excludes(path, is_directory)
                };
                prop_assert_eq!(reason.upload.is_open, goes(&up, no_upload), "{} up", path);
                prop_assert_eq!(reason.download.is_open, goes(&down, no_download), "{} down", path);
                // Each path that is not synced has a reason, and the pattern is the last one that matches.
                prop_assert_eq!(reason.not_synced.is_none(), entry.is_some(), "{}", path);
                if let Some(NotSynced::Excluded(deciding)) = &reason.not_synced {
                    let line = deciding.pattern.origin.line;
                    let is_directory = root.join(path).is_dir() && path != "inside";
                    let last = ExcludePatterns::new(&both[line..]).deciding(path, is_directory);
                    prop_assert_eq!(last, Some((0, true)), "{} {:?}", path, deciding);
                }
            }
            Ok(())
        });
        ran.expect("every answer is right");
    }

    fn folder(
        both: crate::config::ExcludeRules,
        upload: crate::config::ExcludeRules,
        download: crate::config::ExcludeRules,
        disable_upload: bool,
        disable_download: bool,
    ) -> SyncFolder {
        SyncFolder {
            origin: origin(0),
            name: None,
            selection: ContainerSelection::any(origin(0)),
            local: ".".into(),
            container: "/srv".to_owned(),
            is_file: false,
            excludes: crate::config::Excludes { both, upload, download },
            initial: crate::config::InitialSync::default(),
            compare_by: crate::config::CompareBy::default(),
            wait_initial_sync: true,
            disable_upload,
            disable_download,
            no_watch: false,
            limits: crate::config::BandwidthLimits::default(),
            on_upload: crate::config::OnUpload::default(),
            on_download: crate::config::OnDownload::default(),
            start_container: false,
        }
    }
}
