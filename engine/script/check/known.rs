//! The functions that scripts can call.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Engine};

use crate::plural::noun;
use crate::script::{Pipeline, stage};

/// The names that Rhai handles without a function.
const KEYWORDS: [&str; 10] =
    ["Fn", "call", "curry", "debug", "eval", "is_def_fn", "is_def_var", "is_shared", "print", "type_of"];

/// Functions by name, with the numbers of arguments they take.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, Arities>);

#[derive(Default)]
struct Arities {
    /// Of stages and functions of Rhai; the value of a method call is one of the arguments.
    native: BTreeSet<usize>,
    /// Of scripts.
    script: BTreeSet<usize>,
}

/// The functions that `engine` has registered, with their numbers of parameters.
pub(crate) fn signatures(engine: &Engine) -> Vec<(String, usize)> {
    engine.collect_fn_metadata(
        None,
        |info| Some((info.metadata.name.to_string(), info.metadata.num_params)),
        true,
    )
}

impl Known {
    /// Everything that the scripts of `pipeline` can call without a module name.
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let mut engine = Engine::new();
        stage::register(&mut engine);
        let mut known = Self::default();
        for (name, count) in signatures(&engine).into_iter().chain(pipeline.others().iter().cloned()) {
            known.0.entry(name).or_default().native.insert(count);
        }
        for function in pipeline.functions() {
            let arities = known.0.entry(function.name.clone()).or_default();
            arities.script.insert(function.parameters.len());
        }
        known
    }

    /// The public functions of modules.
    pub(super) fn of_module(layers: &[AST]) -> Self {
        let mut known = Self::default();
        for function in layers.iter().flat_map(|layer| layer.iter_functions()) {
            if function.access == rhai::FnAccess::Public {
                known.0.entry(function.name.to_owned()).or_default().script.insert(function.params.len());
            }
        }
        known
    }

    /// Whether a function of this name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        KEYWORDS.contains(&name) || self.0.contains_key(name)
    }

    /// Whether it takes `count` arguments; `on_value` means a method call, whose value is not counted.
    pub(super) fn takes(&self, name: &str, count: usize, on_value: bool) -> bool {
        if KEYWORDS.contains(&name) {
            return true;
        }
        let Some(arities) = self.0.get(name) else { return false };
        arities.script.contains(&count) || arities.native.contains(&(count + usize::from(on_value)))
    }

    /// The numbers of arguments that a function takes, in words: `1 or 2 arguments`.
    pub(super) fn counts(&self, name: &str) -> Option<String> {
        let arities = self.0.get(name)?;
        let counts: BTreeSet<_> = arities.native.union(&arities.script).collect();
        let highest = counts.last().map_or(0, |count| **count);
        let counts: Vec<_> = counts.iter().map(ToString::to_string).collect();
        Some(format!("{} {}", counts.join(" or "), noun(highest as u64, "argument")))
    }

    /// The correct names that are near a misspelled one.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let is_plain = |name: &&String| name.starts_with(|char: char| char.is_ascii_lowercase());
        self.0.keys().filter(is_plain).map(String::as_str).filter(|name| !name.contains('$'))
    }
}
