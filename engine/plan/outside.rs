//! The base images that belong to no project, and their digests.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Plan;
use super::bases::Parent;
use super::error::PlanError;
use super::named_contexts::replaces;
use super::plan::Recipe;
use crate::builder::BuiltImage;
use crate::config::{BuilderKind, DockerConfig};
use crate::error::StageError;
use crate::event::Level;
use crate::image::ImageReference;
use crate::image::dockerfile::{BaseConfig, BaseImage};
use crate::run::{Image, ImageDockerfile, Run};
use crate::state::{BaseDigest, BasePlace, Record};

/// A base image that belongs to no project, and that its Dockerfile names by a tag.
#[derive(Clone)]
pub(super) struct OutsideBase {
    /// Its place in the Dockerfile.
    pub(super) base: BaseImage,
    /// Its reference, with a tag.
    pub(super) reference: ImageReference,
    /// The digest that a build uses, whatever the tag names where the builder looks.
    pub(super) pin: Option<BaseDigest>,
    /// Whether the lock file chose this digest, so that it is an input.
    pub(super) is_locked: bool,
}

impl OutsideBase {
    /// The reference by which a build uses it, if its digest is chosen: `alpine:3.20@sha256:...`.
    pub(super) fn pinned(&self) -> Option<String> {
        let digest = Some(self.pin.as_ref()?.digest.clone());
        Some(ImageReference { digest, ..self.reference.clone() }.to_string())
    }

    /// The name under which its settings are looked up: as the Dockerfile names it, unless these are known to be the
    /// settings of another image than the one that a build uses.
    pub(super) fn settings_name(&self, run: &Run) -> String {
        let written = &self.base.reference;
        let of_tag = run.memory.bases.get(written).and_then(|config| config.digest);
        match &self.pin {
            Some(pin) if of_tag.as_ref() != Some(&pin.digest) => self.pinned(),
            _ => None,
        }
        .unwrap_or_else(|| written.clone())
    }
}

/// A base image that belongs to no project, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBase {
    /// Its reference, with a tag.
    pub reference: ImageReference,
    /// The digest that the compared build was built on, otherwise the last known one.
    pub digest: Option<BaseDigest>,
    /// The digest that a build uses now, if it is another one.
    pub now: Option<String>,
}

/// The images that `dockerfile` uses and that are not `parents`, one for each place. Those with a digest are omitted,
/// because they never change, and so are those that a named context replaces.
pub(super) fn outside_bases(
    image: &Image,
    dockerfile: &ImageDockerfile,
    parents: &[Parent],
) -> Result<Vec<OutsideBase>, StageError> {
    let bases = dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args)?;
    let is_outside = |base: &BaseImage| {
        !parents.iter().any(|parent| parent.base.reference == base.reference)
            && !replaces(image, &base.reference)
    };
    let outside = bases.into_iter().filter(is_outside).filter_map(|base| {
        let reference: ImageReference = base.reference.parse().ok()?;
        Some(OutsideBase { reference: reference.or_latest(), base, pin: None, is_locked: false })
    });
    let mut outside: Vec<_> = outside.filter(|outside| outside.reference.digest.is_none()).collect();
    let options = &image.run().options;
    if options.locked || image.run().memory.base_lock.entries()?.is_some() {
        lock(image, dockerfile, &mut outside)?;
    } else if let Some(age) = options.update_bases {
        update(image, &mut outside, age)?;
    }
    Ok(outside)
}

/// The digests of `outside` that the lock file chose.
pub(super) fn locked_digests(outside: &[OutsideBase]) -> BTreeMap<String, String> {
    let locked = outside.iter().filter(|outside| outside.is_locked);
    let entry = |outside: &OutsideBase| {
        let pin = outside.pin.as_ref()?;
        Some((outside.reference.to_string(), pin.digest.clone()))
    };
    locked.filter_map(entry).collect()
}

/// Chooses the digests in the lock file for `outside`. A missing one is queried and added, unless the user forbids it.
fn lock(image: &Image, dockerfile: &ImageDockerfile, outside: &mut [OutsideBase]) -> Result<(), StageError> {
    let run = image.run();
    let entries = run.memory.base_lock.entries()?.unwrap_or_default();
    if run.options.update_bases.is_some() {
        let message = "`windlass.lock` has the digests of base images: `windlass update bases` renews them";
        run.session.notice_once(Level::Info, message.to_owned());
    }
    let mut missing: Vec<ImageReference> = Vec::new();
    for outside in &mut *outside {
        if let Some(locked) = entries.get(&outside.reference.full()) {
            (outside.pin, outside.is_locked) = (Some(locked.clone().into()), true);
            continue;
        }
        if run.options.locked {
            return Err(PlanError::NotLocked {
                image: image.name().to_owned(),
                reference: outside.reference.to_string(),
                place: dockerfile.inner.place(&outside.base.span),
            }
            .into());
        }
        if !missing.contains(&outside.reference) && !is_only_in_daemon(image, &outside.reference)? {
            missing.push(outside.reference.clone());
        }
    }
    let found: HashMap<_, _> = missing.iter().cloned().zip(run.query_bases(&missing)?).collect();
    for outside in outside.iter_mut().filter(|outside| !outside.is_locked) {
        match found.get(&outside.reference) {
            Some(Ok(found)) => {
                run.lock_base(&outside.reference, found)?;
                (outside.pin, outside.is_locked) = (Some(found.clone()), true);
            }
            Some(Err(reason)) => {
                let consequence = format!("{} is not added to `windlass.lock`", outside.reference);
                run.warn_unknown_base(&outside.reference, &consequence, reason);
            }
            None => {}
        }
    }
    Ok(())
}

