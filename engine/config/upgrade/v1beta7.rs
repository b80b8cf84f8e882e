//! v1beta7 to v1beta8: `flags` of kaniko and kubectl become `args` and `applyArgs`.

use super::edit::{images, items, map, rename};
use crate::config::node::Mapping;

pub(super) fn upgrade(document: &mut Mapping) {
    for (_, image) in images(document) {
        if let Some(kaniko) = map(image, "build").and_then(|build| map(build, "kaniko")) {
            rename(kaniko, "flags", "args");
        }
    }
    for deployment in items(document, "deployments") {
        if let Some(kubectl) = map(deployment, "kubectl") {
            rename(kubectl, "flags", "applyArgs");
        }
    }
}
