//! v1alpha2 to v1alpha3: `dockerfilePath` and `contextPath` of `build` get shorter names.

use super::edit::{images, map, rename};
use crate::config::node::Mapping;

pub(super) fn upgrade(document: &mut Mapping) {
    for (_, image) in images(document) {
        if let Some(build) = map(image, "build") {
            rename(build, "dockerfilePath", "dockerfile");
            rename(build, "contextPath", "context");
        }
    }
}
