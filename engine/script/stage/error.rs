//! Errors as scripts see them.

use rhai::plugin::*;
use rhai::{Dynamic, Map};

use super::current;
use crate::error::{Cancelled, StageError};
use crate::event::Level;

/// Stages that handle errors, and the properties of a caught error.
#[export_module]
pub mod error {
    use rhai::{Dynamic, FnPtr};

    use crate::error::StageError;
    use crate::script::RhaiResultOf;

    /// Calls `work`. If it fails, calls `handle` with the error and then fails with the same error and its positions in
    /// the script, which `try` and `throw` would lose.
    ///
    /// # Example
    /// ```rhai
    /// fn careful(image) { on_failure(|| build_image(image), |error| print(error.message)) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn on_failure(context: NativeCallContext, work: FnPtr, handle: FnPtr) -> RhaiResultOf<Dynamic> {
        work.call_within_context(&context, ()).or_else(|error: Box<EvalAltResult>| {
            current::run(&context)?.break_off_work();
            drop(handle.call_within_context::<Dynamic>(&context, (super::caught(&error),))?);
            Err(error)
        })
    }

    /// Shows a warning, which the summary counts. For an error, it shows the message and the hint.
    ///
    /// # Example
    /// ```rhai
    /// fn pull_secret(image) { try { create_pull_secret(image); } catch (error) { warn(error); } }
    /// ```
    pub fn warn(context: NativeCallContext, warning: Dynamic) {
        super::show(&context, &warning);
    }

    /// The message, such as ``cannot push `acme/api:1.4`: the registry rejected the token``.
    #[rhai_fn(get = "message", pure)]
    pub fn message(error: &mut StageError) -> String {
        error.message()
    }

    /// The error's code, such as `registry::unauthorized`; empty if it has none.
    #[rhai_fn(get = "code", pure)]
    pub fn code(error: &mut StageError) -> String {
        error.code()
    }

    /// The hint on how to fix it; empty if unknown.
    #[rhai_fn(get = "help", pure)]
    pub fn help(error: &mut StageError) -> String {
        error.help()
    }

    /// The message, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(error: &mut StageError) -> String {
        error.message()
    }
}

/// Shows `warning`, unless the run was cancelled, which is reported elsewhere.
fn show(context: &NativeCallContext, warning: &Dynamic) {
    let Ok(run) = current::run(context) else { return };
    if run.session.cancel.is_cancelled() {
        return;
    }
    let message = match warning.read_lock::<StageError>() {
        Some(error) if error.help().is_empty() => error.message(),
        Some(error) => format!("{}; {}", error.message(), error.help()),
        None => warning.to_string(),
    };
    run.session.notice(Level::Warning, message);
}

/// The error as a script sees it: the error of a stage, the thrown value, or a message.
pub(super) fn caught(error: &EvalAltResult) -> Dynamic {
    match error.unwrap_inner() {
        EvalAltResult::ErrorRuntime(value, _) => value.clone(),
        EvalAltResult::ErrorTerminated(..) => Dynamic::from(StageError::from(Cancelled)),
        other => Dynamic::from(StageError::from(ScriptFault(other.to_string()))),
    }
}

/// The message of `error`, which comes from a stage or from the thrown value.
pub(super) fn message_of(error: &EvalAltResult) -> String {
    let value = caught(error);
    if let Some(stage) = value.read_lock::<StageError>() {
        return stage.message();
    }
    let message = value.read_lock::<Map>().and_then(|map| map.get("message").map(ToString::to_string));
    message.unwrap_or_else(|| value.to_string())
}

/// The script itself has an error.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("{0}")]
#[diagnostic(code(script::failed))]
struct ScriptFault(String);
