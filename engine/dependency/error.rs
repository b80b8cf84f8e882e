//! Errors of dependencies.

use crate::config::{ConfigError, Origin};
use crate::git::GitError;

/// Errors of dependencies.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DependencyError {
    /// The source of a dependency contains no project.
    #[error("cannot find the dependency `{name}`: `{path}` not found")]
    #[diagnostic(code(dependency::missing), help("check its source at {origin}"))]
    Missing {
        /// Its name.
        name: String,
        /// The file.
        path: String,
        /// Where it is declared.
        origin: Origin,
    },

    /// A `subPath` leads out of its repository.
    #[error("the `subPath` of the dependency `{name}` leads out of its repository")]
    #[diagnostic(code(dependency::outside), help("use a path relative to the repository root at {origin}"))]
    Outside {
        /// Its name.
        name: String,
        /// Where it is declared.
        origin: Origin,
    },

    /// There is a dependency cycle.
    #[error("dependency cycle: {path}")]
    #[diagnostic(
        code(dependency::cycle),
        help("remove one of these, or set `ignoreDependencies: true`:\n{places}")
    )]
    Cycle {
        /// The cycle: `api -> auth -> api`.
        path: String,
        /// The line of each step of the cycle.
        places: String,
    },

    /// No dependency has this name.
    #[error("unknown dependency `{name}`")]
    #[diagnostic(code(dependency::unknown))]
    Unknown {
        /// The name.
        name: String,
        /// The most similar name, or all names.
        #[help]
        help: String,
    },

    /// Dependencies failed; each was reported separately.
    #[error("{}", failed(names))]
    #[diagnostic(code(run::failed))]
    Failed {
        /// Their names.
        names: Vec<String>,
    },

    /// The checkout failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),

    /// The configuration is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
}

fn failed(names: &[String]) -> String {
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!("dependencies failed: {names}")
}
