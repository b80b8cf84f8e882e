//! The error of a stage, as scripts pass it on.

use std::fmt;
use std::sync::Arc;

use miette::Diagnostic;
use rhai::{Dynamic, EvalAltResult, Position};

/// Any diagnostic that passes through a script. The script can catch it, read its `message`, `code` and `help`, and
/// throw it again without loss.
#[derive(Clone)]
pub struct StageError(Arc<dyn Diagnostic + Send + Sync>);

impl StageError {
    /// The diagnostic itself.
    pub fn diagnostic(&self) -> &(dyn Diagnostic + Send + Sync + 'static) {
        &*self.0
    }

    /// The message: what could not be done.
    pub fn message(&self) -> String {
        self.0.to_string()
    }

    /// The code, such as `stage::push::unauthorized`; empty if it has none.
    pub fn code(&self) -> String {
        self.0.code().map(|code| code.to_string()).unwrap_or_default()
    }

    /// The hint; empty if unknown.
    pub fn help(&self) -> String {
        self.0.help().map(|help| help.to_string()).unwrap_or_default()
    }
}

impl<E: Diagnostic + Send + Sync + 'static> From<E> for StageError {
    fn from(error: E) -> Self {
        Self(Arc::new(error))
    }
}

/// Converts it to the kind of error that Rhai gives a position and that scripts can catch.
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
