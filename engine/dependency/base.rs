//! Images of dependencies as bases: `FROM` may name their repositories as it may name those of the own project.

use std::sync::Arc;

use super::{Dependency, Kin};
use crate::config::ImageConfig;
use crate::graph::project_image;
use crate::image::{ImageReference, TagTemplate};
use crate::run::{Finished, Run};

/// An image of a dependency that something is built from.
pub struct ForeignBase {
    /// Its name: `auth.api`.
    pub name: String,
    /// Its key and reference, and which image it is.
    pub finished: Finished,
}

/// The image of a project that the one of `run` depends on that `reference` means, as it was built in this run or, where
/// its project is left out, before.
///
/// `None` for any other image, one that is disabled, and one that was never built: then the reference stands for itself.
pub fn foreign_base(run: &Run, reference: &str) -> Option<ForeignBase> {
    let (dependency, image) = find(run.kin(), reference)?;
    let finished = dependency.run.finished(&image).or_else(|| built_before(&dependency.run, &image))?;
    Some(ForeignBase { name: format!("{}.{image}", dependency.name), finished })
}

/// The reference of a disabled image of the project of `run`, or of one that it depends on, that `reference` means without
/// saying which tag. Somebody else builds it, with the tag that its `tags` name.
///
/// `None` for any other image, and where `tags` names none: then the reference stands for itself.
pub fn disabled_base(run: &Run, reference: &str) -> Option<ImageReference> {
    let written: ImageReference = reference.parse().ok()?;
    if written.tag.as_ref().is_some_and(|tag| tag.as_str() != "latest") {
        return None;
    }
    let named = |run: &Run| Some(project_image(&run.project, reference)?.clone());
    let below = || run.kin().all_dependencies().into_iter().find_map(|dependency| named(&dependency.run));
    let image = named(run).or_else(below).filter(|image| image.disabled)?;
    fixed_reference(&image)
}

/// The reference of `image` with its first tag, when that is always the same.
pub(super) fn fixed_reference(image: &ImageConfig) -> Option<ImageReference> {
    let tag = image.tags.first()?.text.parse::<TagTemplate>().ok()?.fixed()?;
    Some(image.repository.with_tag(tag))
}

/// The projects below that of `kin` an image of which `reference` means.
pub(super) fn find(kin: &Kin, reference: &str) -> Option<(Arc<Dependency>, String)> {
    kin.all_dependencies().into_iter().find_map(|dependency| {
        let image = project_image(&dependency.run.project, reference).filter(|image| !image.disabled)?;
        let image = image.name.clone();
        Some((dependency, image))
    })
}

/// The latest build of `image` that is remembered.
pub(super) fn built_before(run: &Run, image: &str) -> Option<Finished> {
    let config = run.project.images.get(image)?;
    let records = run.records(image);
    let mut own = records.iter().filter(|record| record.repository == config.repository.to_string());
    let record = own.next()?;
    let reference: ImageReference = record.references(&config.repository).into_iter().next()?;
    Some(Finished { key: record.key, reference, identity: Some(record.identity()), is_new: false })
}
