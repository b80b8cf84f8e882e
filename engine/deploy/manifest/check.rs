//! Checks that objects are complete and unique.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::{ManifestDocument, ManifestError, ManifestOrigin, ManifestProblem, ObjectId};
use crate::suggestion::nearest;

/// Checks that all objects can be applied: each has `apiVersion`, `kind` and `metadata.name`.
///
/// # Errors
/// [`ManifestError::Invalid`].
pub fn check_complete(documents: &[ManifestDocument]) -> Result<(), ManifestError> {
    ManifestError::check(documents.iter().filter_map(check_object))
}

/// The problem of an object without `apiVersion`, `kind` or `metadata.name`, which cannot be applied.
pub(super) fn check_object(document: &ManifestDocument) -> Option<ManifestProblem> {
    let number = document.number;
    let problem = |code, field: &str, message: String, help: Option<String>| {
        Some(document.problem(code, field, message, help))
    };
    let Json::Object(object) = &document.value else {
        let message = format!("document {number} is not a Kubernetes object: it must be a map");
        return problem("deploy::not_an_object", "", message, None);
    };
    for (key, code) in [("apiVersion", "deploy::no_api_version"), ("kind", "deploy::no_kind")] {
        match object.get(key) {
            Some(Json::String(text)) if !text.is_empty() => {}
            None | Some(Json::Null) => {
                let help = help_for_key(document, key, object.keys());
                return problem(code, "", format!("document {number} has no `{key}`"), help);
            }
            Some(_) => {
                let message = format!("`{key}` of document {number} must be a string that is not empty");
                return problem(code, key, message, None);
            }
        }
    }
    let what = format!("document {number}, a {},", document.kind());
    let metadata = match object.get("metadata") {
        Some(Json::Object(metadata)) => metadata,
        None | Some(Json::Null) => {
            let help = help_for_key(document, "metadata", object.keys());
            return problem("deploy::no_name", "", format!("{what} has no `metadata.name`"), help);
        }
        Some(_) => {
            return problem(
                "deploy::no_name",
                "metadata",
                format!("`metadata` of {what} must be a map"),
                None,
            );
        }
    };
    for (key, is_required) in [("name", true), ("namespace", false)] {
        match metadata.get(key) {
            Some(Json::String(text)) if !text.is_empty() || !is_required => {}
            None | Some(Json::Null) if !is_required => {}
            None | Some(Json::Null) if metadata.contains_key("generateName") => {
                let message = format!("{what} has `generateName`: it cannot be applied, only created");
                let help = Some("set `metadata.name`".to_owned());
                return problem("deploy::generate_name", "metadata.generateName", message, help);
            }
            None | Some(Json::Null) => {
                let help = nearest(key, metadata.keys().map(String::as_str));
                let help = help.map(|near| format!("rename `metadata.{near}` to `metadata.{key}`"));
                return problem(
                    "deploy::no_name",
                    "metadata",
                    format!("{what} has no `metadata.{key}`"),
                    help,
                );
            }
            Some(value) => {
                let message = format!("`metadata.{key}` of {what} must be a string, not `{value}`");
                let help = "quote it; without quotes, YAML reads `1`, `y` and `on` as other types".to_owned();
                return problem("deploy::no_name", &format!("metadata.{key}"), message, Some(help));
            }
        }
    }
    None
}

/// A hint about the missing key `key`.
fn help_for_key<'a>(
    document: &ManifestDocument,
    key: &str,
    keys: impl Iterator<Item = &'a String>,
) -> Option<String> {
    if let ManifestOrigin::File(path) = document.origin()
        && path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization"))
    {
        return Some("set `kubectl.kustomize: true` to build it with kustomize".to_owned());
    }
    let near = nearest(key, keys.map(String::as_str))?;
    Some(format!("rename `{near}` to `{key}`"))
}

/// Checks that no object occurs twice. Set their namespaces first (see [`fill_in`](super::fill_in)).
///
/// # Errors
/// [`ManifestError::Invalid`] with both locations of every duplicate.
pub fn check_duplicates(documents: &[ManifestDocument]) -> Result<(), ManifestError> {
    let mut first: HashMap<ObjectId, &ManifestDocument> = HashMap::new();
    ManifestError::check(documents.iter().filter_map(|document| {
        let id = document.id()?;
        let message = format!("{id} occurs twice");
        let Some(other) = first.get(&id) else {
            first.insert(id, document);
            return None;
        };
        let help = format!("it is in `{}` too: remove one of them, or rename it", other.place());
        Some(document.problem("deploy::duplicate_object", "metadata.name", message, Some(help)))
    }))
}

#[cfg(test)]
mod tests;
