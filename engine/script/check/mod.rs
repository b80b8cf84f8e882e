//! Finds errors in scripts without running them.

mod call;
mod known;
mod mistake;
mod never_run;

use super::trace::ScriptLocation;
use super::unused_override::near_misses;
use super::{Pipeline, ScriptError, ScriptFile};
use crate::script::engine::new_parser;

pub(crate) use known::signatures;
pub use mistake::Mistake;

use known::Known;

impl Pipeline {
    /// The definite errors in the user's scripts: calls of functions that do not exist or take other arguments, missing
    /// modules, and overrides that replace nothing. Each has its place.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let known = Known::of(self);
        let mut mistakes = self.wrong_calls(&known);
        mistakes.extend(near_misses(self).into_iter().filter_map(|miss| {
            let place = ScriptLocation::definition(&miss.function.name, &miss.function.file)?;
            let message = format!("`{}` overrides nothing", miss.function.signature());
            let help = format!("did you mean `{}`?", miss.meant);
            Some(Mistake::new("script::overrides_nothing", message, Some(help), &place))
        }));
        mistakes
    }

    /// The same for a test file, which overrides nothing.
    pub fn test_mistakes(&self) -> Vec<Mistake> {
        self.wrong_calls(&Known::of(self))
    }

    /// The invalid calls in the user's scripts; `known` has everything that can be called.
    fn wrong_calls(&self, known: &Known) -> Vec<Mistake> {
        let users = self.files().iter().zip(self.layers()).filter(|(file, _)| !file.is_built_in());
        users.flat_map(|(file, layer)| call::mistakes(self, known, file, layer)).collect()
    }
}

/// The syntax error of `file`, if it has one.
pub fn syntax_error(file: &ScriptFile) -> Option<ScriptError> {
    new_parser().compile(&*file.text).err().map(|error| ScriptError::syntax(file, error))
}
