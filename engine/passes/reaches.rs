//! The inputs of the last plans of a loop's images, and the changes since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::image::context::{FileNow, KeptFiles};
use crate::plan::{Answer, WatchedInputs};
use crate::watch::{ChangedFile, WatchRoot};

/// The inputs of the last plan of each image, by its full name, and the changes since.
///
/// While all files of an image are watched, the next pass needs no walk: it [keeps](Reaches::keep) the files, and reads
/// again those that changed.
#[derive(Default)]
pub struct Reaches(BTreeMap<String, Planned>);

struct Planned {
    reach: WatchedInputs,
    roots: Vec<WatchRoot>,
    /// Whether everything that it read was watched before it was read.
    is_watched: bool,
    /// The writes since then.
    written: BTreeMap<PathBuf, Write>,
}

/// A write of a file.
struct Write {
    at: Instant,
    /// Whether the file had another content or other permission bits after it, or after an earlier one.
    is_change: bool,
}

impl Reaches {
    /// The inputs of the last plan of `image`.
    pub fn get(&self, image: &str) -> Option<&WatchedInputs> {
        self.0.get(image).map(|planned| &planned.reach)
    }

    /// The paths to watch for changes of the files of `image`, once it was planned.
    pub fn roots(&self, image: &str) -> Option<&[WatchRoot]> {
        self.0.get(image).map(|planned| &*planned.roots)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds what the watcher reported. Returns it without files of images that were only touched, or written without a
    /// change since the images were planned.
    pub fn written(&mut self, mut files: Vec<ChangedFile>) -> Vec<ChangedFile> {
        files.retain(|file| {
            let now = FileNow::at(file.path.clone());
            let (mut is_touch, mut is_change) = (false, false);
            for Planned { reach, written, .. } in self.0.values_mut() {
                if file.at <= reach.since() || reach.if_changed(&file.path).answer == Answer::No {
                    continue;
                }
                let was_change = written.get(&file.path).is_some_and(|before| before.is_change);
                let write = Write { at: file.at, is_change: was_change || !reach.is_as_planned(&now) };
                (is_touch, is_change) = (is_touch || !write.is_change, is_change || write.is_change);
                written.insert(file.path.clone(), write);
            }
            is_change || !is_touch
        });
        files
    }

    /// Whether `file` changed since `image` was planned: not if it was only touched, or written without a change.
    pub fn has_change(&self, image: &str, file: &Path) -> bool {
        let planned = self.0.get(image);
        planned.and_then(|planned| planned.written.get(file)).is_some_and(|written| written.is_change)
    }

    /// The files of `image` for a pass that begins now, if they need no walk. All that was reported is
    /// [known](Reaches::written).
    pub fn keep(&self, image: &str) -> Option<KeptFiles> {
        let planned = self.0.get(image).filter(|planned| planned.is_watched)?;
        Some(planned.reach.keep(planned.written.keys().cloned().collect()))
    }

    /// Replaces what `image` was planned from, before more is [reported](Reaches::written). In the first pass
    /// (`is_first`), everything that it can read is watched.
    pub fn planned(&mut self, image: String, reach: WatchedInputs, is_first: bool) {
        let before = self.0.remove(&image);
        let is_followed = reach.is_followed();
        if is_followed {
            // A builder may have hashed only what it sent. What cannot be read counts as changed.
            let _ = reach.hash();
        }
        let is_same = before.as_ref().is_some_and(|before| before.reach.reads_as(&reach));
        let (roots, mut written) = before.map(|before| (before.roots, before.written)).unwrap_or_default();
        let roots = if is_same && is_followed { roots } else { reach.roots() };
        match reach.is_kept() {
            true => written.clear(),
            false => written.retain(|_, written| written.at > reach.since()),
        }
        let is_watched = is_followed && (is_first || is_same);
        self.0.insert(image, Planned { reach, roots, is_watched, written });
    }

    /// The ignore file of the first of `images` that has `file` in its build context, and the line for it that
    /// excludes `file`.
    pub fn ignore_line(&self, images: &[String], file: &Path) -> Option<(PathBuf, String)> {
        images.iter().find_map(|image| self.get(image)?.ignore_line(file))
    }
}
