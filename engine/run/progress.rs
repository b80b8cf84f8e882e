//! Noting how far a run got with each image.

use std::collections::HashMap;

use super::{Run, Scope, lock};
use crate::image::Digest;
use crate::state::{Progress, Record};

/// The builds that a run goes on with and that no run has come to its end with, by image.
pub(super) type Unsettled = HashMap<String, Vec<String>>;

impl Run {
    /// The build that `record` is of is good for later runs once the work on `image` succeeds.
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

    /// The work on `image` ended: where it `succeeded`, its builds are good for later runs; else they stay as they are,
    /// also when the script goes on.
    pub fn end_work(&self, image: &str, succeeded: bool) {
        if succeeded {
            let builds = lock(&self.unsettled).get(image).cloned().unwrap_or_default();
            self.advance(image, &builds, Progress::Finished);
        } else {
            lock(&self.unsettled).remove(image);
        }
    }

    /// What this thread worked on failed.
    pub fn break_off_work(&self) {
        if let Some(image) = Scope::current().image {
            self.end_work(&image, false);
        }
    }

    /// What tells the check that images have to pass from others: the user's scripts that define `verify`. `None` where
    /// only the default does, which checks nothing.
    pub fn check(&self) -> Option<Digest> {
        let files = self.pipeline()?.users_files_of("verify", 2);
        let mut texts = files.peekable();
        texts.peek()?;
        Some(Digest::of(texts.collect::<Vec<_>>().join("\0")))
    }

    /// `check` has succeeded on the build that `record` is of.
    pub fn note_verified(&self, image: &str, record: &Record, check: Digest) {
        if !self.options.dry_run
            && let Err(error) = self.store.verified(image, &record.build, check)
        {
            self.tell_forgetful(&error);
        }
    }

    /// The whole pipeline succeeded.
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
