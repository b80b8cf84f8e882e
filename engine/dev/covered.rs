//! Which files a synced folder brings into containers without a build.

use std::path::Path;

use crate::config::{Folder as SyncFolder, Project};
use crate::sync::ExcludeRules;

/// Whether a synced folder brings the file `path` (absolute, resolved) into the containers of `image`: then a change of it
/// needs no build.
pub fn is_covered(project: &Project, image: &str, path: &Path) -> bool {
    project.dev.folders.iter().any(|folder| {
        let is_of_image = folder.selection.image.as_deref() == Some(image);
        is_of_image && !folder.disable_upload && !folder.no_watch && has(project, folder, path)
    })
}

/// Whether `folder` uploads `path`.
fn has(project: &Project, folder: &SyncFolder, path: &Path) -> bool {
    let here = project.root.join(&folder.local);
    let Ok(here) = here.canonicalize() else { return false };
    let Ok(inside) = path.strip_prefix(&here) else { return false };
    let Some(inside) = inside.to_str() else { return false };
    let rules = [&folder.excludes.both, &folder.excludes.upload];
    !rules.into_iter().any(|rules| {
        // A file of rules may say anything: then the change counts.
        rules.file.is_some()
            || ExcludeRules::new(rules.paths.iter().map(|path| &path.text)).excludes(inside, false)
    })
}
