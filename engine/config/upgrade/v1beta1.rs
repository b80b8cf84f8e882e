//! v1beta1 to v1beta2: keys of an image move out of `build`, keys of a tool move into it.

use super::edit::{has, images, map, map_or_new, move_to};
use crate::config::node::{Mapping, Span};

pub(super) fn upgrade(document: &mut Mapping) {
    for (at, image) in images(document) {
        if let Some(mut build) = image.shift_remove("build") {
            if let Some(build) = super::edit::as_map(&mut build.node) {
                move_to(build, "dockerfile", image, "dockerfile");
                move_to(build, "context", image, "context");
            }
            if build.node.as_mapping().is_none_or(|build| !build.is_empty()) {
                image.insert("build".to_owned(), build);
            }
        }
        tool_key(image, at, "insecure", "kaniko");
        tool_key(image, at, "skipPush", "docker");
        options(image);
    }
}

/// Moves `key` of the image to `build.TOOL`.
fn tool_key(image: &mut Mapping, at: Span, key: &str, tool: &str) {
    let Some(entry) = image.shift_remove(key).filter(|entry| !entry.node.is_null()) else { return };
    let build = map_or_new(image, "build", at);
    if let Some(tool) = build.and_then(|build| map_or_new(build, tool, entry.key)) {
        tool.insert(key.to_owned(), entry);
    }
}

/// `build.options` become the options of kaniko if it is selected, otherwise those of `docker`.
fn options(image: &mut Mapping) {
    let Some(build) = map(image, "build") else { return };
    let Some(options) = build.shift_remove("options").filter(|entry| !entry.node.is_null()) else { return };
    let tool = if has(build, "kaniko") { "kaniko" } else { "docker" };
    if let Some(tool) = map_or_new(build, tool, options.key) {
        tool.insert("options".to_owned(), options);
    }
}
