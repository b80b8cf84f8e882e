//! Finding the mistakes of scripts without running them.

mod call;
mod known;
mod mistake;

use super::near_miss::near_misses;
use super::trace::Place;
use super::{Pipeline, ScriptError, ScriptFile};
use crate::script::engine::new_parser;

pub use mistake::Mistake;

use known::Known;

impl Pipeline {
    /// What is certainly wrong with the user's scripts: calls of functions that do not exist or take other
    /// arguments, modules that are not there, overrides that replace nothing. Each with its place.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let known = Known::of(self);
        let users = self.files().iter().zip(self.layers()).filter(|(file, _)| !file.is_built_in());
        let mut mistakes: Vec<_> =
            users.flat_map(|(file, layer)| call::mistakes(self, &known, file, layer)).collect();
        mistakes.extend(near_misses(self).into_iter().filter_map(|miss| {
            let place = Place::definition(&miss.function.name, &miss.function.file)?;
            let message = format!("`{}` overrides nothing", miss.function.signature());
            let help = format!("did you mean `{}`?", miss.meant);
            Some(Mistake::new("script::overrides_nothing", message, Some(help), &place))
        }));
        mistakes
    }
}

/// Why `file` cannot be read as a script, when it cannot.
pub fn syntax_error(file: &ScriptFile) -> Option<ScriptError> {
    new_parser().compile(&*file.text).err().map(|error| ScriptError::syntax(file, error))
}
