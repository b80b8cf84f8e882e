//! Entries of `dev.sync` that name a single file.

use std::path::Path;

use crate::config::Folder as SyncFolder;

/// Why `folder` of the project in `root` is not synced if it names a single file, and which directory to sync instead;
/// `None` if it names none.
pub(super) fn single_file(root: &Path, folder: &SyncFolder) -> Option<String> {
    let SyncFolder { local, container, .. } = folder;
    if !folder.is_file && !root.join(local).is_file() {
        return None;
    }
    let name = local.file_name().unwrap_or_default().display();
    let above = local.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (parent, last) = container.rsplit_once('/').unwrap_or((".", container.as_str()));
    let parent = if parent.is_empty() { "/" } else { parent };
    // Without `file`, the path in the container may be that of a directory.
    let (there, rename) = match last == name.to_string() {
        true => (parent, String::new()),
        false if folder.is_file => (parent, format!(", and name the file `{last}` here as well")),
        false => (container.as_str(), String::new()),
    };
    Some(format!(
        "`{}` is a single file, and only directories are synced: sync `{}` with `{there}` and `excludePaths: ['*', \
         '!/{name}']`{rename}",
        local.display(),
        above.display(),
    ))
}
