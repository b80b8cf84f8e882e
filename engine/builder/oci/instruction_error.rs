//! Errors of instructions.

use std::io;

use crate::builder::BuildError;
use crate::oci::StoreError;

/// An instruction error, before its line is known.
#[derive(Debug)]
pub(super) enum InstructionError {
    Cancelled,
    /// The instruction is invalid: why, as a phrase, and a hint.
    Mistake(String, Option<String>),
    /// It requires a daemon: why, as a phrase.
    NeedsDaemon(String),
    Store(StoreError),
    /// Any other build error.
    Error(Box<BuildError>),
}

impl InstructionError {
    pub(super) fn with_help(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Mistake(reason.into(), Some(help.into()))
    }
}

impl From<String> for InstructionError {
    fn from(reason: String) -> Self {
        Self::Mistake(reason, None)
    }
}

impl From<StoreError> for InstructionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<BuildError> for InstructionError {
    fn from(error: BuildError) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<Box<BuildError>> for InstructionError {
    fn from(error: Box<BuildError>) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for InstructionError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) => Self::Store(error),
            Err(error) => Self::Mistake(error.to_string(), None),
        }
    }
}
