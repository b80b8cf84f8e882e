//! Patches of a deployment: the `patches` of `kubectl`.

use std::fmt;

use serde_json::Value as Json;

use super::{ManifestDocument, ManifestError};
use crate::config::Version;
use crate::config::node::{Entry, Scalar, Span, Style, Value, YamlNode};
use crate::config::profile::patch::{Operation, Patch};
use crate::config::profile::path::Path;
use crate::suggestion::nearest;

/// One of `patches`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPatch {
    /// `target`.
    pub target: ObjectSelector,
    /// `op`: `add`, `remove` or `replace`.
    pub operation: String,
    /// `path`: a JSON pointer, a dotted path or JSONPath, as in the patches of profiles.
    pub path: String,
    /// `value`.
    pub value: Option<Json>,
}

/// Which objects a patch changes: all that have the given values. Displays as `Deployment/web (apps/v1)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectSelector {
    /// `name`.
    pub name: Option<String>,
    /// `kind`.
    pub kind: Option<String>,
    /// `apiVersion`.
    pub api_version: Option<String>,
}

impl ObjectSelector {
    fn matches(&self, document: &ManifestDocument) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        is(&self.name, name_of(document))
            && is(&self.kind, document.kind())
            && is(&self.api_version, document.api_version())
    }

    /// The objects that the user probably meant, as a hint.
    fn near_misses(&self, documents: &[ManifestDocument]) -> Option<String> {
        let same_name = documents.iter().filter(|document| self.name.as_deref() == Some(name_of(document)));
        let mut found: Vec<String> = same_name.map(described).collect();
        if found.is_empty() {
            let is_kind = |document: &&ManifestDocument| {
                self.kind.as_deref().is_none_or(|kind| kind == document.kind())
            };
            let names = || documents.iter().filter(is_kind).map(name_of);
            let near = self.name.as_deref().and_then(|name| nearest(name, names()));
            match near {
                Some(near) => return Some(format!("did you mean `{near}`?")),
                None => found = documents.iter().map(described).collect(),
            }
        }
        found.truncate(5);
        (!found.is_empty()).then(|| format!("objects of this deployment: {}", found.join(", ")))
    }
}

impl fmt::Display for ObjectSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
        write!(formatter, "`{}/{}`", part(&self.kind), part(&self.name))?;
        match &self.api_version {
            Some(api_version) => write!(formatter, " ({api_version})"),
            None => Ok(()),
        }
    }
}

/// Applies `patches` in order, each to all objects that its target matches.
///
/// As in the profiles of the newest `devspace.yaml` version, a map added to a map adds its keys, and a value added to a
/// list with a dotted path is appended. Unlike there, a path that matches nothing is an error.
///
/// # Errors
/// [`ManifestError::InvalidPatch`] if a patch is invalid or cannot be applied, and
/// [`ManifestError::UnmatchedPatch`] if it matches no object.
pub fn apply_patches(
    documents: &mut [ManifestDocument],
    patches: &[ObjectPatch],
) -> Result<(), ManifestError> {
    patches.iter().enumerate().try_for_each(|(index, patch)| patch.apply(documents, index + 1))
}

impl ObjectPatch {
    fn apply(&self, documents: &mut [ManifestDocument], number: usize) -> Result<(), ManifestError> {
        let invalid = |reason: String, help| ManifestError::InvalidPatch { number, reason, help };
        if self.target == ObjectSelector::default() {
            return Err(invalid("its `target` is empty".to_owned(), Some("set `target.name`".to_owned())));
        }
        let operation = self.operation().map_err(|(reason, help)| invalid(reason, help))?;
        let path = Path::parse(&self.path)
            .map_err(|reason| invalid(format!("invalid `path` `{}`: {reason}", self.path), None))?;
        let mut has_matched = false;
        for document in documents.iter_mut().filter(|document| self.target.matches(document)) {
            has_matched = true;
            let mut root = node_of(&document.value);
            let failed = |reason: &str, help: Option<String>| {
                let place = format!("{} in {}", described(document), document.place());
                invalid(format!("`{}` of {place}: {reason}", self.path), help)
            };
            // From v1beta10 on, DevSpace ignores such a path in a profile, which hides typing errors.
            if !matches!(operation, Operation::Add(_)) && path.find(&root).is_empty() {
                return Err(failed("its path matches nothing", miss(&path, &root)));
            }
            let mut patch = Patch { span: Span::default(), operation: operation.clone(), path: path.clone() };
            if let Err(reason) = patch.apply(&mut root, Version::NEWEST, |_| {}) {
                return Err(failed(reason, miss(&path, &root)));
            }
            document.value = root.to_json();
        }
        if has_matched {
            return Ok(());
        }
        let help = self.target.near_misses(documents);
        Err(ManifestError::UnmatchedPatch { number, target: self.target.to_string(), help })
    }

    /// The operation, or the reason why it is invalid with a hint.
    fn operation(&self) -> Result<Operation, (String, Option<String>)> {
        let value = || match &self.value {
            Some(value) => Ok(node_of(value)),
            None => Err((format!("`op: {}` requires a `value`", self.operation), None)),
        };
        match self.operation.as_str() {
            "add" => Ok(Operation::Add(value()?)),
            "remove" => Ok(Operation::Remove),
            "replace" => Ok(Operation::Replace(value()?)),
            other => {
                let known = ["add", "remove", "replace"];
                let help = match nearest(other, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("valid operations: `{}`", known.join("`, `")),
                };
                Err((format!("unknown `op` `{other}`"), Some(help)))
            }
        }
    }
}

/// The first step of `path` that the object does not have, as a hint.
fn miss(path: &Path, root: &YamlNode) -> Option<String> {
    path.miss(root).map(|hint| hint.replace("the file", "the object"))
}

/// `Deployment/web`.
fn described(document: &ManifestDocument) -> String {
    format!("{}/{}", document.kind(), name_of(document))
}

fn name_of(document: &ManifestDocument) -> &str {
    document.value.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default()
}

/// `value` as the tree that patches change.
fn node_of(value: &Json) -> YamlNode {
    let scalar = |text: String, style| Value::Scalar(Scalar { text, style, ..Scalar::null() });
    let value = match value {
        Json::Null => Value::Scalar(Scalar::null()),
        Json::Bool(value) => scalar(value.to_string(), Style::Plain),
        Json::Number(number) => scalar(number.to_string(), Style::Plain),
        Json::String(text) => scalar(text.clone(), Style::Text),
        Json::Array(values) => Value::Sequence(values.iter().map(node_of).collect()),
        Json::Object(object) => {
            let entry = |value| Entry { key: Span::default(), node: node_of(value) };
            Value::Mapping(object.iter().map(|(key, value)| (key.clone(), entry(value))).collect())
        }
    };
    YamlNode { span: Span::default(), value }
}

#[cfg(test)]
mod tests;
