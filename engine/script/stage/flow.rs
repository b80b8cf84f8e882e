//! Control flow of scripts: steps, retries, timeouts, failures.

use rhai::plugin::*;

/// Stages that control other calls.
#[export_module]
pub mod flow {
    use rhai::{Dynamic, FnPtr, Map};

    use super::super::error::message_of;
    use super::super::{current, option};
    use crate::delays::Delays;
    use crate::error::StageError;
    use crate::event::Outcome;
    use crate::run::Image;
    use crate::scope::Scope;
    use crate::script::RhaiResultOf;

    /// Calls `work` as a step with this name, which is shown in the output like those of windlass, and returns its
    /// result.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { step("generating sources", || sh("echo generated")); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn step(context: NativeCallContext, name: &str, work: FnPtr) -> RhaiResultOf<Dynamic> {
        current::run(&context)?.session.step(name);
        work.call_within_context(&context, ())
    }

    /// Calls `work` as the work on `image` and returns its result. Its messages, commands and outcome are those of the
    /// image. Inside `parallel(project.images, ...)`, this is already so.
    ///
    /// # Example
    /// ```rhai
    /// fn build_image(image) { working_on(image, || build_or_reuse(tagged(image))) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn working_on(context: NativeCallContext, image: Image, work: FnPtr) -> RhaiResultOf<Dynamic> {
        let (run, name) = (image.run(), image.name());
        if Scope::current().image.as_deref() == Some(name) {
            return work.call_within_context(&context, ()).inspect_err(|_| run.end_work(name, false));
        }
        run.progress.results.start_again(name, &image.config().repository.to_string());
        let result = {
            let _scope = Scope { image: Some(name.to_owned()), ..Scope::current() }.enter();
            work.call_within_context(&context, ())
        };
        run.end_work(name, result.is_ok());
        if let Err(error) = &result {
            let (outcome, reason) = match run.session.cancel.is_cancelled() {
                true => (Outcome::Cancelled, "stopped".to_owned()),
                false => (Outcome::Failed, message_of(error)),
            };
            run.progress.results.break_off(name, outcome, &reason);
        }
        run.progress.results.finish(&run.session.events, name);
        result
    }

    /// Calls `work` up to `times` times, until it succeeds, and returns its result. Waits 1 second after the first
    /// failure and twice as long after each further one, at most 60 seconds. Does not retry errors of the script
    /// itself.
    ///
    /// # Errors
    /// The last failure.
    ///
    /// # Example
    /// ```rhai
    /// fn publish(image, built) { retry(3, || if image.pushes { built.push() } else { built }) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn retry(context: NativeCallContext, times: i64, work: FnPtr) -> RhaiResultOf<Dynamic> {
        let run = current::run(&context)?;
        let mut delays = Delays::new(super::FIRST_PAUSE, super::LONGEST_PAUSE);
        for failed in 1.. {
            let error = match work.call_within_context(&context, ()) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if failed >= times || !super::may_pass(&error) {
                return Err(error);
            }
            let pause = delays.advance();
            super::report_failure(&run, &error, failed, times, pause);
            run.session.wait(run.session.host.clock.sleep(pause)).map_err(StageError::from)?;
        }
        Ok(Dynamic::UNIT)
    }

    /// Calls `work` and returns its result. After `seconds`, stops `work` and the commands that it started.
    ///
    /// # Errors
    /// `stage::timeout::over` after the timeout.
    ///
    /// # Example
    /// ```rhai
    /// fn before_image(image) { timeout(30, || sh("echo warming up")); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn timeout(context: NativeCallContext, seconds: Dynamic, work: FnPtr) -> RhaiResultOf<Dynamic> {
        let limit = option::duration(&seconds)
            .ok_or_else(|| StageError::from(super::InvalidDuration::of(&seconds)))?;
        let run = current::run(&context)?;
        let outer = run.session.cancellation();
        let token = outer.child_token();
        let timer = run.session.cancel_after(limit, token.clone());
        let result = {
            let _scope = Scope { cancel: Some(token.clone()), ..Scope::current() }.enter();
            work.call_within_context(&context, ())
        };
        drop(timer);
        match result {
            Err(_) if token.is_cancelled() && !outer.is_cancelled() => {
                Err(StageError::from(super::StageTimeout { seconds: limit.as_secs_f64() }).into())
            }
            result => result,
        }
    }

    /// Waits for `seconds`, a whole number or a fraction.
    ///
    /// # Errors
    /// `script::wrong_type` if it is not a number of seconds.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { sleep(0.01); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sleep(context: NativeCallContext, seconds: Dynamic) -> RhaiResultOf<()> {
        super::wait(&context, &seconds)
    }

    /// Waits for `seconds`, a whole number or a fraction.
    ///
    /// # Errors
    /// `script::wrong_type` if it is not a number of seconds.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { sleep(0.01); }
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_whole(context: NativeCallContext, seconds: i64) -> RhaiResultOf<()> {
        super::wait(&context, &seconds.into())
    }

    /// Waits for `seconds`, a whole number or a fraction.
    ///
    /// # Errors
    /// `script::wrong_type` if it is not a number of seconds.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { sleep(0.01); }
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_fraction(context: NativeCallContext, seconds: f64) -> RhaiResultOf<()> {
        super::wait(&context, &seconds.into())
    }

    /// Stops with this message. Like `throw`, but shown as a failure of the project instead of the script.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     if project.profiles.contains("production") && git.is_dirty { fail("commit your changes first"); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fail(message: &str) -> RhaiResultOf<()> {
        super::failure(Map::from([("message".into(), message.into())]))
    }

    /// Stops with this message and the hint `help`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     if !file_exists("devspace.yaml") { fail("devspace.yaml not found", "run `windlass init`"); }
    /// }
    /// ```
    #[rhai_fn(name = "fail", return_raw)]
    pub fn fail_with_help(message: &str, help: &str) -> RhaiResultOf<()> {
        super::failure(Map::from([("message".into(), message.into()), ("help".into(), help.into())]))
    }
}

