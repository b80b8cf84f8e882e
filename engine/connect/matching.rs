//! The containers of a pod that a selector describes.

use k8s_openapi::api::core::v1::{Container, Pod};

use super::TargetSelector;
use super::image_match::ImageFit;

/// The annotation that names the default container.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A container of a pod that a selector describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matching<'p> {
    /// Its name.
    pub name: &'p str,
    /// Its image in the pod spec.
    pub image: &'p str,
    /// How its image matches; `Current` if images do not matter.
    pub fit: ImageFit,
}

/// The containers of `pod` that `selector` describes, ignoring the conditions that the API server checks; the one that
/// is selected comes first.
pub(super) fn matching<'p>(pod: &'p Pod, selector: &TargetSelector) -> Vec<Matching<'p>> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut found = described(containers, selector);
    let annotations = pod.metadata.annotations.as_ref();
    let default = annotations.and_then(|annotations| annotations.get(DEFAULT_CONTAINER));
    // The sort is stable: otherwise, the order is that of the pod.
    found.sort_by_key(|container| (container.fit, default.is_none_or(|default| default != container.name)));
    found
}

/// The init containers of `pod` that `selector` describes, in their order.
pub(super) fn matching_init<'p>(pod: &'p Pod, selector: &TargetSelector) -> Vec<Matching<'p>> {
    described(pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten()), selector)
}

fn described<'p>(
    containers: impl Iterator<Item = &'p Container>,
    selector: &TargetSelector,
) -> Vec<Matching<'p>> {
    let named =
        containers.filter(|container| selector.container.as_ref().is_none_or(|name| *name == container.name));
    let found = named.filter_map(|container| {
        let image = container.image.as_deref().unwrap_or_default();
        let fit = match selector.images.as_slice() {
            [] => ImageFit::Current,
            images => images.iter().filter_map(|known| known.fit(image)).min()?,
        };
        Some(Matching { name: &container.name, image, fit })
    });
    found.collect()
}
