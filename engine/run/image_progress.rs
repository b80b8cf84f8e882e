//! How far a run is with its images.

use std::collections::HashMap;
use std::sync::{Mutex, Weak};

use super::{Restarts, Results, Run};
use crate::event::Level;
use crate::image::{CacheKey, Digest, ImageReference};
use crate::lock::lock;
use crate::scope::Scope;
use crate::state::{BaseIdentity, ImageLock, Progress, Record};

/// How far a run is with its images.
#[derive(Default)]
pub struct ImageProgress {
    /// The result of each image.
    pub results: Results,
    /// The builds that can begin again.
    pub restarts: Restarts,
    /// The locks of images that this run acquired.
    pub(super) claims: Mutex<HashMap<String, Weak<ImageLock>>>,
    finished: Mutex<HashMap<String, Finished>>,
    /// The names by which machines share images.
    shares: Mutex<HashMap<String, String>>,
    /// The unfinished builds that the run continues, by image.
    unsettled: Mutex<HashMap<String, Vec<String>>>,
}

/// The facts about a finished image for images that are built from it.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its cache key.
    pub key: CacheKey,
    /// Its reference.
    pub reference: ImageReference,
    /// The [reference by which images are built on it](Record::base_reference).
    pub base: ImageReference,
    /// Its identity; `None` in a dry run if it will be built.
    pub identity: Option<BaseIdentity>,
    /// Whether this run built it.
    pub is_new: bool,
}

impl Run {
    /// Records that an image is available for images that are built from it.
    pub fn finish(&self, image: &str, finished: Finished) {
        let links = self.links();
        let name = links.full_name(image);
        if let Some(other) = links.claims.claim(&finished.reference, &name, finished.key) {
            let mut names = [name, other];
            names.sort();
            let [one, two] = names;
            let reference = &finished.reference;
            let message =
                format!("`{one}` and `{two}` are both {reference}: the later build replaces the other");
            self.session.notice(Level::Warning, message);
        }
        lock(&self.progress.finished).insert(image.to_owned(), finished);
    }

    /// Records the name by which machines share `image`, 64 hex digits; `None`: it is not shared.
    pub fn record_share(&self, image: &str, share: Option<String>) {
        let mut shares = lock(&self.progress.shares);
        match share {
            Some(share) => drop(shares.insert(image.to_owned(), share)),
            None => drop(shares.remove(image)),
        }
    }

    /// The name by which machines share `image`, once it is planned.
    pub fn share_of(&self, image: &str) -> Option<String> {
        lock(&self.progress.shares).get(image).cloned()
    }

    /// A finished image.
    pub fn finished(&self, image: &str) -> Option<Finished> {
        lock(&self.progress.finished).get(image).cloned()
    }

    /// Marks the build of `record` as reusable for later runs once the work on `image` succeeds.
    pub fn take_up(&self, image: &str, record: &Record) {
        if record.progress == Progress::Settled {
            return;
        }
        let mut unsettled = lock(&self.progress.unsettled);
        let builds = unsettled.entry(image.to_owned()).or_default();
        if !builds.contains(&record.build) {
            builds.push(record.build.clone());
        }
    }

    /// Ends the work on `image`: if it `succeeded`, later runs can reuse its builds; otherwise they stay unfinished,
    /// even if the script continues.
    pub fn end_work(&self, image: &str, succeeded: bool) {
        if succeeded {
            let builds = lock(&self.progress.unsettled).get(image).cloned().unwrap_or_default();
            self.advance(image, &builds, Progress::Finished);
        } else {
            lock(&self.progress.unsettled).remove(image);
        }
    }

    /// Marks the work of this thread as failed.
    pub fn break_off_work(&self) {
        if let Some(image) = Scope::current().image {
            self.end_work(&image, false);
        }
    }

    /// Records that `check` has succeeded on the build of `record`.
    pub fn record_verified(&self, image: &str, record: &Record, check: Digest) {
        if let Err(error) = self.memory.store.verified(image, &record.build, check) {
            self.warn_of_lost_records(&error);
        }
    }

    /// Records that the whole pipeline succeeded.
    pub fn settle(&self) {
        let unsettled = std::mem::take(&mut *lock(&self.progress.unsettled));
        for (image, builds) in unsettled {
            self.advance(&image, &builds, Progress::Settled);
        }
    }

    fn advance(&self, image: &str, builds: &[String], progress: Progress) {
        if let Err(error) = self.memory.store.advance(image, builds, progress) {
            self.warn_of_lost_records(&error);
        }
    }
}
