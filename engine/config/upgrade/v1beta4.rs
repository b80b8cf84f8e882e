//! v1beta4 to v1beta5: Helm 3 is the default, so deployments with Helm 2 must set `v2`.

use super::edit::{add, items, map, rename};
use crate::config::node::Mapping;

pub(super) fn upgrade(document: &mut Mapping) {
    for deployment in items(document, "deployments") {
        let Some(at) = deployment.get("helm").map(|entry| entry.key) else { continue };
        if let Some(helm) = map(deployment, "helm") {
            add(helm, "v2", at, "true");
            rename(helm, "rollback", "atomic");
        }
    }
}
