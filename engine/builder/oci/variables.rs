//! The variables that are expanded in words of instructions.

use std::collections::HashMap;

use crate::image::Platform;
use crate::image::dockerfile::BuildArgs;
use crate::image::dockerfile::word::{Variable, expand, expand_document};

/// The variables of a build stage: those set by ENV and ARG so far; the later one wins, as in BuildKit.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// `word` with its variables expanded and its quotes removed.
    pub(super) fn expand(&self, word: &str, escape: char) -> Result<String, String> {
        Ok(expand(word, escape, &|name| self.get(name))?.text)
    }

    /// A here-document with its variables expanded.
    pub(super) fn expand_document(&self, text: &str) -> Result<String, String> {
        Ok(expand_document(text, &|name| self.get(name))?.text)
    }

    fn get(&self, name: &str) -> Variable {
        self.0.get(name).map_or(Variable::Unset, |value| Variable::Value(value.clone()))
    }
}

/// `given` with the arguments that a builder on `machine` predefines for an image for `platform`.
pub(super) fn platform_args(given: &BuildArgs, platform: &Platform, machine: &Platform) -> BuildArgs {
    let mut args = given.clone();
    for (prefix, platform) in [("TARGET", platform), ("BUILD", machine)] {
        let variant = platform.variant.clone().unwrap_or_default();
        for (name, value) in [
            ("PLATFORM", platform.to_string()),
            ("OS", platform.os.clone()),
            ("ARCH", platform.architecture.clone()),
            ("VARIANT", variant),
        ] {
            args.entry(format!("{prefix}{name}")).or_insert(value);
        }
    }
    args
}
