//! The source of the value of a variable.

use std::fmt;

/// The source of the value of a variable, in the order in which sources are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// `--var`.
    Flag,
    /// A predefined variable, such as `DEVSPACE_GIT_COMMIT`.
    Predefined,
    /// The `value` of its definition.
    Value,
    /// The environment.
    Environment,
    /// The file `.env`.
    EnvFile,
    /// A saved answer, in `.windlass/vars.json`.
    Cache,
    /// The output of its command.
    Command,
    /// The `default` of its definition.
    Default,
    /// The answer to a prompt of this run.
    Answer,
    /// The variable is unknown, which v2beta1 allows: the reference stays as written.
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
            Self::Cache => "saved answer",
            Self::Command => "command",
            Self::Default => "default",
            Self::Answer => "answer",
            Self::Undefined => "undefined",
        })
    }
}
