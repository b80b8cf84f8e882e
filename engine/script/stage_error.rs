//! An error of a stage, as it travels through scripts.

use std::fmt;
use std::sync::Arc;

use miette::Diagnostic;
use rhai::{Dynamic, EvalAltResult, Position};

/// Any diagnostic, on its way through a script: it can be caught there, asked for its `message`, `code` and
/// `help`, and thrown again without losing anything.
#[derive(Clone)]
pub struct StageError(Arc<dyn Diagnostic + Send + Sync>);

impl StageError {
    /// The diagnostic itself.
    pub fn diagnostic(&self) -> &(dyn Diagnostic + Send + Sync + 'static) {
        &*self.0
    }

    /// What could not be done.
    pub fn message(&self) -> String {
        self.0.to_string()
    }

    /// The code, such as `stage::push::unauthorized`; empty when there is none.
    pub fn code(&self) -> String {
        self.0.code().map(|code| code.to_string()).unwrap_or_default()
    }

    /// What to do about it; empty when nobody knows.
    pub fn help(&self) -> String {
        self.0.help().map(|help| help.to_string()).unwrap_or_default()
    }
}

impl<E: Diagnostic + Send + Sync + 'static> From<E> for StageError {
    fn from(error: E) -> Self {
        Self(Arc::new(error))
    }
}

/// As the kind of error that Rhai gives a position and lets scripts catch.
impl From<StageError> for Box<EvalAltResult> {
    fn from(error: StageError) -> Self {
        EvalAltResult::ErrorRuntime(Dynamic::from(error), Position::NONE).into()
    }
}

impl fmt::Debug for StageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}
