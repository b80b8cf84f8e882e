//! Files that were selected before and have been watched since: selected again without a walk.

use std::path::PathBuf;
use std::time::Instant;

use super::{Context, Selection};
use crate::image::dockerfile::ContextSources;

/// The earlier selection of an image's files, and the changes since then.
///
/// Every file that the selection could contain must have been watched, and each change must be listed. A selection from
/// them is as recent as that list: it does not include changes that are reported later.
#[derive(Clone)]
pub struct KeptFiles {
    /// The files.
    pub selection: Selection,
    /// The build context, and the sources that are read of it; `None` for the files of `onChange`.
    pub source: Option<(Context, ContextSources)>,
    /// The directory that the paths are relative to: absolute, with symlinks resolved.
    pub root: PathBuf,
    /// The absolute paths of changed files and directories.
    pub changed: Vec<PathBuf>,
    /// From when on changes were listed.
    pub since: Instant,
}

impl KeptFiles {
    /// The files of `context` that `sources` read. `None` if they need a walk: another selection was kept, or
    /// the changes are not only those of content or permission bits of files.
    pub fn of_context(&self, context: &Context, sources: &ContextSources) -> Option<Selection> {
        let (kept, kept_sources) = self.source.as_ref()?;
        (kept.has_rules_of(context) && kept_sources == sources).then(|| self.refreshed()).flatten()
    }

    /// The files of `onChange`. `None` as for [`KeptFiles::of_context`].
    pub fn of_files(&self) -> Option<Selection> {
        if self.source.is_none() { self.refreshed() } else { None }
    }

    fn refreshed(&self) -> Option<Selection> {
        self.selection.refreshed(&self.root, &self.changed, self.since)
    }
}
