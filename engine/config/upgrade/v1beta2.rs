//! v1beta2 to v1beta3: interactive mode replaces overridden images, selectors are inlined.

use super::edit::{add, as_map, has, images, items, list, map, map_or_new, move_to, rename, text_at};
use crate::config::node::{Entry, Mapping, Span, Value};
use crate::config::problem::{Diagnostics, Report};

pub(super) fn upgrade(document: &mut Mapping, problems: &mut Diagnostics) {
    if let Some(cluster) = document.shift_remove("cluster") {
        let report = Report::new("config::ignored", "`cluster` is ignored", "ignored")
            .help("remove it, and pass `--kube-context` and `--namespace`");
        problems.warn(cluster.key, report);
    }
    for (at, image) in images(document) {
        // The default was `false` and became `true`.
        add(image, "createPullSecret", at, "false");
    }
    for deployment in items(document, "deployments") {
        if let Some(helm) = map(deployment, "helm") {
            rename(helm, "devSpaceValues", "replaceImageTags");
        }
    }
    for dependency in items(document, "dependencies") {
        rename(dependency, "config", "profile");
    }
    if let Some(mut dev) = document.shift_remove("dev") {
        let at = dev.key;
        if let Some(dev) = as_map(&mut dev.node) {
            upgrade_dev(dev, at, problems);
        }
        document.insert("dev".to_owned(), dev);
    }
}

fn upgrade_dev(dev: &mut Mapping, at: Span, problems: &mut Diagnostics) {
    let selectors = dev.shift_remove("selectors");
    let selectors = selectors.as_ref().and_then(|entry| entry.node.as_sequence()).unwrap_or_default();
    let selectors: Vec<&Mapping> = selectors.iter().filter_map(|node| node.as_mapping()).collect();
    for key in ["sync", "ports"] {
        items(dev, key).for_each(|item| inline_selector(item, &selectors, problems));
    }
    items(dev, "ports").for_each(|ports| drop(ports.shift_remove("containerName")));
    let images = dev.shift_remove("overrideImages");
    let mut terminal = dev.shift_remove("terminal");
    let mut enabled = None;
    if let Some(terminal) = terminal.as_mut().and_then(|entry| as_map(&mut entry.node)) {
        inline_selector(terminal, &selectors, problems);
        enabled = terminal.shift_remove("disabled");
    }
    let Some(interactive) = map_or_new(dev, "interactive", at) else { return };
    let disabled = enabled
        .as_ref()
        .is_some_and(|entry| entry.node.as_scalar().and_then(|scalar| scalar.as_bool()) == Some(true));
    let reason = enabled.map_or(at, |entry| entry.key);
    add(interactive, "defaultEnabled", reason, if disabled { "false" } else { "true" });
    if let Some(mut images) = images {
        if let Value::Sequence(nodes) = &mut images.node.value {
            nodes.iter_mut().filter_map(as_map).for_each(split_entrypoint);
        }
        interactive.insert("images".to_owned(), images);
    }
    let is_used = |entry: &Entry| entry.node.as_mapping().is_some_and(|terminal| !terminal.is_empty());
    if let Some(terminal) = terminal.filter(is_used) {
        interactive.insert("terminal".to_owned(), terminal);
    }
}

/// Replaces the name of the selector of `item` with its keys.
fn inline_selector(item: &mut Mapping, selectors: &[&Mapping], problems: &mut Diagnostics) {
    let Some(name) = text_at(item, "selector") else { return };
    let Some(entry) = item.shift_remove("selector") else { return };
    let Some(selector) = selectors.iter().find(|selector| text_at(selector, "name") == Some(name.clone()))
    else {
        let known: Vec<String> = selectors.iter().filter_map(|selector| text_at(selector, "name")).collect();
        let report = Report::new("config::dev", format!("unknown selector `{name}`"), "unknown selector");
        let report = report.suggest(&name, known.iter().map(String::as_str));
        return problems.add_of_dev(entry.node.span, report);
    };
    for (key, entry) in selector.iter().filter(|(key, _)| *key != "name") {
        if !has(item, key) {
            item.insert(key.clone(), entry.clone());
        }
    }
}

/// The first word of the entrypoint remains, the others become the command.
fn split_entrypoint(image: &mut Mapping) {
    let mut dropped = Mapping::new();
    for key in ["dockerfile", "context"] {
        move_to(image, key, &mut dropped, key);
    }
    let Some(entrypoint) = image.get_mut("entrypoint") else { return };
    let at = entrypoint.node.span;
    let Value::Sequence(words) = &mut entrypoint.node.value else { return };
    if words.len() > 1 {
        let rest = words.split_off(1);
        let key = entrypoint.key;
        image.insert("cmd".to_owned(), Entry { key, node: list(at, rest) });
    }
}
