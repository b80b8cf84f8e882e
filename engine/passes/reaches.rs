//! What the images of a loop were planned from, and what changed since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::image::context::KeptFiles;
use crate::plan::{Answer, Reach};
use crate::watch::{ChangedFile, WatchRoot};

/// What each image was planned from last, by its full name, and what changed since.
///
/// While all files of an image are watched, the next pass needs no walk: it [keeps](Reaches::keep) the files, and reads
/// again those that changed.
#[derive(Default)]
pub struct Reaches(BTreeMap<String, Planned>);

struct Planned {
    reach: Reach,
    roots: Vec<WatchRoot>,
    /// Whether everything that it read was watched before it was read.
    is_watched: bool,
    /// What changed since then, and when.
    changed: BTreeMap<PathBuf, Instant>,
}

impl Reaches {
    /// What `image` was planned from last.
    pub fn get(&self, image: &str) -> Option<&Reach> {
        self.0.get(image).map(|planned| &planned.reach)
    }

    /// What to watch for changes of the files of `image`, once it was planned.
    pub fn roots(&self, image: &str) -> Option<&[WatchRoot]> {
        self.0.get(image).map(|planned| &*planned.roots)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds changes that the watcher reported.
    pub fn changed(&mut self, files: &[ChangedFile]) {
        for planned in self.0.values_mut() {
            let since = planned.reach.since();
            for file in files.iter().filter(|file| file.at > since) {
                if planned.reach.if_changed(&file.path).answer != Answer::No {
                    planned.changed.insert(file.path.clone(), file.at);
                }
            }
        }
    }

    /// The files of `image` for a pass that begins now, if they need no walk. All changes that were reported are
    /// [known](Reaches::changed).
    pub fn keep(&self, image: &str) -> Option<KeptFiles> {
        let planned = self.0.get(image).filter(|planned| planned.is_watched)?;
        Some(planned.reach.keep(planned.changed.keys().cloned().collect()))
    }

    /// Replaces what `image` was planned from, before more changes are [reported](Reaches::changed). In the first pass
    /// (`is_first`), everything that it can read is watched.
    pub fn planned(&mut self, image: String, reach: Reach, is_first: bool) {
        let before = self.0.remove(&image);
        let is_followed = reach.is_followed();
        let is_same = before.as_ref().is_some_and(|before| before.reach.reads_as(&reach));
        let (roots, mut changed) = before.map(|before| (before.roots, before.changed)).unwrap_or_default();
        let roots = if is_same && is_followed { roots } else { reach.roots() };
        match reach.is_kept() {
            true => changed.clear(),
            false => changed.retain(|_, at| *at > reach.since()),
        }
        let is_watched = is_followed && (is_first || is_same);
        self.0.insert(image, Planned { reach, roots, is_watched, changed });
    }

    /// The ignore file of the first of `images` that has `file` in its build context, and the line for it that leaves
    /// out `file`.
    pub fn ignore_line(&self, images: &[String], file: &Path) -> Option<(PathBuf, String)> {
        images.iter().find_map(|image| self.get(image)?.ignore_line(file))
    }
}
