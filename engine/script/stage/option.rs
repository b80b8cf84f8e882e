//! The map of options that some stages take.

use std::time::Duration;

use rhai::{Dynamic, ImmutableString, Map};

use crate::error::StageError;
use crate::script::cause::kind;
use crate::secret::Secret;
use crate::suggestion::nearest;

/// The options given to a stage, checked as they are read.
pub struct Options {
    stage: &'static str,
    map: Map,
}

/// An option is invalid.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum OptionError {
    #[error("unknown option `{name}` of `{stage}`")]
    #[diagnostic(code(script::unknown_option))]
    Unknown {
        stage: &'static str,
        name: String,
        #[help]
        help: String,
    },
    #[error("the option `{name}` of `{stage}` must be {wanted}, found {found}")]
    #[diagnostic(code(script::wrong_type))]
    WrongType { stage: &'static str, name: String, wanted: &'static str, found: String },
}

impl Options {
    /// The options `map` of `stage`, which accepts `known`.
    ///
    /// # Errors
    /// `script::unknown_option` for any other.
    pub fn new(stage: &'static str, map: Map, known: &[&str]) -> Result<Self, StageError> {
        if let Some(name) = map.keys().find(|name| !known.contains(&name.as_str())) {
            let help = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("use one of `{}`", known.join("`, `")),
            };
            return Err(OptionError::Unknown { stage, name: name.to_string(), help }.into());
        }
        Ok(Self { stage, map })
    }

    /// The option `name`, unless it is absent or `()`.
    pub fn get(&self, name: &str) -> Option<&Dynamic> {
        self.map.get(name).filter(|value| !value.is_unit())
    }

    /// Whether `name` is set to `true`; `default` when it is absent.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn truth(&self, name: &str, default: bool) -> Result<bool, StageError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_bool().map_err(|_| self.wrong(name, "true or false", value))
    }

    /// A number of seconds.
    ///
    /// # Errors
    /// `script::wrong_type`, also for a negative number.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>, StageError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        duration(value).map(Some).ok_or_else(|| self.wrong(name, "a number of seconds", value))
    }

    /// A string, which may be a secret.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn text(&self, name: &str) -> Result<Option<String>, StageError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        text(value).map(Some).ok_or_else(|| self.wrong(name, "a string", value))
    }

    /// A map from names to strings, which may be secrets; numbers and booleans become strings.
    ///
    /// # Errors
    /// `script::wrong_type`.
    pub fn texts(&self, name: &str) -> Result<Vec<(String, String)>, StageError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let wrong =
            |value: &Dynamic| self.wrong(name, "a map of strings, such as #{ NAME: \"value\" }", value);
        let map = value.read_lock::<Map>().ok_or_else(|| wrong(value))?;
        let entry = |(name, value): (&rhai::Identifier, &Dynamic)| {
            let plain = || (value.is_int() || value.is_bool()).then(|| value.to_string());
            Ok((name.to_string(), text(value).or_else(plain).ok_or_else(|| wrong(value))?))
        };
        map.iter().map(entry).collect()
    }

    /// The error for the option `name` that is not `wanted`.
    pub fn wrong(&self, name: &str, wanted: &'static str, value: &Dynamic) -> StageError {
        let found = kind(value.type_name()).to_owned();
        OptionError::WrongType { stage: self.stage, name: name.to_owned(), wanted, found }.into()
    }
}

/// The string in `value`, which may be a secret.
pub fn text(value: &Dynamic) -> Option<String> {
    let plain = value.read_lock::<ImmutableString>().map(|text| text.to_string());
    plain.or_else(|| value.read_lock::<Secret>().map(|secret| secret.expose().to_owned()))
}

/// The number of seconds in `value`; `None` if it is negative or not a number.
pub fn duration(value: &Dynamic) -> Option<Duration> {
    let whole = value.as_int().ok().and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    whole.or_else(|| Duration::try_from_secs_f64(value.as_float().ok()?).ok())
}
