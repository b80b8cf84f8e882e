//! The environment as scripts see it.

use rhai::plugin::*;

/// Stages about the environment, time and chance.
#[export_module]
pub mod environment {
    use rhai::Dynamic;

    use super::{BadFormat, Unset};
    use crate::script::stage::{current, system_time};
    use crate::script::{RhaiResultOf, StageError};

    /// A variable of the environment, or of the project's `.env` file.
    ///
    /// # Errors
    /// `stage::env::unset` when there is none.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(`building in ${env("HOME")}`); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn env(context: NativeCallContext, name: &str) -> RhaiResultOf<String> {
        let value = current::run(&context)?.variable(name);
        Ok(value.ok_or_else(|| StageError::from(Unset { name: name.to_owned() }))?)
    }

    /// A variable of the environment, or of the project's `.env` file; `default` when there is none.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [env("CI_COMMIT_REF_SLUG", "local")] }
    /// ```
    #[rhai_fn(name = "env", return_raw)]
    pub fn env_or(context: NativeCallContext, name: &str, default: Dynamic) -> RhaiResultOf<Dynamic> {
        Ok(current::run(&context)?.variable(name).map_or(default, Into::into))
    }

    /// The time in UTC: `2026-03-01T12:30:59Z`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(`started at ${now()}`); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn now(context: NativeCallContext) -> RhaiResultOf<String> {
        let now = current::run(&context)?.host.clock.now();
        Ok(system_time::whole_seconds(now).to_string())
    }

    /// The time in UTC as `format` says, in which `%Y-%m-%d` and `%H:%M:%S` stand for date and time.
    ///
    /// # Errors
    /// `stage::now::bad_format` when a `%` is followed by what is no part of a time.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [now("%Y%m%d-%H%M%S")] }
    /// ```
    #[rhai_fn(name = "now", return_raw)]
    pub fn now_as(context: NativeCallContext, format: &str) -> RhaiResultOf<String> {
        let now = current::run(&context)?.host.clock.now();
        let text = system_time::format(now, format);
        Ok(text.map_err(|reason| StageError::from(BadFormat { format: format.to_owned(), reason }))?)
    }

    /// A text of `length` random letters and digits. Not for secrets.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [`test-${random(8)}`] }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn random(context: NativeCallContext, length: i64) -> RhaiResultOf<String> {
        let random = std::sync::Arc::clone(&current::run(&context)?.host.random);
        let length = usize::try_from(length).unwrap_or_default().min(super::LONGEST_RANDOM);
        Ok(std::iter::repeat_with(|| random.character()).take(length).collect())
    }
}

/// The longest random text.
const LONGEST_RANDOM: usize = 1024;

/// A variable is not set.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("the environment variable `{name}` is not set")]
#[diagnostic(
    code(stage::env::unset),
    help("set it, also in the project's `.env` file, or give a default: env(\"{name}\", \"...\")")
)]
struct Unset {
    name: String,
}

/// A time cannot be written so.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot write the time as `{format}`: {reason}")]
#[diagnostic(
    code(stage::now::bad_format),
    help("`%Y-%m-%d` is the date, `%H:%M:%S` the time of day; `%%` is a `%`")
)]
struct BadFormat {
    format: String,
    reason: String,
}
