//! v1beta6 to v1beta7: several tags, and a mode of the first sync.

use super::edit::{images, is_true, items, list, map, rename, text};
use crate::config::node::{Mapping, Value};

pub(super) fn upgrade(document: &mut Mapping) {
    tags(document);
    let Some(dev) = map(document, "dev") else { return };
    for sync in items(dev, "sync") {
        let downloads = is_true(sync, "downloadOnInitialSync");
        if downloads {
            rename(sync, "downloadOnInitialSync", "initialSync");
            if let Some(entry) = sync.get_mut("initialSync") {
                entry.node = text(entry.node.span, "preferLocal");
            }
        } else {
            sync.shift_remove("downloadOnInitialSync");
        }
    }
}

/// `tag` becomes a list of one; if `tags` exists as well, it is appended.
pub(super) fn tags(document: &mut Mapping) {
    images(document).for_each(|(_, image)| tags_of(image));
}

fn tags_of(image: &mut Mapping) {
    let Some(tag) = image.get("tag").filter(|entry| !entry.node.is_null()) else {
        image.shift_remove("tag");
        return;
    };
    let mut nodes = match tag.node.as_sequence() {
        Some(nodes) => nodes.to_vec(),
        None => vec![tag.node.clone()],
    };
    match image.get_mut("tags").map(|entry| &mut entry.node.value) {
        Some(Value::Sequence(tags)) => {
            tags.append(&mut nodes);
            image.shift_remove("tag");
        }
        _ => {
            rename(image, "tag", "tags");
            if let Some(tags) = image.get_mut("tags") {
                tags.node = list(tags.node.span, nodes);
            }
        }
    }
}
