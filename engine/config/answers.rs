//! Answers that are kept in `.windlass/`: given without a question, and forgotten.

use std::path::Path;

use super::locate::locate;
use super::variable::cache::Cache;
use super::variable::definition::Source;
use super::variable::{Provenance, is_predefined};
use super::{ConfigError, Explain, Explanation, LoadOptions, load};
use crate::suggestion::nearest;

/// Why an answer is not kept.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AnswerError {
    /// The configuration is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),

    /// The variable is never asked for, so an answer would have no effect.
    #[error("cannot set the variable `{name}`: {reason}")]
    #[diagnostic(code(vars::fixed), help("{help}"))]
    Fixed {
        /// The variable.
        name: String,
        /// Where its value comes from.
        reason: &'static str,
        /// What to do.
        help: String,
    },

    /// The variable does not accept the answer, which is not repeated.
    #[error("cannot set the variable `{name}`: {reason}")]
    #[diagnostic(code(vars::not_accepted), help("give it a value that it accepts"))]
    NotAccepted {
        /// The variable.
        name: String,
        /// What it accepts.
        reason: String,
    },

    /// Nothing in the file is called so.
    #[error("cannot set the variable `{name}`: the project has no such variable")]
    #[diagnostic(code(vars::unknown), help("{help}"))]
    Unknown {
        /// The name.
        name: String,
        /// A name that is near, or where to look.
        help: String,
    },

    /// The answers cannot be written.
    #[error("cannot write the answers in `.windlass/vars.json`: {source}")]
    #[diagnostic(code(vars::unwritable), help("check the permissions of the folder `.windlass`"))]
    Unwritable {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Keeps `answers`, names with values, as if they had been given to questions. All or none of them are kept.
///
/// Gives the names whose value another source overrides, with that source.
///
/// # Errors
/// [`AnswerError`] when the configuration is wrong, when a variable is never asked for or a password (those are not
/// kept), when it does not accept its answer, or when nothing can be written.
pub fn remember(
    options: &LoadOptions,
    answers: &[(String, String)],
) -> Result<Vec<(String, Provenance)>, AnswerError> {
    let options = LoadOptions { explain: Explain::Survey, ask: None, ..options.clone() };
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

/// Forgets the answers for `names`, or all of them. Gives the names whose answers were forgotten.
///
/// # Errors
/// [`AnswerError`] when there is no project, or when the answers cannot be written.
pub fn forget(options: &LoadOptions, names: &[String]) -> Result<Vec<String>, AnswerError> {
    let file = locate(&options.directory, options.config.as_deref(), std::env::home_dir().as_deref())?;
    let mut cache = Cache::new(&options.answers_folder(file.parent().unwrap_or(Path::new("."))));
    cache.forget(names).map_err(|source| AnswerError::Unwritable { source })
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
                "`windlass list vars` shows those it has; for one of a dependency, name its file with `--config`"
                    .to_owned()
            }
            None => "`windlass list vars` shows those it has".to_owned(),
        };
        return Err(AnswerError::Unknown { name: name.to_owned(), help });
    };
    match definition.source {
        _ if definition.password => {
            fixed("it is a password, and passwords are not kept", &format!("export `{name}`, or {flag}"))
        }
        _ if definition.value.is_some() => fixed("it has a `value` in the file", &flag),
        Source::None => fixed("its source is `none`", &flag),
        Source::Environment => fixed("its source is `env`", &format!("export `{name}`, or {flag}")),
        Source::Command => fixed("it is the output of a command", &flag),
        _ if definition.no_cache => fixed("it is asked for in every run (`noCache`)", &flag),
        Source::All | Source::Input => match definition.refusal(answer) {
            Some(reason) => Err(AnswerError::NotAccepted { name: name.to_owned(), reason }),
            None => Ok(()),
        },
    }
}
