//! The error for a name that nothing has.

use std::ffi::OsString;

use crate::suggestion::nearest;

/// Nothing that can be run has this name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there is no pipeline `{name}`")]
#[diagnostic(code(run::unknown))]
pub struct UnknownName {
    name: String,
    #[help]
    help: String,
}

impl UnknownName {
    /// The error for `name`, where `known` are there; `words` is what followed `run`.
    pub fn new(name: &str, known: &[String], words: &[OsString]) -> Self {
        Self { name: name.to_owned(), help: help(name, known, words) }
    }
}

fn help(name: &str, known: &[String], words: &[OsString]) -> String {
    if ["build", "list", "plan"].contains(&name) {
        return format!("write `windlass {name}`: `run` is for pipelines of your own");
    }
    if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    // Which scripts count is decided before the arguments of a pipeline can be understood.
    let is_profile = |word: &OsString| {
        word.to_str().is_some_and(|word| word.starts_with("-p") || word.starts_with("--profile"))
    };
    if words.iter().any(is_profile) {
        return format!(
            "if it belongs to a profile, name the profile first: `windlass run -p PROFILE {name}`"
        );
    }
    match known {
        [] => "a pipeline is a function of windlass.rhai whose first parameter is `project`".to_owned(),
        known => format!("there are `{}`", known.join("`, `")),
    }
}
