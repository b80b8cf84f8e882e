//! The base images that belong to no project, and their digests.

use std::collections::BTreeMap;

use super::Plan;
use super::bases::Parent;
use super::named_contexts::replaces;
use super::plan::Recipe;
use crate::builder::BuiltImage;
use crate::config::{BuilderKind, DockerConfig};
use crate::error::StageError;
use crate::image::ImageReference;
use crate::image::dockerfile::BaseImage;
use crate::run::{Image, ImageDockerfile};
use crate::state::{BaseDigest, BasePlace};

/// A base image that belongs to no project, and that its Dockerfile names by a tag.
#[derive(Clone)]
pub(super) struct OutsideBase {
    /// Its reference, with a tag.
    pub(super) reference: ImageReference,
}

/// A base image that belongs to no project, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBase {
    /// Its reference, with a tag.
    pub reference: ImageReference,
    /// The digest that the compared build was built on, otherwise the last known one.
    pub digest: Option<BaseDigest>,
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
        Some(OutsideBase { reference: reference.or_latest() })
    });
    Ok(outside.filter(|outside| outside.reference.digest.is_none()).collect())
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
        for OutsideBase { reference, .. } in &recipe.outside {
            if known.iter().any(|known| known.reference == *reference) {
                continue;
            }
            let name = reference.to_string();
            let built_on = compared.as_ref().and_then(|record| record.outside_bases.get(&name).cloned());
            let digest = built_on.or_else(|| memory.digest(&name));
            known.push(KnownBase { reference: reference.clone(), digest });
        }
        known
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
