//! Tag replacement in Kubernetes objects.

use serde_json::Value;

use super::depth::check_depth;
use super::error::ReplaceError;
use super::known::KnownImages;
use super::left_alone::LeftAloneReason;
use super::options::ReplaceOptions;
use super::place::Place;
use super::position::Position;
use super::replacer::Replacer;
use super::report::ReplaceReport;
use super::written::is_more_than_word;

/// Replaces tags in Kubernetes objects, also in those of a `List`.
///
/// Image fields are those of pod templates, the key `image` in objects of other kinds (outside `metadata`, `data`,
/// `stringData` and `status`), and [`ReplaceOptions::paths`].
///
/// # Errors
/// [`ReplaceError`]; some of the objects are changed then.
pub fn replace_in_objects(
    objects: &mut [Value],
    images: &KnownImages,
    options: &ReplaceOptions,
) -> Result<ReplaceReport, ReplaceError> {
    let mut replacer = Replacer::new(images, options);
    for (index, object) in objects.iter_mut().enumerate() {
        check_depth(object, &name(object, "", &format!("object {}", index + 1)))?;
        replacer.object(object, &format!("object {}", index + 1), ("", ""))?;
    }
    Ok(replacer.report)
}

/// `Deployment/web`; `nameless` for an object without a kind.
fn name(object: &Value, kind: &str, nameless: &str) -> String {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or(kind);
    let metadata = object.get("metadata");
    let name = metadata.and_then(|metadata| metadata.get("name").or_else(|| metadata.get("generateName")));
    match (kind, name.and_then(Value::as_str)) {
        ("", _) => nameless.to_owned(),
        (kind, Some(name)) => format!("{kind}/{name}"),
        (kind, None) => format!("{kind} ({nameless})"),
    }
}

impl Replacer<'_> {
    /// Replaces tags in `object`. `api_version` and `kind` are those of the list that it is in: items of a typed
    /// list such as `PodList` may omit them.
    fn object(
        &mut self,
        object: &mut Value,
        nameless: &str,
        (api_version, kind): (&str, &str),
    ) -> Result<(), ReplaceError> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let api_version = text("apiVersion").unwrap_or_else(|| api_version.to_owned());
        let kind = text("kind").unwrap_or_else(|| kind.to_owned());
        let item_kind = kind.strip_suffix("List");
        if let (Some(item_kind), Some(Value::Array(items))) = (item_kind, object.get_mut("items")) {
            for (index, item) in items.iter_mut().enumerate() {
                self.object(item, &format!("{nameless}, item {}", index + 1), (&api_version, item_kind))?;
            }
            return Ok(());
        }
        let name = name(object, &kind, nameless);
        let place = Place::Object(&name);
        let mut handled = Vec::new();
        for path in self.options.paths.iter().filter(|path| path.is_of(&api_version, &kind)) {
            path.visit(object, &place, &mut |text, place| {
                handled.push(place.to_string());
                self.image_field(text, place)
            })?;
        }
        self.walk(object, Position::of_object(&api_version, &kind), &place, &handled)
    }

    /// Replaces tags in `value`, except in the places `handled`.
    fn walk(
        &mut self,
        value: &mut Value,
        position: Position,
        place: &Place<'_>,
        handled: &[String],
    ) -> Result<(), ReplaceError> {
        match value {
            Value::String(_) if !handled.is_empty() && handled.contains(&place.to_string()) => Ok(()),
            Value::String(text) if position.is_image() => self.image_field(text, place),
            Value::String(text) if position.is_environment() => self.variable(text, place),
            Value::String(text) => {
                self.keep(text, place, LeftAloneReason::NotAnImageField);
                Ok(())
            }
            Value::Array(items) => items
                .iter_mut()
                .enumerate()
                .try_for_each(|(index, item)| self.walk(item, position.item(), &place.item(index), handled)),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    self.walk(value, position.key(key), &place.key(key), handled)?;
                }
                if let Some(keys) = position.pull_policy() {
                    self.pull_policy(map, keys, place);
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// Replaces the tag in the value of an environment variable, if that is wanted.
    fn variable(&mut self, text: &mut String, place: &Place<'_>) -> Result<(), ReplaceError> {
        // A bare word such as `app` is not an image here, and `app:8080` is a host and a port.
        if self.options.env && (is_more_than_word(text) || text.contains(['(', '{'])) {
            return self.image_field(text, place);
        }
        self.keep(text, place, LeftAloneReason::Environment);
        Ok(())
    }
}
