//! Checks of the option maps that tests pass.

use rhai::{Dynamic, Map};
use serde_json::Value;

use crate::error::StageError;
use crate::suggestion::nearest;

/// A map of options is invalid.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum WrongOption {
    #[error("unknown option `{name}` of `{function}`")]
    #[diagnostic(code(script::unknown_option))]
    Unknown {
        function: &'static str,
        name: String,
        #[help]
        help: String,
    },

    #[error("`{name}` of `{function}` must be {wanted}, found `{found}`")]
    #[diagnostic(code(script::wrong_type))]
    WrongType { function: &'static str, name: &'static str, wanted: &'static str, found: String },
}

/// The options in a map.
pub struct TestOptions<'a> {
    function: &'static str,
    map: &'a Map,
}

impl<'a> TestOptions<'a> {
    /// The options `map` of `function`, which accepts those with the names `known`.
    ///
    /// # Errors
    /// `script::unknown_option` for any other, with the most similar name.
    pub fn new(function: &'static str, map: &'a Map, known: &[&str]) -> Result<Self, StageError> {
        match map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self { function, map }),
            Some(name) => {
                let help = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("use one of `{}`", known.join("`, `")),
                };
                Err(WrongOption::Unknown { function, name: name.to_string(), help }.into())
            }
        }
    }

    /// Whether it is given.
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// A string.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, StageError> {
        self.value(name, "a string", |value| value.clone().into_string().ok())
    }

    /// A boolean; `false` if it is not given.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn truth(&self, name: &'static str) -> Result<bool, StageError> {
        self.truth_or(name, false)
    }

    /// A boolean; `default` if it is not given.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn truth_or(&self, name: &'static str, default: bool) -> Result<bool, StageError> {
        Ok(self.value(name, "true or false", |value| value.as_bool().ok())?.unwrap_or(default))
    }

    /// A whole number.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn number(&self, name: &'static str) -> Result<Option<i64>, StageError> {
        self.value(name, "a whole number", |value| value.as_int().ok())
    }

    /// A list of strings; a single string is a list as well.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, StageError> {
        self.value(name, "a list of strings", |value| match value.clone().into_string() {
            Ok(one) => Some(vec![one]),
            Err(_) => value.clone().into_typed_array::<String>().ok(),
        })
    }

    /// A list of maps, as data.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn maps(&self, name: &'static str) -> Result<Option<Vec<Value>>, StageError> {
        self.value(name, "a list of maps", |value| {
            let maps = value.clone().into_typed_array::<Map>().ok()?;
            maps.into_iter().map(|map| rhai::serde::from_dynamic(&map.into()).ok()).collect()
        })
    }

    /// A map of strings.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn pairs(&self, name: &'static str) -> Result<Vec<(String, String)>, StageError> {
        let pairs = self.value(name, "a map", |value| {
            let map = value.read_lock::<Map>()?;
            Some(map.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
        })?;
        Ok(pairs.unwrap_or_default())
    }

    fn value<T>(
        &self,
        name: &'static str,
        wanted: &'static str,
        read: impl FnOnce(&Dynamic) -> Option<T>,
    ) -> Result<Option<T>, StageError> {
        let Some(value) = self.map.get(name).filter(|value| !value.is_unit()) else { return Ok(None) };
        let wrong =
            || WrongOption::WrongType { function: self.function, name, wanted, found: value.to_string() };
        Ok(Some(read(value).ok_or_else(wrong)?))
    }
}