use std::time::Duration;

use rhai::{Dynamic, Map};

use super::{current, option};
use crate::error::{ErrorKind, StageError};
use crate::event::{Event, Level};
use crate::run::Run;
use crate::scope::Scope;
use crate::script::RhaiResultOf;
use crate::script::cause::kind;

/// The pause after the first failure of `retry`, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The limit of `timeout` is exceeded.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("timed out after {seconds} seconds")]
#[diagnostic(code(stage::timeout::over), help("increase the first argument of `timeout`"))]
struct StageTimeout {
    seconds: f64,
}

/// A value is not a number of seconds.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("expected a number of seconds, found {found}")]
#[diagnostic(code(script::wrong_type), help("write a number such as 30 or 0.5"))]
struct InvalidDuration {
    found: String,
}

impl InvalidDuration {
    fn of(value: &Dynamic) -> Self {
        let is_number = value.is_int() || value.is_float();
        Self { found: if is_number { value.to_string() } else { kind(value.type_name()).to_owned() } }
    }
}

/// Waits for `seconds`. Rhai has its own `sleep`, which cannot be cancelled: the overloads here must match every number
/// more closely.
fn wait(context: &NativeCallContext<'_>, seconds: &Dynamic) -> RhaiResultOf<()> {
    let time = option::duration(seconds).ok_or_else(|| StageError::from(InvalidDuration::of(seconds)))?;
    let run = current::run(context)?;
    Ok(run.session.wait(run.session.host.clock.sleep(time)).map_err(StageError::from)?)
}

/// The error with the message and the hint in `content`.
fn failure(mut content: Map) -> RhaiResultOf<()> {
    content.insert("code".into(), "script::failed".into());
    Err(EvalAltResult::ErrorRuntime(content.into(), Position::NONE).into())
}

/// Whether a retry may succeed.
fn may_pass(error: &EvalAltResult) -> bool {
    let EvalAltResult::ErrorRuntime(value, _) = error.unwrap_inner() else { return false };
    let kind = value.read_lock::<StageError>().map_or(ErrorKind::Other, |error| error.kind());
    !matches!(kind, ErrorKind::Script | ErrorKind::Cancelled)
}

fn report_failure(run: &Run, error: &EvalAltResult, failed: i64, times: i64, pause: Duration) {
    let message = super::error::message_of(error);
    let message = format!("{message}; retrying in {} s ({} of {times})", pause.as_secs_f64(), failed + 1);
    run.session.events.emit(Event::Notice { image: Scope::current().image, level: Level::Info, message });
}
