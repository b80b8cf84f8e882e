//! Images of dependencies as bases: `FROM` may name their repositories as it may name those of the own project.

use std::sync::Arc;

use super::{Dependency, Kin};
use crate::graph::project_image;
use crate::image::ImageReference;
use crate::run::{Finished, Run};

/// An image of a dependency that something is built from.
pub struct ForeignBase {
    /// Its name: `auth.api`.
    pub name: String,
    /// Its key and reference.
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

/// The projects below that of `kin` an image of which `reference` means.
pub(super) fn find(kin: &Kin, reference: &str) -> Option<(Arc<Dependency>, String)> {
    kin.all_dependencies().into_iter().find_map(|dependency| {
        let image = project_image(&dependency.run.project, reference).filter(|image| !image.disabled)?;
        let image = image.name.clone();
        Some((dependency, image))
    })
}

/// The latest build of `image` that is remembered.
fn built_before(run: &Run, image: &str) -> Option<Finished> {
    let config = run.project.images.get(image)?;
    let records = run.records(image);
    let mut own = records.iter().filter(|record| record.repository == config.repository.to_string());
    let record = own.next()?;
    let reference: ImageReference = record.references(&config.repository).into_iter().next()?;
    Some(Finished { key: record.key, reference })
}
