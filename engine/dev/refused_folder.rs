//! Entries of `dev.sync` that are not synced.

use std::path::Path;

use super::single_file::single_file;
use crate::config::Folder as SyncFolder;

/// Why `folder`, one of the `folders` of the project in `root`, is not synced, with a hint; `None` if it is synced.
pub fn refused_folder(root: &Path, folders: &[SyncFolder], folder: &SyncFolder) -> Option<String> {
    single_file(root, folder).or_else(|| synced_twice(folders, folder))
}

/// The refusal of an entry whose directory in the container belongs to an earlier one: each of the two would consider
/// the files of the other deleted.
pub(super) fn synced_twice(folders: &[SyncFolder], folder: &SyncFolder) -> Option<String> {
    let there = |folder: &SyncFolder| folder.container.trim_end_matches('/').to_owned();
    let is_same = |earlier: &&SyncFolder| {
        there(earlier) == there(folder) && earlier.selection.means_same(&folder.selection)
    };
    let earlier = folders.iter().take_while(|earlier| *earlier != folder).find(is_same)?;
    Some(format!(
        "`{}` of {} is synced with `{}` already ({}): keep one of the two entries, or let them have different directories \
         in the container",
        folder.container,
        folder.selection,
        earlier.local.display(),
        earlier.origin,
    ))
}
