//! v1beta5 to v1beta6: `flags` of a custom builder become `args`.

use super::edit::{images, map, rename};
use crate::config::node::Mapping;

pub(super) fn upgrade(document: &mut Mapping) {
    for (_, image) in images(document) {
        if let Some(custom) = map(image, "build").and_then(|build| map(build, "custom")) {
            rename(custom, "flags", "args");
        }
    }
}
