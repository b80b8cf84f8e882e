//! v1alpha1 to v1alpha2: `devSpace` becomes `deployments` and `dev`, registries become part of `image`.

use super::edit::{
    as_map, entry, has, images, is_true, items, list, map, map_or_new, move_to, rename, text, text_at,
};
use crate::config::node::{Mapping, Scalar, Value};
use crate::config::problem::{Diagnostics, Report};

pub(super) fn upgrade(document: &mut Mapping, problems: &mut Diagnostics) {
    images_with_registries(document, problems);
    dev_space(document);
    tiller(document);
    if let Some(entry) = document.shift_remove("internalRegistry") {
        let message = "`internalRegistry` is ignored: it was removed after v1alpha1";
        let report = Report::new("config::ignored", message, "ignored").help("push to your own registry");
        problems.warn(entry.key, report);
    }
}

/// `name` and `registry` become `image`.
fn images_with_registries(document: &mut Mapping, problems: &mut Diagnostics) {
    let registries = document.shift_remove("registries");
    let registries = registries.as_ref().and_then(|entry| entry.node.as_mapping());
    for entry in registries.into_iter().flat_map(Mapping::values) {
        if let Some(auth) = entry.node.as_mapping().and_then(|registry| registry.get("auth")) {
            let report = Report::new("config::ignored", "`auth` of a registry is ignored", "ignored")
                .help("run `windlass login REGISTRY`");
            problems.warn(auth.key, report);
        }
    }
    for (_, image) in images(document) {
        rename(image, "name", "image");
        let Some(registry) = image.shift_remove("registry") else { continue };
        let Some(name) = registry.node.as_scalar().filter(|name| !name.is_null()) else { continue };
        let url = registries
            .and_then(|registries| registries.get(&name.text)?.node.as_mapping())
            .and_then(|registry| text_at(registry, "url"));
        match (url, image.get_mut("image").map(|entry| &mut entry.node.value)) {
            (Some(url), Some(Value::Scalar(image))) => {
                *image = Scalar { text: format!("{url}/{}", image.text), ..image.clone() };
            }
            (Some(_), _) => {}
            (None, _) => {
                let message = format!("unknown registry `{}`: no entry with a `url`", name.shown());
                let report = Report::new("config::image", message, "unknown registry");
                problems.add(registry.node.span, report.help("add it with a `url` to `registries`"));
            }
        }
    }
}

fn dev_space(document: &mut Mapping) {
    let mut reloaded = Vec::new();
    for (name, image) in map(document, "images").into_iter().flatten() {
        let switch = as_map(&mut image.node).and_then(|image| image.shift_remove("autoReload"));
        if !switch.is_some_and(|entry| entry.node.as_mapping().is_some_and(|map| is_true(map, "disabled"))) {
            reloaded.push(text(image.key, name));
        }
    }
    let Some(mut old) = document.shift_remove("devSpace") else { return };
    let at = old.key;
    let Some(dev_space) = as_map(&mut old.node) else { return };
    move_to(dev_space, "deployments", document, "deployments");
    for deployment in items(document, "deployments") {
        deployment.shift_remove("autoReload");
        if let Some(helm) = map(deployment, "helm") {
            values_files(helm);
        }
    }
    if let Some(mut services) = dev_space.shift_remove("services") {
        if let Value::Sequence(nodes) = &mut services.node.value {
            nodes
                .iter_mut()
                .filter_map(as_map)
                .for_each(|service| drop(service.shift_remove("resourceType")));
        }
        dev_space.insert("selectors".to_owned(), services);
    }
    for key in ["sync", "ports"] {
        items(dev_space, key).for_each(selector);
    }
    if let Some(terminal) = map(dev_space, "terminal") {
        selector(terminal);
    }
    if !reloaded.is_empty()
        && let Some(reload) = map_or_new(dev_space, "autoReload", at)
        && !has(reload, "images")
    {
        reload.insert("images".to_owned(), entry(at, list(at, reloaded)));
    }
    document.insert("dev".to_owned(), old);
}

/// A file with values becomes a list of one; `override` takes precedence, as in DevSpace.
fn values_files(helm: &mut Mapping) {
    for key in ["override", "devOverwrite"] {
        let Some(mut file) = helm.shift_remove(key) else { continue };
        let span = file.node.span;
        file.node = list(span, vec![file.node]);
        helm.entry("overrides".to_owned()).or_insert(file);
    }
}

fn selector(mapping: &mut Mapping) {
    rename(mapping, "service", "selector");
    mapping.shift_remove("resourceType");
}

/// The global namespace becomes one for each chart.
fn tiller(document: &mut Mapping) {
    let Some(tiller) = document.shift_remove("tiller") else { return };
    let Some(namespace) = tiller.node.as_mapping().and_then(|tiller| tiller.get("namespace")).cloned() else {
        return;
    };
    for deployment in items(document, "deployments") {
        if let Some(helm) = map(deployment, "helm") {
            helm.entry("tillerNamespace".to_owned()).or_insert_with(|| namespace.clone());
        }
    }
}
