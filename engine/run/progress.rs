//! Records the progress of a run with each image.

use std::collections::HashMap;

use super::Run;
use crate::image::Digest;
use crate::lock::lock;
use crate::scope::Scope;
use crate::state::{Progress, Record};

/// The unfinished builds that a run continues, by image.
pub(super) type Unsettled = HashMap<String, Vec<String>>;

impl Run {
    /// Marks the build of `record` as reusable for later runs once the work on `image` succeeds.
    pub fn take_up(&self, image: &str, record: &Record) {
        if self.options.dry_run || record.progress == Progress::Settled {
            return;
        }
        let mut unsettled = lock(&self.unsettled);
        let builds = unsettled.entry(image.to_owned()).or_default();
        if !builds.contains(&record.build) {
            builds.push(record.build.clone());
        }
    }

    /// Ends the work on `image`: if it `succeeded`, later runs can reuse its builds; otherwise they stay unfinished,
    /// even if the script continues.
    pub fn end_work(&self, image: &str, succeeded: bool) {
        if succeeded {
            let builds = lock(&self.unsettled).get(image).cloned().unwrap_or_default();
            self.advance(image, &builds, Progress::Finished);
        } else {
            lock(&self.unsettled).remove(image);
        }
    }

    /// Marks the work of this thread as failed.
    pub fn break_off_work(&self) {
        if let Some(image) = Scope::current().image {
            self.end_work(&image, false);
        }
    }

    /// The digest of the check that images must pass: of the user's scripts that define `verify`. `None` if there is
    /// only the default, which checks nothing.
    pub fn check(&self) -> Option<Digest> {
        let files = self.pipeline()?.users_files_of("verify", 2);
        let mut texts = files.peekable();
        texts.peek()?;
        Some(Digest::of(texts.collect::<Vec<_>>().join("\0")))
    }

    /// Records that `check` has succeeded on the build of `record`.
    pub fn note_verified(&self, image: &str, record: &Record, check: Digest) {
        if !self.options.dry_run
            && let Err(error) = self.store.verified(image, &record.build, check)
        {
            self.tell_forgetful(&error);
        }
    }

    /// Records that the whole pipeline succeeded.
    pub fn settle(&self) {
        let unsettled = std::mem::take(&mut *lock(&self.unsettled));
        for (image, builds) in unsettled {
            self.advance(&image, &builds, Progress::Settled);
        }
    }

    fn advance(&self, image: &str, builds: &[String], progress: Progress) {
        if let Err(error) = self.store.advance(image, builds, progress) {
            self.tell_forgetful(&error);
        }
    }
}
