//! What keeps a project from being loaded.

use std::path::PathBuf;

use super::Problem;

/// Why a `devspace.yaml` could not be loaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// The user broke off a question, or the command of a variable.
    #[error("cannot set the variable `{name}`: it was cancelled")]
    #[diagnostic(code(config::cancelled), help("to be asked nothing, pass `--var {name}=VALUE`"))]
    Cancelled {
        /// The variable.
        name: String,
    },

    /// The user interrupted the command of an expression.
    #[error("cannot evaluate `$({expression})`: it was interrupted")]
    #[diagnostic(code(config::interrupted))]
    Interrupted {
        /// Its shell line, or the beginning of it.
        expression: String,
    },

    /// The file has problems; all that were found are listed.
    #[error("cannot use `{file}`: it has {}", count(problems.len() + omitted))]
    #[diagnostic(code(config::invalid))]
    Invalid {
        /// The file as shown.
        file: String,
        /// What is wrong, in file order, at most 100.
        #[related]
        problems: Vec<Problem>,
        /// How many more there are.
        omitted: usize,
    },

    /// No folder from the start upward has the file.
    #[error("cannot find `devspace.yaml` in `{}` or a folder above it", directory.display())]
    #[diagnostic(
        code(config::not_found),
        help("change to the project's folder, or name the file with `--config`")
    )]
    NotFound {
        /// Where the search began.
        directory: PathBuf,
    },

    /// A file could not be read.
    #[error("cannot read `{}`: {source}", file.display())]
    #[diagnostic(code(config::unreadable), help("check that the file exists and may be read"))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },

    /// No newer version can say what the file says.
    #[error("cannot upgrade `{file}`: {reason}")]
    #[diagnostic(code(config::upgrade))]
    Upgrade {
        /// The file as shown.
        file: String,
        /// What keeps it from being upgraded, as a phrase.
        reason: String,
        /// What to do by hand.
        #[help]
        help: String,
    },

    /// A `--var` is not `NAME=VALUE`. What was given is not repeated: it may be a secret.
    #[error("cannot use `--var` number {number}: it has no `=`")]
    #[diagnostic(code(config::flag), help("write `--var NAME=VALUE`"))]
    VariableFlag {
        /// Which of them, from 1.
        number: usize,
    },
}

fn count(count: usize) -> String {
    if count == 1 { "a problem".to_owned() } else { format!("{count} problems") }
}
