//! The files that syncs upload to containers without a build.

use std::path::{Path, PathBuf};

use super::FolderRules;
use crate::config::Folder as SyncFolder;
use crate::sync::{ExcludePatterns, is_own};

/// The files that syncs upload to containers without a build.
pub struct Coverage(Vec<Covering>);

/// A synced directory that uploads changed files.
struct Covering {
    /// Its place among all directories.
    index: usize,
    /// The image of its container, if it names one.
    image: Option<String>,
    /// The directory here, resolved.
    here: PathBuf,
    rules: [ExcludePatterns; 2],
}

impl Coverage {
    /// The files that `folders` of the project in `root` upload.
    pub fn new(root: &Path, folders: &[SyncFolder]) -> Self {
        let uploading = folders.iter().enumerate();
        let uploading = uploading.filter(|(_, folder)| !folder.disable_upload && !folder.no_watch);
        let covering = |(index, folder): (usize, &SyncFolder)| {
            let here = root.join(&folder.local).canonicalize().ok().filter(|here| here.is_dir())?;
            // With rules that cannot be read, nothing is synced.
            let FolderRules { both, upload, .. } = FolderRules::read(&folder.excludes, &here).ok()?;
            let rules = [both.rules, upload.rules];
            Some(Covering { index, image: folder.selection.image.clone(), here, rules })
        };
        Self(uploading.filter_map(covering).collect())
    }

    /// Whether a sync uploads the file `path` (absolute, resolved) to the containers of `image`: then a change of it
    /// needs no build.
    pub fn covers(&self, image: &str, path: &Path) -> bool {
        self.0.iter().any(|folder| folder.image.as_deref() == Some(image) && folder.has(path))
    }

    /// The places of the directories that upload the file `path` (absolute, resolved).
    pub fn folders_of(&self, path: &Path) -> Vec<usize> {
        self.0.iter().filter(|folder| folder.has(path)).map(|folder| folder.index).collect()
    }
}

impl Covering {
    fn has(&self, path: &Path) -> bool {
        let inside = path.strip_prefix(&self.here).ok().and_then(Path::to_str);
        inside
            .is_some_and(|path| !is_own(path) && !self.rules.iter().any(|rules| rules.excludes(path, false)))
    }
}
