//! The base images of an image: those of the project and its dependencies, and the settings that builds inherit from
//! them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::docker_build::DockerfileRecipe;
use super::error::PlanError;
use super::outside::OutsideBase;
use crate::error::StageError;
use crate::image::ImageReference;
use crate::image::dockerfile::{BaseConfig, BaseImage};
use crate::run::{Finished, ForeignBase, Image, ImageDockerfile, Run, disabled_base, foreign_base};
use crate::state::{BaseDigest, BaseIdentity, BasePlace};

/// A base image that belongs to the project or to a dependency.
#[derive(Clone)]
pub(super) struct Parent {
    pub(super) name: String,
    /// Its place in the Dockerfile.
    pub(super) base: BaseImage,
    pub(super) finished: Finished,
}

/// The base images of `dockerfile` that belong to the project or to a dependency.
pub(super) fn parents(image: &Image, dockerfile: &ImageDockerfile) -> Result<Vec<Parent>, StageError> {
    let run = image.run();
    let mut parents = Vec::new();
    for base in dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args)? {
        let Some(parent) = crate::graph::project_image(&run.project, &base.reference) else {
            let foreign = foreign_base(run, &base.reference);
            parents.extend(foreign.map(|ForeignBase { name, finished }| Parent { name, base, finished }));
            continue;
        };
        if parent.name == image.name() || parent.disabled {
            continue;
        }
        let Some(finished) = run.finished(&parent.name) else {
            let (image, parent) = (image.name().to_owned(), parent.name.clone());
            return Err(PlanError::ParentMissing { image, parent }.into());
        };
        parents.push(Parent { name: parent.name.clone(), base, finished });
    }
    Ok(parents)
}

/// `dockerfile` with full references for disabled images that it names without a tag.
pub(super) fn with_disabled_bases(
    image: &Image,
    dockerfile: &ImageDockerfile,
) -> Result<ImageDockerfile, StageError> {
    let bases = dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args)?;
    let replaced = bases.into_iter().filter_map(|base| {
        let reference = disabled_base(image.run(), &base.reference)?.to_string();
        (reference != base.reference).then_some((base, reference))
    });
    let replaced: Vec<_> = replaced.collect();
    match replaced.as_slice() {
        [] => Ok(dockerfile.clone()),
        replaced => dockerfile.edited(|inner, _| inner.with_bases(replaced)),
    }
}

/// The identity of `base`. The content of an image that a custom command built is not recorded: its reference is
/// resolved now, by the daemon or otherwise by the registry.
pub(super) fn identify(run: &Run, base: &Finished) -> BaseIdentity {
    let known = base.identity.clone().unwrap_or_default();
    if known.has_content() {
        return known;
    }
    let reference = &base.base;
    let in_daemon = run.in_daemon(std::slice::from_ref(reference));
    let image_id = in_daemon.ok().and_then(|mut found| found.remove(reference));
    let digest = match &image_id {
        Some(_) => None,
        // No response is not an error: then only its build distinguishes it from others.
        None => {
            run.session.wait(run.session.host.registry.digest(reference)).ok().and_then(Result::ok).flatten()
        }
    };
    BaseIdentity { image_id, digest, ..known }
}

/// The images, other than those of projects, that a build of `dockerfile` uses and the daemon has, with their IDs.
/// References with a digest are omitted because they never change.
pub(super) fn daemon_bases(
    run: &Run,
    recipe: &DockerfileRecipe,
) -> Result<BTreeMap<String, String>, StageError> {
    let DockerfileRecipe { dockerfile, parents, outside, .. } = recipe;
    let bases = dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args)?;
    let is_other = |base: &&BaseImage| {
        let is_pinned = |outside: &OutsideBase| outside.pin.is_some() && outside.base == **base;
        !parents.iter().any(|parent| parent.base.reference == base.reference)
            && !outside.iter().any(is_pinned)
    };
    let references = bases.iter().filter(is_other).filter_map(|base| base.reference.parse().ok());
    let has_tag = |reference: &ImageReference| reference.digest.is_none();
    let references: Vec<_> = references.filter(has_tag).map(ImageReference::or_latest).collect();
    if references.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = run.session.wait(run.session.host.docker.image_ids(&references))??;
    Ok(found.into_iter().map(|(reference, id)| (reference.to_string(), id)).collect())
}

