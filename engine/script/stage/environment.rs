//! The environment as scripts see it.

use rhai::plugin::*;

/// Stages for environment variables, time and random strings.
#[export_module]
pub mod environment {
    use rhai::Dynamic;

    use super::{BadFormat, Unset};
    use crate::error::StageError;
    use crate::script::RhaiResultOf;
    use crate::script::stage::{current, system_time};

    /// The value of an environment variable, or of a variable in the project's `.env` file.
    ///
    /// # Errors
    /// `stage::env::unset` if it is not set.
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

    /// The value of an environment variable, or of a variable in the project's `.env` file; `default` if it is not set.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [env("CI_COMMIT_REF_SLUG", "local")] }
    /// ```
    #[rhai_fn(name = "env", return_raw)]
    pub fn env_or(context: NativeCallContext, name: &str, default: Dynamic) -> RhaiResultOf<Dynamic> {
        Ok(current::run(&context)?.variable(name).map_or(default, Into::into))
    }

    /// The current time in UTC: `2026-03-01T12:30:59Z`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(`started at ${now()}`); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn now(context: NativeCallContext) -> RhaiResultOf<String> {
        let now = current::run(&context)?.session.host.clock.now();
        Ok(system_time::whole_seconds(now).to_string())
    }

    /// The current time in UTC in the given `format`, where `%Y-%m-%d` is the date and `%H:%M:%S` the time.
    ///
    /// # Errors
    /// `stage::now::bad_format` if `format` has an unknown `%` specifier.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [now("%Y%m%d-%H%M%S")] }
    /// ```
    #[rhai_fn(name = "now", return_raw)]
    pub fn now_as(context: NativeCallContext, format: &str) -> RhaiResultOf<String> {
        let now = current::run(&context)?.session.host.clock.now();
        let text = system_time::format(now, format);
        Ok(text.map_err(|reason| StageError::from(BadFormat { format: format.to_owned(), reason }))?)
    }

    /// A string of `length` random letters and digits. Do not use it for secrets.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [`test-${random(8)}`] }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn random(context: NativeCallContext, length: i64) -> RhaiResultOf<String> {
        let random = std::sync::Arc::clone(&current::run(&context)?.session.host.random);
        let length = usize::try_from(length).unwrap_or_default().min(super::LONGEST_RANDOM);
        Ok(std::iter::repeat_with(|| random.character()).take(length).collect())
    }
}

/// The maximum length of a random string.
const LONGEST_RANDOM: usize = 1024;

/// A variable is not set.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("the environment variable `{name}` is not set")]
#[diagnostic(
    code(stage::env::unset),
    help("set it, for example in the project's `.env` file, or pass a default: env(\"{name}\", \"...\")")
)]
struct Unset {
    name: String,
}

/// A time format is invalid.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("invalid time format `{format}`: {reason}")]
#[diagnostic(
    code(stage::now::bad_format),
    help("write `%Y-%m-%d` for the date, `%H:%M:%S` for the time, `%%` for a `%`")
)]
struct BadFormat {
    format: String,
    reason: String,
}
