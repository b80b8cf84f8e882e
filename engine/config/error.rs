//! The errors of loading a project.

use std::path::PathBuf;

use super::ConfigDiagnostic;

/// An error of loading `devspace.yaml`.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// The user cancelled a prompt, or interrupted the command of a variable.
    #[error("cannot set the variable `{name}`: cancelled")]
    #[diagnostic(code(config::cancelled), help("pass `--var {name}=VALUE` to set it"))]
    Cancelled {
        /// The variable.
        name: String,
    },

    /// The user interrupted the command of an expression.
    #[error("cannot evaluate `$({expression})`: interrupted")]
    #[diagnostic(code(config::interrupted))]
    Interrupted {
        /// Its shell command line, truncated if long.
        expression: String,
    },

    /// The file has problems; all of them are listed.
    #[error("cannot use `{file}`: it has {}", count(problems.len() + omitted))]
    #[diagnostic(code(config::invalid))]
    Invalid {
        /// The file, as displayed.
        file: String,
        /// The problems in file order, at most 100.
        #[related]
        problems: Vec<ConfigDiagnostic>,
        /// The number of further problems.
        omitted: usize,
    },

    /// The start directory and its parents do not have the file.
    #[error("cannot find `devspace.yaml` in `{}` or its parent directories", directory.display())]
    #[diagnostic(
        code(config::not_found),
        help("change to the project directory, or pass the file with `--config`")
    )]
    NotFound {
        /// The start directory of the search.
        directory: PathBuf,
    },

    /// A file could not be read.
    #[error("cannot read `{}`: {source}", file.display())]
    #[diagnostic(code(config::unreadable), help("check that the file exists and is readable"))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },

    /// No newer version can express the file.
    #[error("cannot upgrade `{file}`: {reason}")]
    #[diagnostic(code(config::upgrade))]
    Upgrade {
        /// The file, as displayed.
        file: String,
        /// The reason, as a phrase.
        reason: String,
        /// The manual steps.
        #[help]
        help: String,
    },

    /// A `--var` is not `NAME=VALUE`. The message does not contain its value: it may be a secret.
    #[error("invalid `--var` number {number}: it has no `=`")]
    #[diagnostic(code(config::flag), help("write `--var NAME=VALUE`"))]
    VariableFlag {
        /// Its number, from 1.
        number: usize,
    },
}

fn count(count: usize) -> String {
    if count == 1 { "a problem".to_owned() } else { format!("{count} problems") }
}