/// Chooses the current digests of `outside`. Those that were queried within `age` are not queried again.
fn update(image: &Image, outside: &mut [OutsideBase], age: Duration) -> Result<(), StageError> {
    let run = image.run();
    let now = run.session.host.clock.now().as_second();
    let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    let recent = |reference: &ImageReference| {
        let known = run.memory.bases.digest(&reference.to_string())?;
        let is_recent = known.place == BasePlace::Registry && now.saturating_sub(known.asked) < age;
        is_recent.then_some(known)
    };
    let mut asked: Vec<ImageReference> = Vec::new();
    for outside in &mut *outside {
        let reference = &outside.reference;
        outside.pin = recent(reference);
        if outside.pin.is_none() && !asked.contains(reference) && !is_only_in_daemon(image, reference)? {
            asked.push(reference.clone());
        }
    }
    let found: HashMap<_, _> = asked.iter().cloned().zip(run.query_bases(&asked)?).collect();
    for outside in outside {
        match found.get(&outside.reference) {
            Some(Ok(found)) => outside.pin = Some(found.clone()),
            Some(Err(reason)) => {
                let consequence = format!("{} counts as unchanged", outside.reference);
                run.warn_unknown_base(&outside.reference, &consequence, reason);
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether the daemon has an image that was never in a registry, and that the last build was built on: it is compared by
/// its ID.
fn is_only_in_daemon(image: &Image, reference: &ImageReference) -> Result<bool, StageError> {
    let (run, name) = (image.run(), reference.to_string());
    let is_unknown = |record: &Record| {
        record.daemon_bases.contains_key(&name) && !record.outside_bases.contains_key(&name)
    };
    if !run.records(image.name()).first().is_some_and(is_unknown) {
        return Ok(false);
    }
    let found = run.session.wait(run.session.host.docker.base_config(&name))?;
    Ok(matches!(found, Ok(Some(BaseConfig { digest: None, .. }))))
}

/// Whether the Docker CLI builds `image` with another builder than that of the daemon.
fn has_own_builder(image: &Image) -> bool {
    let own =
        |docker: &DockerConfig| docker.buildx.is_some() || docker.args.values("builder").next().is_some();
    image.config().docker.as_ref().is_some_and(own)
}

impl Plan {
    /// The base images that belong to no project, each once. Sends no requests.
    pub fn outside_bases(&self) -> Vec<KnownBase> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return Vec::new() };
        let compared = self.compared();
        let memory = &self.image.run().memory.bases;
        let mut known: Vec<KnownBase> = Vec::new();
        for OutsideBase { reference, pin, .. } in &recipe.outside {
            if known.iter().any(|known| known.reference == *reference) {
                continue;
            }
            let name = reference.to_string();
            let built_on = compared.as_ref().and_then(|record| record.outside_bases.get(&name).cloned());
            let digest = built_on.or_else(|| pin.clone()).or_else(|| memory.digest(&name));
            let is_other = |pin: &BaseDigest| digest.as_ref().is_some_and(|known| known.digest != pin.digest);
            let now = pin.clone().filter(is_other).map(|pin| pin.digest);
            known.push(KnownBase { reference: reference.clone(), digest, now });
        }
        known
    }

    /// Whether the Docker daemon has its base image `reference`, which was never in a registry.
    ///
    /// # Errors
    /// `run::cancelled`.
    pub fn is_only_in_daemon(&self, reference: &ImageReference) -> Result<bool, StageError> {
        is_only_in_daemon(&self.image, reference)
    }

    /// The chosen digests of its base images that belong to no project: those of the lock file if they are `locked`,
    /// otherwise the current ones.
    pub(super) fn pinned_digests(&self, locked: bool) -> BTreeMap<String, BaseDigest> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return BTreeMap::new() };
        let pins = recipe.outside.iter().filter(|outside| outside.is_locked == locked);
        pins.filter_map(|outside| Some((outside.reference.to_string(), outside.pin.clone()?))).collect()
    }

    /// The digests of the base images that belong to no project and that `builder` has just used for `built`, as far as
    /// they are known: a digest is unknown if it was found where this builder does not look.
    pub(super) fn outside_digests(
        &self,
        builder: BuilderKind,
        built: &BuiltImage,
    ) -> BTreeMap<String, BaseDigest> {
        let Recipe::Dockerfile(recipe) = &self.recipe else { return BTreeMap::new() };
        if built.is_planned {
            return BTreeMap::new();
        }
        let run = self.image.run();
        let now = run.session.host.clock.now().as_second();
        let digest = |outside: &OutsideBase| {
            let name = outside.reference.to_string();
            if let Some(pin) = &outside.pin {
                return Some((name, pin.clone()));
            }
            if let Some(digest) = built.base_digests.get(&name) {
                let (digest, place) = (digest.clone(), BasePlace::Registry);
                return Some((name, BaseDigest { digest, place, asked: now }));
            }
            let found = run.memory.bases.fresh_digest(&name)?;
            let is_used = match (builder, found.place) {
                (BuilderKind::Oci, BasePlace::Store) => true,
                (BuilderKind::Oci, BasePlace::Daemon) => built.daemon_bases.contains_key(&name),
                // The builder reports those.
                (BuilderKind::Oci, BasePlace::Registry) => false,
                (_, BasePlace::Registry) => true,
                (BuilderKind::Docker, BasePlace::Daemon) => !has_own_builder(&self.image),
                (_, BasePlace::Daemon | BasePlace::Store) => false,
            };
            is_used.then_some((name, found))
        };
        recipe.outside.iter().filter_map(digest).collect()
    }
}
