//! Fills in fields that manifests may omit.

use serde_json::Value as Json;

use super::ManifestDocument;
use super::scope::{IsNamespaced, defined_scopes, is_namespaced};
use crate::cluster::group_of;

/// Sets `namespace` in all objects that belong to a namespace and have none, and `protocol: TCP` in all ports of
/// Services: server-side apply of Kubernetes 1.20 rejects a port without it.
///
/// An object stays unchanged if its kind is unknown: not of Kubernetes itself, not defined by a
/// CustomResourceDefinition of `documents`, and unknown to `known`.
pub fn fill_in(documents: &mut [ManifestDocument], namespace: &str, known: IsNamespaced<'_>) {
    let defined = defined_scopes(documents);
    for document in documents {
        let (group, kind) = (group_of(document.api_version()).to_owned(), document.kind().to_owned());
        let scope = || defined.iter().find(|scope| scope.0 == group && scope.1 == kind).map(|scope| scope.2);
        let belongs =
            is_namespaced(&group, &kind).or_else(scope).or_else(|| known(&group, &kind)).unwrap_or_default();
        if belongs && !namespace.is_empty() {
            set_namespace(&mut document.value, namespace);
        }
        if group.is_empty() && kind == "Service" {
            set_protocols(&mut document.value);
        }
    }
}

fn set_namespace(object: &mut Json, namespace: &str) {
    let Some(Json::Object(metadata)) = object.get_mut("metadata") else { return };
    let has_namespace = metadata.get("namespace").and_then(Json::as_str).is_some_and(|text| !text.is_empty());
    if !has_namespace {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
}

fn set_protocols(service: &mut Json) {
    let Some(Json::Array(ports)) = service.pointer_mut("/spec/ports") else { return };
    for port in ports {
        if let Json::Object(port) = port
            && port.get("protocol").is_none_or(Json::is_null)
        {
            port.insert("protocol".to_owned(), "TCP".into());
        }
    }
}

#[cfg(test)]
mod tests;
