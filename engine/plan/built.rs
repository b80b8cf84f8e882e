//! An available image: just built, or reused.

use std::sync::Arc;

use super::share::Share;
use super::{Plan, Source};
use crate::cluster::ImageLoad;
use crate::error::StageError;
use crate::event::{Event, Level, Outcome};
use crate::host::ImageCopy;
use crate::image::{ImageReference, ShareKey, Tag};
use crate::run::{Delivery, Finished, Image};
use crate::state::{Progress, Record};

/// An available image: built in this run, or reused from an earlier one. Immutable; `push` returns a copy with the
/// pushed tags.
#[derive(Clone)]
pub struct Built {
    image: Image,
    /// `None` if the image is disabled.
    record: Option<Record>,
    source: Source,
    /// Whether it was built in this run.
    was_built: bool,
    /// Whether that build was only recorded, so that the image does not exist.
    is_planned: bool,
    /// How it is shared with other machines; `None` if it is not.
    share: Option<Arc<Share>>,
    /// Whether it replaces an earlier build of the same inputs, also for other machines.
    replaces: bool,
}

impl Built {
    /// The image of `plan`, built just now, or planned if `is_planned`.
    pub(super) fn new(plan: &Plan, record: Record, source: Source, is_planned: bool) -> Self {
        let (image, share) = (plan.image.clone(), plan.share.clone());
        let (record, replaces) = (Some(record), plan.replaces());
        Self { image, record, source, was_built: true, is_planned, share, replaces }.finish().told()
    }

    /// The image of `plan`, built earlier.
    pub(super) fn reused(plan: &Plan, record: Record, source: Source) -> Self {
        let (image, share) = (plan.image.clone(), plan.share.clone());
        let record = Some(record);
        Self { image, record, source, was_built: false, is_planned: false, share, replaces: false }.told()
    }

    /// How it is shared; `None` if it is not.
    pub(super) fn sharing(&self) -> Option<&Share> {
        self.share.as_deref()
    }

    /// Whether it replaces an earlier build of the same inputs.
    pub(super) fn replaces(&self) -> bool {
        self.replaces
    }

    /// Its location.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Whether its build was only recorded.
    pub(super) fn is_planned(&self) -> bool {
        self.is_planned
    }

    /// Whether the pipeline's check, if any, has succeeded on it.
    pub fn is_verified(&self) -> bool {
        let check = self.image.run().scripts().check;
        self.record.as_ref().is_none_or(|record| record.is_verified(check.as_ref()))
    }

    /// A copy that has passed the pipeline's check, which is recorded immediately.
    #[must_use]
    pub fn verified(mut self) -> Self {
        let run = self.image.run();
        if let (Some(record), Some(check)) = (&mut self.record, run.scripts().check) {
            record.add_verified(check);
            run.record_verified(self.image.name(), record, check);
        }
        self
    }

    /// A copy whose build later runs can reuse once the work on the image succeeds. New builds always allow this; for
    /// an earlier build, call this only if all unfinished steps are repeated.
    #[must_use]
    pub fn finish(self) -> Self {
        if let Some(record) = &self.record {
            self.image.run().take_up(self.image.name(), record);
        }
        self
    }

    /// An image that is not built because it is disabled.
    pub fn disabled(image: &Image) -> Self {
        let reason = "disabled".to_owned();
        let run = image.run();
        run.session.events.emit(Event::ImageDecided {
            image: image.name().to_owned(),
            decision: crate::event::Decision::Skip,
            reason: reason.clone(),
            key: None,
        });
        run.progress.results.update(image.name(), |result| {
            result.outcome = Outcome::Skipped;
            result.reason = reason;
        });
        Self {
            image: image.clone(),
            record: None,
            source: Source::Elsewhere,
            was_built: false,
            is_planned: false,
            share: None,
            replaces: false,
        }
    }

    /// Its image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Whether it was built in this run.
    pub fn was_built(&self) -> bool {
        self.was_built
    }

