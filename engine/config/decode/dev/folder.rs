//! Synced directories.

use std::path::{Component, Path, PathBuf};

use super::command::{on_download, on_upload};
use super::{all_located, choice, located, start, text};
use crate::config::node::{Mapping, Span, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::{
    BandwidthLimits, CompareBy, ContainerSelection, Dev, ExcludeRules, Excludes, Folder, InitialSync,
};

/// Reads an entry of `sync`: the keys that all versions share, and `path` of v2beta1.
pub(super) fn folder(
    node: &YamlNode,
    item: &Mapping,
    selection: ContainerSelection,
    of: &str,
    reader: &mut Reader<'_>,
) -> Option<Folder> {
    let paths = paths(item, of, reader);
    let mut rules = |paths: &str, file: &str| ExcludeRules {
        paths: all_located(item, paths, of, reader),
        file: located(item, file, of, reader),
    };
    let excludes = Excludes {
        both: rules("excludePaths", "excludeFile"),
        upload: rules("uploadExcludePaths", "uploadExcludeFile"),
        download: rules("downloadExcludePaths", "downloadExcludeFile"),
    };
    let initial = choice(item, "initialSync", of, (InitialSync::named, &InitialSync::NAMES), reader);
    let compare_by = choice(item, "initialSyncCompareBy", of, (CompareBy::named, &CompareBy::NAMES), reader);
    let mut flag = |key: &str| reader.boolean(item, key, of);
    let wait_initial_sync = flag("waitInitialSync").unwrap_or(true);
    let mut is_set = |key: &str| flag(key).unwrap_or(false);
    let (disable_upload, disable_download) = (is_set("disableUpload"), is_set("disableDownload"));
    let (no_watch, is_file, start_container) = (is_set("noWatch"), is_set("file"), is_set("startContainer"));
    let limits = limits(item, of, reader);
    let (on_upload, on_download) = (on_upload(item, of, reader), on_download(item, of, reader));
    let name = text(item, "name", of, reader);
    let (local, container) = paths?;
    Some(Folder {
        origin: reader.problems.origin(start(node)),
        name,
        selection,
        local,
        container,
        is_file,
        excludes,
        initial: initial.unwrap_or_default(),
        compare_by: compare_by.unwrap_or_default(),
        wait_initial_sync,
        disable_upload,
        disable_download,
        no_watch,
        limits,
        on_upload,
        on_download,
        start_container,
    })
}

/// The local path and the path in the container.
fn paths(item: &Mapping, of: &str, reader: &mut Reader<'_>) -> Option<(PathBuf, String)> {
    let (local, container) = match text(item, "path", of, reader) {
        Some(path) => {
            let parts: Vec<&str> = path.split(':').collect();
            match parts[..] {
                [both] => (Some(both.to_owned()), Some(both.to_owned())),
                [local, container] => (Some(local.to_owned()), Some(container.to_owned())),
                _ => {
                    let message = format!("`path` of {of} has more than one `:`");
                    let report = Report::new("config::dev", message, "not `LOCAL:REMOTE`");
                    let span = field(item, "path").map_or(Span::default(), |node| node.span);
                    reader.problems.add(span, report.help("write `LOCAL:REMOTE`, two paths without `:`"));
                    return None;
                }
            }
        }
        None => (text(item, "localSubPath", of, reader), text(item, "containerPath", of, reader)),
    };
    let used = |path: Option<String>| path.filter(|path| !path.trim().is_empty());
    let or_here = |path: Option<String>| used(path).unwrap_or_else(|| ".".to_owned());
    Some((or_here(local).into(), or_here(container)))
}

fn limits(item: &Mapping, of: &str, reader: &mut Reader<'_>) -> BandwidthLimits {
    let what = format!("`bandwidthLimits` of {of}");
    let Some(mapping) = field(item, "bandwidthLimits").and_then(|node| reader.mapping(node, &what)) else {
        return BandwidthLimits::default();
    };
    BandwidthLimits {
        upload: limit(mapping, "upload", &what, reader),
        download: limit(mapping, "download", &what, reader),
    }
}

fn limit(mapping: &Mapping, key: &str, of: &str, reader: &mut Reader<'_>) -> Option<u64> {
    let number = text(mapping, key, of, reader)?;
    let limit = number.trim().parse().ok();
    if limit.is_none() {
        let message = format!("`{key}` of {of} is not a limit: `{number}`");
        let report = Report::new("config::dev", message, "not a limit");
        reader.problems.add(field(mapping, key)?.span, report.help("write KB per second; 0 means unlimited"));
    }
    limit.filter(|limit| *limit > 0)
}

/// Reports two directories that download into the same local directory: each would delete what the other downloads.
/// `spans` are the locations of `dev.folders`.
pub(super) fn check_downloads(dev: &Dev, spans: &[Span], reader: &mut Reader<'_>) {
    let downloads = |folder: &Folder| !folder.disable_download;
    for (index, folder) in dev.folders.iter().enumerate().filter(|(_, folder)| downloads(folder)) {
        let is_same =
            |other: &Folder| downloads(other) && normalized(&other.local) == normalized(&folder.local);
        let first = dev.folders[..index].iter().position(is_same);
        if let (Some(first), Some(span)) = (first.and_then(|first| spans.get(first)), spans.get(index)) {
            let message = format!("two containers download into `{}`", folder.local.display());
            let report = Report::new("config::dev", message, "again here").also(*first, "first here");
            reader.problems.add(*span, report.help("set `disableDownload: true` in all but one of them"));
        }
    }
}

/// `path` without `.` and `..` where possible.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normalized.file_name().is_some() => drop(normalized.pop()),
            other => normalized.push(other),
        }
    }
    normalized
}
