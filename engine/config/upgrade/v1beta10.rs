//! v1beta10 to v1beta11: `imageSelector` selects images, named events trigger hooks.

use super::edit::{as_map, items, list, map, rename, text};
use super::hook_events::events;
use crate::config::node::{Mapping, Value, YamlNode};

pub(super) fn upgrade(document: &mut Mapping) {
    hooks(document);
    let Some(dev) = map(document, "dev") else { return };
    for key in ["replacePods", "ports", "sync"] {
        items(dev, key).for_each(image_selector);
    }
    if let Some(terminal) = map(dev, "terminal") {
        image_selector(terminal);
    }
    if let Some(logs) = map(dev, "logs") {
        rename(logs, "images", "selectors");
        if let Some(Value::Sequence(images)) = logs.get_mut("selectors").map(|entry| &mut entry.node.value) {
            images.iter_mut().filter(|image| image.as_scalar().is_some()).for_each(log_selector);
        }
    }
}

/// Converts hooks from the older form to the newer one.
pub(super) fn hooks(document: &mut Mapping) {
    items(document, "hooks").for_each(hook);
}

fn hook(hook: &mut Mapping) {
    if let Some((position, _, mut entry)) = hook.shift_remove_full("when") {
        let mut nodes = as_map(&mut entry.node).map(|when| events(when)).unwrap_or_default();
        match hook.get_mut("events").map(|entry| &mut entry.node.value) {
            Some(Value::Sequence(later)) => {
                nodes.append(later);
                *later = nodes;
            }
            _ => {
                entry.node = list(entry.node.span, nodes);
                hook.shift_remove("events");
                hook.shift_insert(position, "events".to_owned(), entry);
            }
        }
    }
    if let Some((position, _, mut place)) = hook.shift_remove_full("where")
        && let Some(container) = as_map(&mut place.node).and_then(|place| place.shift_remove("container"))
        && !hook.contains_key("container")
    {
        hook.shift_insert(position.min(hook.len()), "container".to_owned(), container);
    }
    if let Some(container) = map(hook, "container") {
        image_selector(container);
    }
}

/// `imageName: api` selects the image with its built tag. An `imageSelector` stays: it is another image.
fn image_selector(mapping: &mut Mapping) {
    if mapping.contains_key("imageSelector") {
        mapping.shift_remove("imageName");
        return;
    }
    rename(mapping, "imageName", "imageSelector");
    let Some(entry) = mapping.get_mut("imageSelector") else { return };
    let Some(name) = entry.node.as_scalar().map(|scalar| scalar.text.clone()) else { return };
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if is_name && !name.starts_with("image(") {
        entry.node = selector_of(&entry.node, &name);
    }
}

fn log_selector(image: &mut YamlNode) {
    let name = image.as_scalar().map(|scalar| scalar.text.clone()).unwrap_or_default();
    let selector = selector_of(image, &name);
    let entry = super::edit::entry(image.span, selector);
    image.value = Value::Mapping(Mapping::from([("imageSelector".to_owned(), entry)]));
}

fn selector_of(node: &YamlNode, name: &str) -> YamlNode {
    text(node.span, &format!("image({name}):tag({name})"))
}
