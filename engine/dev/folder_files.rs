//! The local files of a synced directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{FolderRules, refused_folder};
use crate::config::Folder as SyncFolder;
use crate::sync::{Kind, LocalFolder, RelativePath};

/// The number of entries that count as the largest.
const LARGEST: usize = 3;

/// The local files of a synced directory, without excluded ones.
#[derive(Debug, Default, Serialize)]
pub struct FolderFiles {
    /// The number of files.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// The largest files and directories at the top of the directory.
    pub largest: Vec<LargeEntry>,
    /// Why it cannot be synced, or which of its files cannot.
    pub problems: Vec<String>,
    /// The files, absolute and resolved.
    #[serde(skip)]
    pub paths: Vec<PathBuf>,
}

/// A file or directory at the top of a synced directory.
#[derive(Debug, Serialize)]
pub struct LargeEntry {
    /// Its name; that of a directory ends with `/`.
    pub name: String,
    /// The number of its files.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

impl FolderFiles {
    /// Lists `folder`, one of the `folders` of the project in `root`. If it uploads, only uploaded files count.
    pub fn new(root: &Path, folders: &[SyncFolder], folder: &SyncFolder) -> Self {
        let local = root.join(&folder.local);
        let problem = |problem: String| Self { problems: vec![problem], ..Self::default() };
        if let Some(refused) = refused_folder(root, folders, folder) {
            return problem(refused);
        }
        let Some(here) = local.canonicalize().ok().filter(|path| path.is_dir()) else {
            return problem(format!("the directory `{}` does not exist", local.display()));
        };
        let FolderRules { both, upload, .. } = match FolderRules::read(&folder.excludes, &here) {
            Ok(rules) => rules,
            Err(error) => return problem(error.to_string()),
        };
        let scan = LocalFolder::new(here.clone(), both.rules).scan(&BTreeMap::new());
        let mut found = Self::default();
        let mut entries: BTreeMap<String, LargeEntry> = BTreeMap::new();
        for (path, entry) in scan.entries.iter().filter(|(_, entry)| entry.kind != Kind::Directory) {
            if !folder.disable_upload && upload.rules.excludes(path.as_str(), false) {
                continue;
            }
            found.files += 1;
            found.bytes += entry.size;
            found.paths.push(path.within(&here));
            let name = top(path);
            let large =
                entries.entry(name.clone()).or_insert_with(|| LargeEntry { name, files: 0, bytes: 0 });
            large.files += 1;
            large.bytes += entry.size;
        }
        found.largest = entries.into_values().collect();
        found.largest.sort_by_key(|entry| std::cmp::Reverse((entry.bytes, entry.files)));
        found.largest.truncate(LARGEST);
        let unusable = scan.unusable.iter().map(|name| format!("`{name}` cannot be synced"));
        let unreadable =
            scan.unreadable.iter().map(|(path, reason)| format!("`{path}` cannot be read: {reason}"));
        found.problems = unusable.chain(unreadable).collect();
        found
    }
}

/// The name at the top of the directory that contains `path`.
fn top(path: &RelativePath) -> String {
    match path.as_str().split_once('/') {
        Some((directory, _)) => format!("{directory}/"),
        None => path.as_str().to_owned(),
    }
}
