//! More fields of manifests that hold images.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::error::ReplaceError;
use super::place::Place;

/// A field that holds images, in objects of one kind: `Thing.acme.io:spec.containerImage`.
///
/// The group is optional. A list on the path means all of its items, with or without `[*]` after the key. A
/// period in a key is written `\.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePath {
    kind: String,
    group: Option<String>,
    keys: Vec<String>,
}

/// A string that is not the path of an image field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("invalid path `{text}`: {reason}")]
#[diagnostic(code(deploy::image_path), help("write it like `Thing.acme.io:spec.containerImage`"))]
pub struct ImagePathError {
    /// The rejected string.
    pub text: String,
    /// The reason.
    pub reason: &'static str,
}

impl ImagePath {
    /// Whether objects of this kind have the field.
    pub(super) fn is_of(&self, api_version: &str, kind: &str) -> bool {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        self.kind == kind && self.group.as_deref().is_none_or(|expected| expected == group)
    }

    /// Calls `visit` with each string of the field in `object`.
    pub(super) fn visit(
        &self,
        object: &mut Value,
        place: &Place<'_>,
        visit: &mut dyn FnMut(&mut String, &Place<'_>) -> Result<(), ReplaceError>,
    ) -> Result<(), ReplaceError> {
        walk(object, &self.keys, place, visit)
    }
}

fn walk(
    value: &mut Value,
    keys: &[String],
    place: &Place<'_>,
    visit: &mut dyn FnMut(&mut String, &Place<'_>) -> Result<(), ReplaceError>,
) -> Result<(), ReplaceError> {
    match (value, keys) {
        (Value::Array(items), _) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| walk(item, keys, &place.item(index), visit)),
        (Value::Object(map), [key, rest @ ..]) => match map.get_mut(key) {
            Some(value) => walk(value, rest, &place.key(key), visit),
            None => Ok(()),
        },
        (Value::String(text), []) => visit(text, place),
        _ => Ok(()),
    }
}

impl FromStr for ImagePath {
    type Err = ImagePathError;

    fn from_str(text: &str) -> Result<Self, ImagePathError> {
        let error = |reason| ImagePathError { text: text.to_owned(), reason };
        let (kind, path) =
            text.trim().split_once(':').ok_or_else(|| error("it has no `:` after the kind"))?;
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (kind, None),
        };
        if kind.is_empty() || group.as_deref() == Some("") {
            return Err(error("its kind is empty"));
        }
        let keys: Vec<_> = keys(path).collect();
        if keys.iter().any(String::is_empty) {
            return Err(error("it has an empty key"));
        }
        Ok(Self { kind: kind.to_owned(), group, keys })
    }
}

/// The keys of `path`, unescaped and without `[*]`.
fn keys(path: &str) -> impl Iterator<Item = String> {
    let escaped = path.replace("\\.", "\0");
    let keys: Vec<_> = escaped
        .split('.')
        .map(|key| {
            key.strip_suffix("[*]").or_else(|| key.strip_suffix("[]")).unwrap_or(key).replace('\0', ".")
        })
        .collect();
    keys.into_iter()
}

impl fmt::Display for ImagePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|key| key.replace('.', "\\.")).collect();
        match &self.group {
            Some(group) => write!(formatter, "{}.{group}:{}", self.kind, keys.join(".")),
            None => write!(formatter, "{}:{}", self.kind, keys.join(".")),
        }
    }
}