/// Looks up the settings that an image inherits from its base images.
pub(super) struct Bases<'a> {
    run: &'a Run,
    parents: &'a [Parent],
    outside: &'a [OutsideBase],
    /// The requested base images.
    asked: RefCell<Vec<String>>,
    /// The base images with unknown configuration.
    unknown: RefCell<Vec<String>>,
}

impl<'a> Bases<'a> {
    pub(super) fn new(run: &'a Run, parents: &'a [Parent], outside: &'a [OutsideBase]) -> Self {
        Self { run, parents, outside, asked: RefCell::default(), unknown: RefCell::default() }
    }

    /// Does not look up the base images `unknown` again.
    pub(super) fn without(self, unknown: &[String]) -> Self {
        self.unknown.replace(unknown.to_vec());
        self
    }

    pub(super) fn config(&self, base: &str) -> Option<BaseConfig> {
        let parent = self.parents.iter().find(|parent| parent.base.reference == base);
        let name = parent.map(|parent| memory_name(&parent.finished));
        let of_outside = || {
            let outside = self.outside.iter().find(|outside| outside.base.reference == base);
            outside.map_or_else(|| base.to_owned(), |outside| outside.settings_name(self.run))
        };
        let name = name.unwrap_or_else(of_outside);
        if self.unknown.borrow().contains(&name) {
            return None;
        }
        let found = self.run.memory.bases.get(&name).or_else(|| look_up(self.run, &name));
        if found.is_none() {
            self.unknown.borrow_mut().push(name.clone());
        }
        self.asked.borrow_mut().push(name);
        found
    }

    /// The requested base images, and those of them with unknown configuration.
    pub(super) fn into_asked(self) -> (Vec<String>, Vec<String>) {
        (self.asked.into_inner(), self.unknown.into_inner())
    }
}

/// The name under which the configuration of a project's image is recorded: its tags name another build tomorrow, and
/// may get back one of last week.
fn memory_name(finished: &Finished) -> String {
    let build = finished.identity.as_ref().map(|identity| identity.build.as_str()).unwrap_or_default();
    match build {
        "" => finished.base.to_string(),
        build => format!("{}{BUILD}{build}", finished.base),
    }
}

/// Separates a reference from the build that it named. No reference has it; a planned tag may have `#`.
const BUILD: char = ' ';

/// The reference in a name under which a configuration is recorded.
fn reference_of(name: &str) -> &str {
    name.split_once(BUILD).map_or(name, |(reference, _)| reference)
}

/// Queries the store, the daemon, then the registry for the base image that is recorded as `name`, and records the
/// result. No response is not an error: then the whole build context is an input.
pub(super) fn look_up(run: &Run, name: &str) -> Option<BaseConfig> {
    let base = reference_of(name);
    let stored = run.session.wait(run.session.host.oci.base_config(base)).ok()?.ok().flatten();
    let in_daemon = || run.session.wait(run.session.host.docker.base_config(base)).ok()?.ok().flatten();
    let in_registry = || {
        let reference: ImageReference = base.parse().ok()?;
        run.session.wait(run.session.host.registry.base_config(&reference)).ok()?.ok()
    };
    let at = |place| move |found: BaseConfig| (found, place);
    let found = stored.map(at(BasePlace::Store)).or_else(|| in_daemon().map(at(BasePlace::Daemon)));
    let (found, place) = found.or_else(|| in_registry().map(at(BasePlace::Registry)))?;
    run.memory.bases.learn(name, found.clone());
    // A digest names the same image at all times.
    if name == base
        && let Ok(reference @ ImageReference { digest: None, .. }) = base.parse()
    {
        let asked = run.session.host.clock.now().as_second();
        let digest = found.digest.clone().map(|digest| BaseDigest { digest, place, asked });
        run.memory.bases.learn_digest(&reference.or_latest().to_string(), digest);
    }
    Some(found)
}
