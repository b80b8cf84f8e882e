//! Images of dependencies as base images: `FROM` can use their repositories like those of the same project.

use std::sync::Arc;

use super::{Finished, Run, RunLinks};
use crate::config::ImageConfig;
use crate::graph::project_image;
use crate::image::{ImageReference, TagTemplate};

/// A base image that belongs to a dependency.
pub struct ForeignBase {
    /// Its name: `auth.api`.
    pub name: String,
    /// Its cache key, reference and identity.
    pub finished: Finished,
}

/// The image of a dependency that `reference` refers to, as built in this run or, if its project is skipped, before.
///
/// `None` for any other image, a disabled one, and one that was never built: then the reference is used as it is.
pub fn foreign_base(run: &Run, reference: &str) -> Option<ForeignBase> {
    let (dependency, image) = find(run.links(), reference)?;
    let finished = dependency.finished(&image).or_else(|| built_before(&dependency, &image))?;
    Some(ForeignBase { name: dependency.links().full_name(&image), finished })
}

/// The full reference of a disabled image of the project or a dependency that `reference` refers to without a tag. The
/// image is built elsewhere, with the tag in `tags`.
///
/// `None` for any other image, and without a tag in `tags`: then the reference is used as it is.
pub fn disabled_base(run: &Run, reference: &str) -> Option<ImageReference> {
    let written: ImageReference = reference.parse().ok()?;
    if written.tag.as_ref().is_some_and(|tag| tag.as_str() != "latest") {
        return None;
    }
    let named = |run: &Run| Some(project_image(&run.project, reference)?.clone());
    let below = || run.links().all_dependencies().into_iter().find_map(|dependency| named(&dependency));
    let image = named(run).or_else(below).filter(|image| image.disabled)?;
    fixed_reference(&image)
}

/// The reference of `image` with its first tag, if that is fixed.
pub(super) fn fixed_reference(image: &ImageConfig) -> Option<ImageReference> {
    let tag = image.tags.first()?.text.parse::<TagTemplate>().ok()?.fixed()?;
    Some(image.repository.with_tag(tag))
}

/// The dependency below the project of `links`, and its image, that `reference` refers to.
fn find(links: &RunLinks, reference: &str) -> Option<(Arc<Run>, String)> {
    links.all_dependencies().into_iter().find_map(|dependency| {
        let image = project_image(&dependency.project, reference).filter(|image| !image.disabled)?;
        let image = image.name.clone();
        Some((dependency, image))
    })
}

/// The latest recorded build of `image`.
pub(super) fn built_before(run: &Run, image: &str) -> Option<Finished> {
    let config = run.project.images.get(image)?;
    let records = run.records(image);
    let mut own = records.iter().filter(|record| record.repository == config.repository.to_string());
    let record = own.next()?;
    let reference: ImageReference = record.references(&config.repository).into_iter().next()?;
    let base = record.base_reference(&config.repository, &records)?;
    Some(Finished { key: record.key, reference, base, identity: Some(record.identity()), is_new: false })
}
