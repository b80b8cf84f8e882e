//! The containers of images of the project.

use std::sync::Arc;

use super::known_images::known_images;
use crate::config::ContainerSelection;
use crate::connect::{ImageMatch, TargetSelector};
use crate::deploy::replace::{KnownImage, KnownImages};
use crate::image::ReferenceError;
use crate::run::Run;

/// A selection that names no known image.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum SelectionError {
    /// The reference is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Reference(#[from] ReferenceError),

    /// The project has no such image.
    #[error("unknown image `{name}`")]
    #[diagnostic(code(connect::unknown_image))]
    UnknownImage {
        /// The name.
        name: String,
        /// The hint.
        #[help]
        help: String,
    },
}

/// The image `name` of the project of `run` (`auth.api`: of a dependency), with the tag of its last build.
///
/// # Errors
/// [`SelectionError`] if the image does not exist.
pub fn image_match(run: &Arc<Run>, name: &str) -> Result<ImageMatch, SelectionError> {
    let images = known_images(run);
    let image = images.get(name).ok_or_else(|| SelectionError::UnknownImage {
        name: name.to_owned(),
        help: images.suggestion(name),
    })?;
    Ok(of_image(image, &images))
}

/// The images of the project of `run`, with the tags of their last builds.
pub fn project_images(run: &Arc<Run>) -> Vec<ImageMatch> {
    let images = known_images(run);
    images.iter().filter(|image| image.dependency.is_none()).map(|image| of_image(image, &images)).collect()
}

/// The selector for `selection`, with the tag of the last build of its image.
///
/// # Errors
/// [`SelectionError`] if its image is unknown.
pub fn target_selector(
    run: &Arc<Run>,
    selection: &ContainerSelection,
) -> Result<TargetSelector, SelectionError> {
    let by_name = selection.image.as_deref().map(|name| image_match(run, name)).transpose()?;
    let by_reference = selection.image_selector.as_deref().map(ImageMatch::of_reference).transpose()?;
    let labels = selection.labels.iter().map(|(name, value)| format!("{name}={value}"));
    let labels = labels.collect::<Vec<_>>().join(",");
    Ok(TargetSelector {
        namespace: selection.namespace.clone(),
        labels: (!labels.is_empty()).then_some(labels),
        images: by_name.into_iter().chain(by_reference).collect(),
        container: selection.container.clone(),
        is_default: selection.is_any(),
        ..TargetSelector::default()
    })
}

fn of_image(image: &KnownImage, images: &KnownImages) -> ImageMatch {
    let is_same = |other: &&KnownImage| other.full_name() == image.full_name();
    let others = images.iter().filter(|other| other.repository == image.repository && !is_same(other));
    let tag = image.tag().cloned();
    ImageMatch {
        name: image.full_name(),
        repository: image.repository.clone(),
        foreign: others
            .filter_map(|other| other.tag().cloned())
            .filter(|other| Some(other) != tag.as_ref())
            .collect(),
        tag,
        is_exact: false,
    }
}
