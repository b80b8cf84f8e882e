//! Errors as scripts see them.

use rhai::plugin::*;

/// What a script may ask of an error it caught.
#[export_module]
pub mod error {
    use crate::script::StageError;

    /// What could not be done, such as ``cannot push `acme/api:1.4`: the registry refused the credentials``.
    #[rhai_fn(get = "message", pure)]
    pub fn message(error: &mut StageError) -> String {
        error.message()
    }

    /// The error's code, such as `registry::unauthorized`; empty when it has none.
    #[rhai_fn(get = "code", pure)]
    pub fn code(error: &mut StageError) -> String {
        error.code()
    }

    /// What to do about it; empty when nobody knows.
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
