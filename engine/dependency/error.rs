//! What can go wrong with dependencies.

use crate::config::{ConfigError, Origin};
use crate::git::GitError;

/// What can go wrong with dependencies.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DependencyError {
    /// There is no project where a dependency says it is.
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

    /// A sub path leads out of its repository.
    #[error("the `subPath` of the dependency `{name}` leads out of its repository")]
    #[diagnostic(code(dependency::outside), help("use a path relative to the repository root at {origin}"))]
    Outside {
        /// Its name.
        name: String,
        /// Where it is declared.
        origin: Origin,
    },

    /// Projects depend on each other.
    #[error("dependency cycle: {path}")]
    #[diagnostic(
        code(dependency::cycle),
        help("remove one of these, or set `ignoreDependencies: true`:\n{places}")
    )]
    Cycle {
        /// The circle: `api -> auth -> api`.
        path: String,
        /// The line behind each step of it.
        places: String,
    },

    /// No dependency has this name.
    #[error("unknown dependency `{name}`")]
    #[diagnostic(code(dependency::unknown))]
    Unknown {
        /// The name.
        name: String,
        /// The nearest name, or all names.
        #[help]
        help: String,
    },

    /// Dependencies failed; each was reported on its own.
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

    /// The configuration is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
}

fn failed(names: &[String]) -> String {
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!("dependencies failed: {names}")
}
