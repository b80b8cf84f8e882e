//! An image that is there: just built, or reused.

use super::Source;
use crate::cluster::ImageLoad;
use crate::event::{Event, Level, Outcome};
use crate::host::ImageCopy;
use crate::image::{ImageReference, Tag};
use crate::run::{Delivery, Finished, Image};
use crate::script::StageError;
use crate::state::{Progress, Record};

/// An image that is there: built in this run, or reused from an earlier one. Immutable; `push` returns it with
/// what was pushed.
#[derive(Clone)]
pub struct Built {
    image: Image,
    /// `None` when the image is switched off.
    record: Option<Record>,
    source: Source,
    /// Whether it was built in this run.
    was_built: bool,
}

impl Built {
    /// An image built just now.
    pub(super) fn new(image: &Image, record: Record, source: Source) -> Self {
        Self { image: image.clone(), record: Some(record), source, was_built: true }.finish().told()
    }

    /// An image built earlier.
    pub(super) fn reused(image: &Image, record: Record, source: Source) -> Self {
        Self { image: image.clone(), record: Some(record), source, was_built: false }.told()
    }

    /// Whether the check of the pipeline, where it has one, has succeeded on it.
    pub fn is_verified(&self) -> bool {
        let check = self.image.run().check();
        self.record.as_ref().is_none_or(|record| record.is_verified(check.as_ref()))
    }

    /// The same, with the check of the pipeline passed; remembered at once.
    #[must_use]
    pub fn verified(mut self) -> Self {
        let run = self.image.run();
        if let (Some(record), Some(check)) = (&mut self.record, run.check()) {
            record.add_verified(check);
            run.note_verified(self.image.name(), record, check);
        }
        self
    }

    /// The same, whose build is good for later runs once the work on the image succeeds. What a run builds is so anyhow;
    /// of an earlier build, only who does all that was left of it may say so.
    #[must_use]
    pub fn finish(self) -> Self {
        if let Some(record) = &self.record {
            self.image.run().take_up(self.image.name(), record);
        }
        self
    }

    /// An image that is not built because it is switched off.
    pub fn disabled(image: &Image) -> Self {
        let reason = "disabled".to_owned();
        let run = image.run();
        run.events.emit(Event::ImageDecided {
            image: image.name().to_owned(),
            decision: crate::event::Decision::Skip,
            reason: reason.clone(),
            key: None,
        });
        run.results.update(image.name(), |result| {
            result.outcome = Outcome::Skipped;
            result.reason = reason;
        });
        Self { image: image.clone(), record: None, source: Source::Elsewhere, was_built: false }
    }

    /// The image it is of.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Whether it was built in this run.
    pub fn was_built(&self) -> bool {
        self.was_built
    }

