//! Saved answers in `.windlass/`: sets them without a prompt, and removes them.

use std::path::Path;

use super::locate::locate;
use super::variable::cache::Cache;
use super::variable::definition::Source;
use super::variable::{Provenance, is_predefined};
use super::{ConfigError, Explain, Explanation, LoadOptions, load};
use crate::suggestion::nearest;

/// An error of saving an answer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AnswerError {
    /// The configuration is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),

    /// The variable never prompts, so an answer has no effect.
    #[error("cannot set the variable `{name}`: {reason}")]
    #[diagnostic(code(vars::fixed), help("{help}"))]
    Fixed {
        /// The variable.
        name: String,
        /// The reason, with the source of its value.
        reason: &'static str,
        /// The hint.
        help: String,
    },

    /// The variable does not accept the answer. The message does not contain the answer.
    #[error("cannot set the variable `{name}`: {reason}")]
    #[diagnostic(code(vars::not_accepted), help("use a value that it accepts"))]
    NotAccepted {
        /// The variable.
        name: String,
        /// The values that it accepts.
        reason: String,
    },

    /// The file has no variable of this name.
    #[error("cannot set the variable `{name}`: the project has no such variable")]
    #[diagnostic(code(vars::unknown), help("{help}"))]
    Unknown {
        /// The name.
        name: String,
        /// The nearest name, or the command that lists the names.
        help: String,
    },

    /// The file with the saved answers cannot be written.
    #[error("cannot write the saved answers to `.windlass/vars.json`: {source}")]
    #[diagnostic(code(vars::unwritable), help("check the permissions of the directory `.windlass`"))]
    Unwritable {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Saves `answers`, pairs of name and value, as if they were answers to prompts. Saves either all or none of them.
///
/// Returns the names whose value is overridden by another source, with that source.
///
/// # Errors
/// [`AnswerError`] if the configuration is invalid, if a variable never prompts, is a password (passwords are not
/// saved) or does not accept its answer, or if the answers cannot be written.
pub fn record(
    options: &LoadOptions,
    answers: &[(String, String)],
) -> Result<Vec<(String, Provenance)>, AnswerError> {
    let options = LoadOptions { explain: Explain::ProjectCheck, ask: None, ..options.clone() };
    let loaded = load(&options)?;
    let explanation = loaded.explanation.unwrap_or_default();
    let has_dependencies = !loaded.project.dependencies.is_empty();
    let mut cache = Cache::new(&options.answers_folder(&loaded.project.root));
    for (name, answer) in answers {
        check(&explanation, name, answer, has_dependencies)?;
        cache.add(name, answer);
    }
    cache.save().map_err(|source| AnswerError::Unwritable { source })?;
    let outranks = |source: &Provenance| {
        matches!(source, Provenance::Flag | Provenance::Environment | Provenance::EnvFile)
    };
    let named =
        explanation.variables.iter().filter(|status| answers.iter().any(|(name, _)| *name == status.name));
    let overridden = named.filter_map(|status| Some((status.name.clone(), status.source.filter(outranks)?)));
    Ok(overridden.collect())
}

/// Removes the saved answers for `names`, or all of them. Returns the names whose answers were removed.
///
/// # Errors
/// [`AnswerError`] if no project is found, or if the answers cannot be written.
pub fn remove(options: &LoadOptions, names: &[String]) -> Result<Vec<String>, AnswerError> {
    let file = locate(&options.directory, options.config.as_deref(), std::env::home_dir().as_deref())?;
    let mut cache = Cache::new(&options.answers_folder(file.parent().unwrap_or(Path::new("."))));
    cache.remove(names).map_err(|source| AnswerError::Unwritable { source })
}

fn check(
    explanation: &Explanation,
    name: &str,
    answer: &str,
    has_dependencies: bool,
) -> Result<(), AnswerError> {
    let fixed =
        |reason, help: &str| Err(AnswerError::Fixed { name: name.to_owned(), reason, help: help.to_owned() });
    let flag = format!("pass `--var {name}=VALUE` for one run");
    let Some(definition) = explanation.definition(name) else {
        if is_predefined(name) {
            return fixed("it is predefined", &flag);
        }
        let names = || explanation.variables.iter().map(|status| status.name.as_str());
        if names().any(|known| known == name) {
            return Ok(());
        }
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if has_dependencies => {
                "run `windlass list vars` to list them; for a dependency, pass its file with `--config`"
                    .to_owned()
            }
            None => "run `windlass list vars` to list them".to_owned(),
        };
        return Err(AnswerError::Unknown { name: name.to_owned(), help });
    };
    match definition.source {
        _ if definition.password => {
            fixed("it is a password, and passwords are not saved", &format!("export `{name}`, or {flag}"))
        }
        _ if definition.value.is_some() => fixed("it has a `value` in the file", &flag),
        Source::None => fixed("its source is `none`", &flag),
        Source::Environment => fixed("its source is `env`", &format!("export `{name}`, or {flag}")),
        Source::Command => fixed("it is the output of a command", &flag),
        _ if definition.no_cache => fixed("it prompts in every run (`noCache`)", &flag),
        Source::All | Source::Input => match definition.refusal(answer) {
            Some(reason) => Err(AnswerError::NotAccepted { name: name.to_owned(), reason }),
            None => Ok(()),
        },
    }
}
