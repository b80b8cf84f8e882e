//! v1beta8 to v1beta9: images whose changes are synced need `preferSyncOverRebuild` to be skipped.

use super::edit::{add, as_map, items, map, text_at};
use crate::config::node::Mapping;

/// Adds `preferSyncOverRebuild` only to images that are synced: it has no effect on others.
pub(super) fn upgrade(document: &mut Mapping) {
    let dev = map(document, "dev");
    let synced: Vec<String> = match dev {
        Some(dev) => items(dev, "sync").filter_map(|sync| text_at(sync, "imageName")).collect(),
        None => Vec::new(),
    };
    for (name, image) in map(document, "images").into_iter().flatten() {
        let at = image.key;
        if let Some(image) = as_map(&mut image.node).filter(|_| synced.contains(name)) {
            add(image, "preferSyncOverRebuild", at, "true");
        }
    }
}