    /// Whether no run has finished with it: it was built in this run, or in a failed one.
    pub fn is_new(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.progress != Progress::Settled)
    }

    /// Whether all steps after the build succeeded in an earlier run.
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

    /// Its digest in the registry, if the registry has it.
    pub fn digest(&self) -> Option<String> {
        self.record.as_ref()?.digest().map(ToOwned::to_owned)
    }

    /// The record of its build; `None` if it is disabled.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The same image after a change.
    pub(super) fn with(&self, record: Record, source: Source) -> Self {
        Self { record: Some(record), source, ..self.clone() }.told()
    }

    /// Pushes all tags that are not in the registry yet, unless the run pushes nothing. Each is recorded as soon as it
    /// is pushed.
    ///
    /// # Errors
    /// If the registry refuses it or is unreachable.
    pub fn push(&self) -> Result<Self, StageError> {
        let run = self.image.run();
        run.progress.restarts.close(self.image.name());
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
                Source::Daemon(_) => run.session.wait_for_end(run.session.host.docker.push(
                    &reference,
                    &events,
                    &run.session.cancellation(),
                ))?,
                Source::Store(digest) => run.session.wait_for_end(run.session.host.oci.push(
                    digest,
                    &reference,
                    &events,
                    &run.session.cancellation(),
                ))?,
                Source::Registry(from) => {
                    let from = self.image.config().repository.with_tag(from.clone());
                    Some(run.session.wait(run.session.host.registry.retag(&from, &tag))??)
                }
                Source::Shared(digest) => {
                    let from = self.image.config().repository.with_digest(digest.clone());
                    // ECR and Harbor with immutable tags refuse to write a tag again, even if it stays the same.
                    let named = run.session.wait(run.session.host.registry.digest(&reference))??;
                    if named.as_ref() == Some(digest) {
                        record.pushed.insert(tag, named);
                        run.record(self.image.name(), record);
                        continue;
                    }
                    Some(run.session.wait(run.session.host.registry.retag(&from, &tag))??)
                }
                Source::Elsewhere => continue,
            };
            events.pushed(reference.to_string(), digest.clone());
            record.pushed.insert(tag, digest);
            run.record(self.image.name(), record);
        }
        Ok(built.told())
    }

    /// Its ID in the daemon, if the daemon has it.
    pub fn image_id(&self) -> Option<&str> {
        self.record.as_ref()?.image_id.as_deref()
    }

    /// Pushes it as `reference`, in any registry, and returns its digest there. Disabled images are not pushed, and a
    /// run that pushes nothing pushes no image.
    ///
    /// # Errors
    /// If a registry refuses it or is unreachable.
    pub fn push_to(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        self.image.run().progress.restarts.close(self.image.name());
        let run = self.image.run();
        let Some(from) = self.references().into_iter().next() else { return Ok(None) };
        if !run.may_push(reference) {
            return Ok(None);
        }
        let events = self.image.events();
        events.step(format!("pushing {reference}"));
        let digest = match &self.source {
            Source::Daemon(id) => {
                run.session.wait(run.session.host.docker.tag(id, reference))??;
                run.session.wait_for_end(run.session.host.docker.push(
                    reference,
                    &events,
                    &run.session.cancellation(),
                ))?
            }
            Source::Store(digest) => run.session.wait_for_end(run.session.host.oci.push(
                digest,
                reference,
                &events,
                &run.session.cancellation(),
            ))?,
            Source::Registry(_) | Source::Shared(_) | Source::Elsewhere => {
                let from = match &self.source {
                    Source::Shared(digest) => from.repository.with_digest(digest.clone()),
                    _ => from,
                };
                let copy = ImageCopy { from, to: reference.clone() };
                Some(run.session.wait(run.session.host.registry.copy(&copy))??)
            }
        };
        events.pushed(reference.to_string(), digest.clone());
        Ok(digest)
    }

    /// Makes it available to the nodes of a local cluster that does not use the daemon. An image that windlass
    /// assembled itself is first loaded into the daemon, if one is running.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn load(&self) -> Result<Self, StageError> {
        self.image.run().progress.restarts.close(self.image.name());
        let Some(record) = &self.record else { return Ok(self.clone()) };
        let Some(delivery) = self.image.delivery() else {
            self.load_into_daemon(record)?;
            return Ok(self.clone());
        };
        let loader = match (delivery, &self.source) {
            // It is only in its registry, which gets its new tags too.
            (Delivery::SharedDaemon | Delivery::Load(_), Source::Registry(_) | Source::Shared(_)) => {
                return self.push();
            }
            (Delivery::Load(loader), Source::Daemon(_)) => loader,
            (Delivery::SharedDaemon | Delivery::Load(_), Source::Store(_)) => {
                let is_there = self.load_into_daemon(record)?;
                match delivery {
                    // Without a daemon, it cannot be loaded into the nodes.
                    _ if !is_there => {
                        let message = "pushing instead of loading into the cluster: no Docker daemon";
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
            run.session.wait_for_end(run.session.host.cluster.load(
                &load,
                &events,
                &run.session.cancellation(),
            ))?;
        }
        Ok(self.clone())
    }

    /// Loads an image of the image store into the daemon, if one is running and does not have it yet, so that `docker
    /// run` finds it. Returns whether a daemon is running.
    fn load_into_daemon(&self, record: &Record) -> Result<bool, StageError> {
        let Source::Store(digest) = &self.source else { return Ok(true) };
        let (run, references) = (self.image.run(), record.references(&self.image.config().repository));
        if run.session.wait_for_end(run.session.host.oci.load(
            digest,
            &references,
            &run.session.cancellation(),
        ))? {
            self.image.events().step("loaded into the Docker daemon");
            return Ok(true);
        }
        Ok(run.session.wait(run.session.host.docker.reachable())?.is_ok())
    }

    /// Reports it to the images that are built from it, and to the output.
    fn told(self) -> Self {
        let Some(record) = &self.record else { return self };
        let outcome = if self.was_built { Outcome::Built } else { Outcome::Skipped };
        let run = self.image.run();
        if let Some(reference) = self.references().into_iter().next() {
            let identity = (!self.is_planned).then(|| record.identity());
            let repository = &self.image.config().repository;
            let base = match &self.source {
                Source::Shared(digest) => Some(repository.with_digest(digest.clone())),
                // Other machines that share the image may move its tags.
                Source::Registry(_) | Source::Elsewhere
                    if self.share.is_some() && record.digest().is_some() =>
                {
                    record.digest().map(|digest| repository.with_digest(digest.to_owned()))
                }
                _ if self.was_built => None,
                // Its tags name it, or are about to on a planning host.
                Source::Daemon(_) | Source::Store(_) => None,
                Source::Registry(_) | Source::Elsewhere => {
                    record.base_reference(repository, &run.records(self.image.name()))
                }
            };
            let base = base.unwrap_or_else(|| reference.clone());
            let finished = Finished { key: record.key, reference, base, identity, is_new: self.was_built };
            run.finish(self.image.name(), finished);
        }
        let is_pushed =
            !record.tags.is_empty() && record.tags.iter().all(|tag| record.pushed.contains_key(tag));
        run.progress.results.update(self.image.name(), |result| {
            result.outcome = outcome;
            result.key = Some(record.key.to_string());
            result.tags = record.tags.iter().map(ToString::to_string).collect();
            result.image_id.clone_from(&record.image_id);
            result.digest = record.digest().map(ToOwned::to_owned);
            result.pushed = is_pushed;
            result.platforms = record.platforms();
            result.share = record
                .shared
                .as_ref()
                .and_then(|_| run.share_of(self.image.name()))
                .map(|share| ShareKey::tag_of(&share).to_string());
            result.bases = record.outside_images().collect();
        });
        self
    }
}
