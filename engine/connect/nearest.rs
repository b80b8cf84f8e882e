//! Similar pods and containers for a pod that was not found.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::TargetSelector;
use super::matching::matching;
use crate::image::ImageReference;
use crate::suggestion::nearest;

/// The number of names in a hint.
const NAMES: usize = 8;

/// A hint for `selector`, which describes none of `pods`, all pods of the namespace; empty without similar pods.
pub(super) fn hint(selector: &TargetSelector, pods: &[Arc<Pod>], namespace: &str) -> String {
    if pods.is_empty() {
        return format!(
            "the namespace `{namespace}` has no pods: deploy first, or choose another namespace with `-n`"
        );
    }
    let name_of = |pod: &Arc<Pod>| pod.metadata.name.clone().unwrap_or_default();
    if let Some(name) = &selector.pod {
        let Some(pod) = pods.iter().find(|pod| name_of(pod) == *name) else {
            let names: Vec<_> = pods.iter().map(name_of).collect();
            return suggest(name, names.iter().map(String::as_str), "pods");
        };
        // The pod is right: something else of it does not match.
        if pods.len() > 1 {
            return hint(selector, std::slice::from_ref(pod), namespace);
        }
    }
    if let Some(labels) = &selector.labels {
        let known = pods.iter().flat_map(|pod| pod.metadata.labels.iter().flatten());
        let known: BTreeSet<_> = known.map(|(name, value)| format!("{name}={value}")).collect();
        let without = TargetSelector { labels: None, ..selector.clone() };
        // The labels are right if a pod has them all.
        let are_known = labels.split(',').all(|label| known.contains(label.trim()));
        if !are_known || pods.iter().all(|pod| matching(pod, &without).is_empty()) {
            let wanted = labels.split(',').map(str::trim).find(|label| !known.contains(*label));
            return suggest(wanted.unwrap_or(labels), known.iter().map(String::as_str), "labels of pods");
        }
    }
    let containers = || pods.iter().flat_map(|pod| pod.spec.iter().flat_map(|spec| &spec.containers));
    if let Some(image) = selector.images.first() {
        let images: BTreeSet<_> = containers().filter_map(|container| container.image.as_deref()).collect();
        let same = images.iter().find(|text| {
            text.parse::<ImageReference>().is_ok_and(|reference| reference.repository == image.repository)
        });
        return match same {
            Some(other) => format!("a container runs `{other}`: deploy the last build"),
            None => suggest(&image.reference(), images.iter().copied(), "images of containers"),
        };
    }
    match &selector.container {
        Some(name) => {
            let names: BTreeSet<_> = containers().map(|container| container.name.as_str()).collect();
            suggest(name, names.iter().copied(), "containers")
        }
        None => String::new(),
    }
}

/// The name of `known` nearest to `name`, or all of them.
fn suggest<'a>(name: &str, known: impl Iterator<Item = &'a str>, nouns: &str) -> String {
    let known: Vec<_> = known.collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let shown: Vec<_> = known.iter().take(NAMES).map(|name| format!("`{name}`")).collect();
    let more = if known.len() > NAMES { ", ..." } else { "" };
    format!("{nouns} in the namespace: {}{more}", shown.join(", "))
}
