//! The files that syncs downloaded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::config::Origin;
use crate::lock::lock;

/// The number of files that are remembered.
const REMEMBERED: usize = 10_000;

/// The files that syncs downloaded. Cheap to clone.
#[derive(Clone, Default)]
pub struct Downloads(Arc<Mutex<HashMap<PathBuf, (Version, Download)>>>);

/// A file that a sync downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The entry of `dev.sync`.
    pub entry: Origin,
    /// The pattern that excludes the file: `/gen/version`.
    pub pattern: String,
}

/// The modification time and size of a file: they differ if its content does.
type Version = (Option<SystemTime>, u64);

impl Downloads {
    /// Records that the sync entry `entry`, in which the path of the file is `path`, just downloaded it to `on_disk`.
    pub fn add(&self, on_disk: &Path, path: &str, entry: &Origin) {
        let Some(version) = version(on_disk) else { return };
        let download = Download { entry: entry.clone(), pattern: format!("/{path}") };
        let mut known = lock(&self.0);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(on_disk.to_owned(), (version, download));
    }

    /// The download that wrote the file at `on_disk`, if the file is unchanged since then.
    pub fn find(&self, on_disk: &Path) -> Option<Download> {
        let (known, download) = lock(&self.0).get(on_disk)?.clone();
        (version(on_disk) == Some(known)).then_some(download)
    }
}

fn version(path: &Path) -> Option<Version> {
    let found = path.symlink_metadata().ok()?;
    Some((found.modified().ok(), found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_known_until_another_process_writes_the_file() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("a");
        let downloads = Downloads::default();
        let entry = Origin { file: "devspace.yaml".into(), line: 3, column: 5 };
        downloads.add(&path, "gen/a", &entry);
        assert_eq!(downloads.find(&path), None, "it does not exist");
        std::fs::write(&path, "one").expect("written");
        downloads.add(&path, "gen/a", &entry);
        assert_eq!(downloads.find(&path), Some(Download { entry, pattern: "/gen/a".to_owned() }));
        std::fs::write(&path, "longer").expect("written");
        assert_eq!(downloads.find(&path), None);
    }
}
