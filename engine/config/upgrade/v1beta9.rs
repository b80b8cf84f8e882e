//! v1beta9 to v1beta10: random tags use `#`, dependencies have names, interactive mode becomes a terminal.

use super::edit::{add, as_map, entry, has, images, is_true, items, map, move_to, rename, text};
use crate::config::node::{Mapping, Span, Style, Value};

pub(super) fn upgrade(document: &mut Mapping) {
    super::v1beta6::tags(document);
    for (_, image) in images(document) {
        random_tags(image);
        // The counterpart `rebuildStrategy: ignoreContextChanges` also applies to `build`, where this key had no
        // effect: drop it. `dev` reads it before.
        image.shift_remove("preferSyncOverRebuild");
    }
    for (number, dependency) in items(document, "dependencies").enumerate() {
        if !has(dependency, "name") {
            let at = dependency.values().next().map_or(Span::default(), |entry| entry.key);
            dependency.shift_insert(0, "name".to_owned(), entry(at, text(at, &number.to_string())));
        }
    }
    let Some(dev) = map(document, "dev") else { return };
    for sync in items(dev, "sync") {
        let at = sync.values().next().map_or(Span::default(), |entry| entry.key);
        add(sync, "waitInitialSync", at, "false");
        // The newer version watches containers; the older one always polled.
        add(sync, "polling", at, "true");
    }
    interactive(dev);
}

/// `tagsAppendRandom` becomes five `#` on every tag.
fn random_tags(image: &mut Mapping) {
    let appends = is_true(image, "tagsAppendRandom");
    image.shift_remove("tagsAppendRandom");
    let Some(Value::Sequence(tags)) = image.get_mut("tags").map(|entry| &mut entry.node.value) else {
        return;
    };
    for tag in tags.iter_mut().filter(|_| appends) {
        if let Value::Scalar(tag) = &mut tag.value {
            tag.text += "-#####";
            tag.style = Style::Text;
        }
    }
}

fn interactive(dev: &mut Mapping) {
    let Some(mut interactive) = dev.shift_remove("interactive") else { return };
    let at = interactive.key;
    let Some(interactive) = as_map(&mut interactive.node) else { return };
    let is_enabled = is_true(interactive, "defaultEnabled");
    rename(interactive, "images", "deprecatedInteractiveImages");
    move_to(interactive, "terminal", dev, "terminal");
    move_to(interactive, "deprecatedInteractiveImages", dev, "deprecatedInteractiveImages");
    if is_enabled {
        add(dev, "deprecatedInteractiveEnabled", at, "true");
    } else if let Some(terminal) = map(dev, "terminal") {
        add(terminal, "disabled", at, "true");
    }
}
