//! Files that were selected before and have been watched since: selected again without a walk.

use std::path::PathBuf;
use std::time::Instant;

use super::{Context, Selection};
use crate::image::dockerfile::ContextSources;

/// The files of an image as they were selected before, and what changed since then.
///
/// Whoever offers them has watched every file that the selection could contain, and lists each change. A selection from
/// them is as recent as that list: of a change that is reported later, it knows nothing.
#[derive(Clone)]
pub struct KeptFiles {
    /// The files.
    pub selection: Selection,
    /// The build context, and what is read of it; `None` for the files of `onChange`.
    pub source: Option<(Context, ContextSources)>,
    /// The directory that the paths are relative to: absolute, with symlinks resolved.
    pub root: PathBuf,
    /// The absolute paths of what changed.
    pub changed: Vec<PathBuf>,
    /// From when on changes were listed.
    pub since: Instant,
}

impl KeptFiles {
    /// The files of `context` that `sources` read. `None` if they need a walk: another selection was kept, or
    /// something other than the content or the permission bits of files changed.
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
