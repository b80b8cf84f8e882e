//! Where the value of a variable came from.

use std::fmt;

/// Where the value of a variable came from, in the order in which these are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// `--var`.
    Flag,
    /// It is predefined, such as `DEVSPACE_GIT_COMMIT`.
    Predefined,
    /// `value` of its definition.
    Value,
    /// The environment.
    Environment,
    /// The file `.env`.
    EnvFile,
    /// An answer given before, in `.windlass/vars.json`.
    Cache,
    /// The output of its command.
    Command,
    /// `default` of its definition.
    Default,
    /// The answer to a question of this run.
    Answer,
    /// There is no such variable, which v2beta1 allows: the reference stays as it is written.
    Undefined,
}

impl fmt::Display for Provenance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Flag => "--var",
            Self::Predefined => "predefined",
            Self::Value => "value",
            Self::Environment => "environment",
            Self::EnvFile => ".env",
            Self::Cache => "remembered answer",
            Self::Command => "command",
            Self::Default => "default",
            Self::Answer => "answer",
            Self::Undefined => "undefined",
        })
    }
}
