//! Tag replacement in Helm values.

use serde_json::{Map, Value};

use super::depth::check_depth;
use super::difference::difference;
use super::error::ReplaceError;
use super::known::KnownImages;
use super::left_alone::LeftAloneReason;
use super::merge::over_defaults;
use super::options::ReplaceOptions;
use super::pairs::{REPOSITORY_KEYS, TAG_KEYS};
use super::place::Place;
use super::placeholders;
use super::replacer::Replacer;
use super::report::ReplaceReport;
use super::written::names_registry;

/// The name of the values in places.
const VALUES: &str = "values";

/// Values after tag replacement.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplacedValues {
    /// Only what changed, to be passed to Helm as the last values file. Empty if nothing changed.
    pub changes: Map<String, Value>,
    /// All values, with those of the chart and with the changes.
    pub merged: Value,
    /// The report.
    pub report: ReplaceReport,
}

/// Replaces tags in Helm values: in `values`, merged from the values files and the values of the deployment, over the
/// `chart_defaults` of a local chart.
///
/// Changed are maps with a repository and a tag, strings under keys such as `image`, and strings that name the
/// registry of an image. Placeholders are resolved everywhere.
///
/// # Errors
/// [`ReplaceError`].
pub fn replace_in_values(
    values: &Value,
    chart_defaults: Option<&Value>,
    images: &KnownImages,
    options: &ReplaceOptions,
) -> Result<ReplacedValues, ReplaceError> {
    check_depth(values, VALUES)?;
    chart_defaults.map_or(Ok(()), |defaults| check_depth(defaults, "values.yaml"))?;
    let before = over_defaults(values, chart_defaults);
    let mut merged = before.clone();
    let mut replacer = Replacer::new(images, options);
    let place = Place::Values(VALUES);
    replacer.value(&mut merged, &place, Role::default())?;
    let mut report = replacer.report;
    let changes = match difference(Some(&before), &merged, &place, &mut report.changes) {
        Some(Value::Object(changes)) => changes,
        _ => Map::new(),
    };
    Ok(ReplacedValues { changes, merged, report })
}

/// The role of a value, by its key and its parents.
#[derive(Debug, Clone, Copy, Default)]
struct Role {
    /// It is an image, if it is a string.
    is_image: bool,
    /// It has images in it: they are `images`.
    has_images: bool,
    /// It is below labels or annotations.
    is_label: bool,
}

impl Role {
    fn key(self, key: &str) -> Self {
        let is_image = key == "image" || key.ends_with("Image") || key.ends_with("_image");
        let is_label =
            ["labels", "Labels", "annotations", "Annotations"].iter().any(|end| key.ends_with(end));
        Self {
            is_image: is_image || self.has_images,
            has_images: key == "images",
            is_label: is_label || self.is_label,
        }
    }

    fn item(self) -> Self {
        Self { is_image: self.has_images, has_images: false, ..self }
    }
}

impl Replacer<'_> {
    fn value(&mut self, value: &mut Value, place: &Place<'_>, role: Role) -> Result<(), ReplaceError> {
        match value {
            Value::String(text) => {
                let is_repository = placeholders::is_repository_only(text);
                self.fill(text, place, role.is_image)?;
                self.string(text, place, role, is_repository)
            }
            Value::Array(items) => items
                .iter_mut()
                .enumerate()
                .try_for_each(|(index, item)| self.value(item, &place.item(index), role.item())),
            Value::Object(map) => self.map(map, place, role),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn map(
        &mut self,
        map: &mut Map<String, Value>,
        place: &Place<'_>,
        role: Role,
    ) -> Result<(), ReplaceError> {
        let mut repositories = Vec::new();
        for (key, value) in map.iter_mut() {
            let Value::String(text) = value else { continue };
            if placeholders::is_repository_only(text) {
                repositories.push(key.clone());
            }
            let is_part = REPOSITORY_KEYS.contains(&key.as_str()) || TAG_KEYS.contains(&key.as_str());
            self.fill(text, &place.key(key), is_part || role.key(key).is_image)?;
        }
        let settled = if role.is_label { Vec::new() } else { self.pairs(map, place)? };
        for (key, value) in map.iter_mut().filter(|(key, _)| !settled.contains(key)) {
            let (place, role) = (place.key(key), role.key(key));
            match value {
                Value::String(text) => self.string(text, &place, role, repositories.contains(key))?,
                value => self.value(value, &place, role)?,
            }
        }
        Ok(())
    }

    /// Resolves the placeholders in `text`.
    fn fill(&mut self, text: &mut String, place: &Place<'_>, is_strict: bool) -> Result<(), ReplaceError> {
        if let Some(filled) = placeholders::resolve(self, text, place, is_strict)? {
            *text = filled;
        }
        Ok(())
    }

    /// Replaces the tag of a string. One that the user wrote as `image(NAME)` `is_repository`: outside image keys, it
    /// is joined with a tag that is written elsewhere.
    fn string(
        &mut self,
        text: &mut String,
        place: &Place<'_>,
        role: Role,
        is_repository: bool,
    ) -> Result<(), ReplaceError> {
        if role.is_label {
            self.keep(text, place, LeftAloneReason::Label);
        } else if role.is_image {
            if let Some(replaced) = self.replaced(text.trim(), place)? {
                *text = replaced;
            }
        } else if is_repository {
            // As written.
        } else if names_registry(text) {
            if let Some(replaced) = self.replaced(text, place)? {
                *text = replaced;
            }
        } else {
            self.keep(text, place, LeftAloneReason::NotAnImageField);
        }
        Ok(())
    }
}
