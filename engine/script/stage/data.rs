//! JSON and YAML as scripts see them.

use rhai::plugin::*;

/// Stages that read and write JSON and YAML.
#[export_module]
pub mod data {
    use rhai::{Dynamic, Map};

    use super::{BadData, from_json_value};
    use crate::error::StageError;
    use crate::script::RhaiResultOf;

    /// Parses JSON into a value: maps, lists, strings, numbers, `true`, `false`, and `()` for `null`.
    ///
    /// # Errors
    /// `stage::data::bad_json`, with the position in `text`.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [parse_json(`{"version": "1.4"}`).version] }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn parse_json(text: &str) -> RhaiResultOf<Dynamic> {
        let value = serde_json::from_str(text);
        Ok(from_json_value(value.map_err(|error| StageError::from(BadData::json(&error)))?))
    }

    /// Returns `value` as JSON on one line.
    ///
    /// # Errors
    /// `script::no_data` for a value that has no JSON form, such as an image.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) { print(to_json(results.map(|result| result.tags))); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn to_json(value: Dynamic) -> RhaiResultOf<String> {
        Ok(super::to_json_value(&value)?.to_string())
    }

    /// Returns `value` as JSON on one line.
    ///
    /// # Errors
    /// `script::no_data` for a value that has no JSON form, such as an image.
    ///
    /// # Example
    /// ```rhai
    /// fn after_build(project, results) { print(to_json(results.map(|result| result.tags))); }
    /// ```
    #[rhai_fn(name = "to_json", return_raw)]
    pub fn map_to_json(value: Map) -> RhaiResultOf<String> {
        // Rhai has its own function for maps.
        to_json(value.into())
    }

    /// Returns `value` as JSON on several lines, with a trailing line feed.
    ///
    /// # Errors
    /// Those of `to_json`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) {
    ///     write_file("dist/result.json", to_pretty_json(#{ image: image.name, tags: result.tags }));
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn to_pretty_json(value: Dynamic) -> RhaiResultOf<String> {
        Ok(format!("{:#}\n", super::to_json_value(&value)?))
    }

    /// Parses YAML into a value.
    ///
    /// # Errors
    /// `stage::data::bad_yaml`, with the position in `text`.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [parse_yaml("version: '1.4'").version] }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn parse_yaml(text: &str) -> RhaiResultOf<Dynamic> {
        let value: Result<serde_json::Value, _> = serde_yaml::from_str(text);
        Ok(from_json_value(value.map_err(|error| StageError::from(BadData::yaml(&error)))?))
    }

    /// Returns `value` as YAML, with a trailing line feed.
    ///
    /// # Errors
    /// Those of `to_json`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) {
    ///     write_file("dist/values.yaml", to_yaml(#{ image: #{ repository: image.repository, tag: result.tags[0] } }));
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn to_yaml(value: Dynamic) -> RhaiResultOf<String> {
        let options = serde_yaml::ser_options! { prefer_block_scalars: false };
        let text = serde_yaml::to_string_with_options(&super::to_json_value(&value)?, options);
        let text = text.map_err(|error| StageError::from(BadData::unwritable(&error)))?;
        Ok(format!("{}\n", text.trim_end()))
    }
}

use rhai::{Array, Dynamic, ImmutableString, Map};
use serde_json::Value;

use crate::error::StageError;
use crate::script::cause::kind;
use crate::secret::Secret;

/// A string cannot be parsed, or a value cannot be written.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub(super) enum BadData {
    #[error("invalid JSON: {reason}")]
    #[diagnostic(code(stage::data::bad_json))]
    Json { reason: String },

    #[error("{found} cannot be written as JSON or YAML")]
    #[diagnostic(code(script::no_data), help("write the parts that you need: #{{ name: image.name }}"))]
    NoData { found: String },

    #[error("a secret cannot be written as JSON or YAML")]
    #[diagnostic(code(script::no_data), help("pass the map with the secret to `http_post` directly"))]
    Secret,

    #[error("the value cannot be written as YAML: {reason}")]
    #[diagnostic(code(stage::data::unwritable))]
    Unwritable { reason: String },

    #[error("invalid YAML: {reason}")]
    #[diagnostic(code(stage::data::bad_yaml))]
    Yaml { reason: String },
}

impl BadData {
    pub(super) fn json(error: &serde_json::Error) -> Self {
        Self::Json { reason: error.to_string() }
    }

    fn yaml(error: &serde_yaml::Error) -> Self {
        let text = error.to_string();
        Self::Yaml {
            reason: text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        }
    }

    fn unwritable(error: &impl std::fmt::Display) -> Self {
        Self::Unwritable { reason: error.to_string() }
    }
}

/// `value` as a value of scripts.
pub(super) fn from_json_value(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.into(),
        Value::Array(items) => items.into_iter().map(from_json_value).collect::<Array>().into(),
        Value::Object(entries) => {
            let entry = |(name, value): (String, Value)| (name.into(), from_json_value(value));
            entries.into_iter().map(entry).collect::<Map>().into()
        }
    }
}

/// `value` as JSON.
///
/// # Errors
/// [`BadData`] for a value that has no JSON form.
pub(super) fn to_json_value(value: &Dynamic) -> Result<Value, StageError> {
    convert(value, false)
}

/// `value` as JSON with its secrets unmasked: only for sending it.
///
/// # Errors
/// [`BadData`] for a value that has no JSON form.
pub(super) fn expose_json_value(value: &Dynamic) -> Result<Value, StageError> {
    convert(value, true)
}

fn convert(value: &Dynamic, exposes: bool) -> Result<Value, StageError> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(truth.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_float() {
        return Ok(number.into());
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(text.as_str().into());
    }
    if let Some(list) = value.read_lock::<Array>() {
        return list
            .iter()
            .map(|item| convert(item, exposes))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array);
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entry =
            |(name, value): (&rhai::Identifier, &Dynamic)| Ok((name.to_string(), convert(value, exposes)?));
        return map.iter().map(entry).collect::<Result<_, StageError>>().map(Value::Object);
    }
    match value.read_lock::<Secret>() {
        Some(secret) if exposes => Ok(secret.expose().into()),
        Some(_) => Err(BadData::Secret.into()),
        None => Err(BadData::NoData { found: kind(value.type_name()).to_owned() }.into()),
    }
}