    /// Whether no run has come to its end with it: it was built in this run, or in one that failed.
    pub fn is_new(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.progress != Progress::Settled)
    }

    /// Whether everything that an earlier run does with an image once it is built has succeeded.
    pub fn is_finished(&self) -> bool {
        self.record.as_ref().is_none_or(Record::is_finished)
    }

    /// Its tags.
    pub fn tags(&self) -> &[Tag] {
        self.record.as_ref().map_or(&[], |record| &record.tags)
    }

    /// Its references.
    pub fn references(&self) -> Vec<ImageReference> {
        let repository = &self.image.config().repository;
        self.record.as_ref().map(|record| record.references(repository)).unwrap_or_default()
    }

    /// Its digest in the registry, when it is there.
    pub fn digest(&self) -> Option<String> {
        self.record.as_ref()?.digest().map(ToOwned::to_owned)
    }

    /// What is remembered of its build; `None` when it is switched off.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The same image, as it is after a change.
    pub(super) fn with(&self, record: Record, source: Source) -> Self {
        Self { record: Some(record), source, ..self.clone() }.told()
    }

    /// Pushes every tag that is not in the registry yet, unless the run pushes nothing. Each is remembered as soon as it
    /// is there.
    ///
    /// # Errors
    /// When the registry refuses it or cannot be reached.
    pub fn push(&self) -> Result<Self, StageError> {
        let run = self.image.run();
        let mut built = self.clone();
        let Some(record) = &mut built.record else { return Ok(built) };
        let missing: Vec<_> =
            record.tags.iter().filter(|tag| !record.pushed.contains_key(*tag)).cloned().collect();
        for tag in missing {
            let reference = self.image.config().repository.with_tag(tag.clone());
            let is_elsewhere = matches!(self.source, Source::Elsewhere);
            if is_elsewhere || !run.may_push(&reference) {
                continue;
            }
            let events = self.image.events();
            events.step(format!("pushing {reference}"));
            let digest = match &self.source {
                Source::Daemon(_) => {
                    run.wait_for_end(run.host.docker.push(&reference, &events, &run.cancellation()))?
                }
                Source::Store(digest) => {
                    run.wait_for_end(run.host.oci.push(digest, &reference, &events, &run.cancellation()))?
                }
                Source::Registry(from) => {
                    let from = self.image.config().repository.with_tag(from.clone());
                    Some(run.wait(run.host.registry.retag(&from, &tag))??)
                }
                Source::Elsewhere => continue,
            };
            events.pushed(reference.to_string(), digest.clone());
            record.pushed.insert(tag, digest);
            run.remember(self.image.name(), record);
        }
        Ok(built.told())
    }

    /// Its ID in the daemon, when one has it.
    pub fn image_id(&self) -> Option<&str> {
        self.record.as_ref()?.image_id.as_deref()
    }

    /// Pushes it as `reference`, wherever that is; returns the digest it has there. An image that is switched off is
    /// not pushed, and neither is any in a run that pushes nothing.
    ///
    /// # Errors
    /// When a registry refuses it or cannot be reached.
    pub fn push_to(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        let run = self.image.run();
        let Some(from) = self.references().into_iter().next() else { return Ok(None) };
        if !run.may_push(reference) {
            return Ok(None);
        }
        let events = self.image.events();
        events.step(format!("pushing {reference}"));
        let digest = match &self.source {
            Source::Daemon(id) => {
                run.wait(run.host.docker.tag(id, reference))??;
                run.wait_for_end(run.host.docker.push(reference, &events, &run.cancellation()))?
            }
            Source::Store(digest) => {
                run.wait_for_end(run.host.oci.push(digest, reference, &events, &run.cancellation()))?
            }
            Source::Registry(_) | Source::Elsewhere => {
                let copy = ImageCopy { from, to: reference.clone() };
                Some(run.wait(run.host.registry.copy(&copy))??)
            }
        };
        events.pushed(reference.to_string(), digest.clone());
        Ok(digest)
    }

    /// Makes it available to the nodes of a local cluster, where there is one that cannot see the daemon. What windlass
    /// assembled itself goes into the daemon first, where there is one.
    ///
    /// # Errors
    /// When it cannot be loaded there.
    pub fn load(&self) -> Result<Self, StageError> {
        let Some(record) = &self.record else { return Ok(self.clone()) };
        let Some(delivery) = self.image.delivery() else {
            self.load_into_daemon(record)?;
            return Ok(self.clone());
        };
        let loader = match (delivery, &self.source) {
            // It is not here but in its registry, which is then the place for its new tags as well.
            (Delivery::SharedDaemon | Delivery::Load(_), Source::Registry(_)) => return self.push(),
            (Delivery::Load(loader), Source::Daemon(_)) => loader,
            (Delivery::SharedDaemon | Delivery::Load(_), Source::Store(_)) => {
                let is_there = self.load_into_daemon(record)?;
                match delivery {
                    // Without a daemon, nobody can give it to the nodes.
                    _ if !is_there => {
                        let message = "it is pushed: without a docker daemon the cluster cannot get it";
                        self.image.events().notice(Level::Info, message);
                        return self.push();
                    }
                    Delivery::Load(loader) => loader,
                    _ => return Ok(self.clone()),
                }
            }
            _ => return Ok(self.clone()),
        };
        let unpushed = record.tags.iter().filter(|tag| !record.pushed.contains_key(*tag));
        let repository = &self.image.config().repository;
        let references: Vec<_> = unpushed.map(|tag| repository.with_tag(tag.clone())).collect();
        if !references.is_empty() {
            let (run, events) = (self.image.run(), self.image.events());
            let load = ImageLoad { references, loader: loader.clone() };
            events.step(format!("loading into {loader}"));
            run.wait_for_end(run.host.cluster.load(&load, &events, &run.cancellation()))?;
        }
        Ok(self.clone())
    }

    /// Brings what is in windlass's own store into the daemon, where there is one that has it not yet, so that `docker
    /// run` finds it; says whether a daemon is there.
    fn load_into_daemon(&self, record: &Record) -> Result<bool, StageError> {
        let Source::Store(digest) = &self.source else { return Ok(true) };
        let (run, references) = (self.image.run(), record.references(&self.image.config().repository));
        if run.wait_for_end(run.host.oci.load(digest, &references, &run.cancellation()))? {
            self.image.events().step("loaded into the docker daemon");
            return Ok(true);
        }
        Ok(run.wait(run.host.docker.reachable())?.is_ok())
    }

    /// Makes it known to the images built from it, and to the report.
    fn told(self) -> Self {
        let Some(record) = &self.record else { return self };
        let outcome = if self.was_built { Outcome::Built } else { Outcome::Skipped };
        let run = self.image.run();
        if let Some(reference) = self.references().into_iter().next() {
            // What a plan only builds is no image yet.
            let is_planned = self.was_built && run.options.dry_run;
            let identity = (!is_planned).then(|| record.identity());
            let finished = Finished { key: record.key, reference, identity, is_new: self.was_built };
            run.finish(self.image.name(), finished);
        }
        let is_pushed =
            !record.tags.is_empty() && record.tags.iter().all(|tag| record.pushed.contains_key(tag));
        run.results.update(self.image.name(), |result| {
            result.outcome = outcome;
            result.key = Some(record.key.to_string());
            result.tags = record.tags.iter().map(ToString::to_string).collect();
            result.image_id.clone_from(&record.image_id);
            result.digest = record.digest().map(ToOwned::to_owned);
            result.pushed = is_pushed;
        });
        self
    }
}
