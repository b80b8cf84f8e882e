//! Assertions.

use rhai::plugin::*;

/// Assertions about values.
#[export_module]
pub mod assertion {
    use rhai::{Array, Dynamic, FnPtr};

    use super::Failed;
    use crate::error::StageError;
    use crate::script::RhaiResultOf;
    use crate::testing::difference::difference;
    use crate::testing::plain;
    use crate::testing::plain::shown;
    use crate::testing::snapshots::Kept;

    /// Fails the test unless `condition` is true.
    ///
    /// # Example
    /// ```rhai
    /// fn test_images_have_tags() {
    ///     for image in project().images { assert(!tags(image).is_empty()); }
    /// }
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_plain(condition: bool) -> RhaiResultOf<()> {
        super::check(condition, || Failed::Assert)
    }

    /// Fails the test with `message` unless `condition` is true.
    ///
    /// # Example
    /// ```rhai
    /// fn test_images_are_of_our_registry() {
    ///     for image in project().images {
    ///         assert(image.repository != "", `${image.name} has no repository`);
    ///     }
    /// }
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_with(condition: bool, message: &str) -> RhaiResultOf<()> {
        super::check(condition, || Failed::Said(message.to_owned()))
    }

    /// Fails the test unless `actual` and `expected` are equal. Lists and maps are compared by content; plans, images
    /// and Dockerfiles as `snapshot` shows them.
    ///
    /// # Example
    /// ```rhai
    /// fn test_tags() {
    ///     let image = project().images[0].with_tags(["1.4", "latest"]);
    ///     assert_eq(image.tags, ["1.4", "latest"]);
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn assert_eq(actual: Dynamic, expected: Dynamic) -> RhaiResultOf<()> {
        let (actual, expected) = (plain(&actual), plain(&expected));
        super::check(actual == expected, || Failed::Equal(difference(&shown(&expected), &shown(&actual))))
    }

    /// Fails the test unless `part` is in `whole`: a string in a string, or an item in a list.
    ///
    /// # Example
    /// ```rhai
    /// fn test_build_is_announced() {
    ///     print("building");
    ///     assert_contains(printed(), "building");
    ///     assert_contains("building api", "api");
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn assert_contains(whole: Dynamic, part: Dynamic) -> RhaiResultOf<()> {
        let is_in_list = |list: &Array| list.iter().any(|item| plain(item) == plain(&part));
        let is_there = match whole.read_lock::<Array>() {
            Some(list) => is_in_list(&list),
            None => whole.to_string().contains(&part.to_string()),
        };
        let text = || format!("in: {}\nno: {}", shown(&plain(&whole)), shown(&plain(&part)));
        super::check(is_there, || Failed::Contains(text()))
    }

    /// Calls `work`, which must fail with an error whose code is `text` or whose message contains it. Returns the
    /// error.
    ///
    /// # Example
    /// ```rhai
    /// fn test_a_release_needs_a_version() {
    ///     let error = assert_throws(|| throw "a release needs a version", "version");
    ///     assert_contains(error.message, "release");
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn assert_throws(context: NativeCallContext, work: FnPtr, text: &str) -> RhaiResultOf<Dynamic> {
        let error = match work.call_within_context::<Dynamic>(&context, ()) {
            Ok(value) => {
                return Err(StageError::from(Failed::threw_nothing(text, &shown(&plain(&value)))).into());
            }
            Err(error) => super::thrown(*error)?,
        };
        let (code, message) = (error.code(), super::whole_message(&error));
        if code == text || message.contains(text) {
            return Ok(Dynamic::from(error));
        }
        let found = if code.is_empty() { message } else { format!("{message} ({code})") };
        Err(StageError::from(Failed::ThrewOther(difference(text, &found))).into())
    }

    /// Fails the test.
    ///
    /// # Example
    /// ```rhai
    /// fn test_there_are_images() { if project().images.is_empty() { fail("no image at all"); } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fail(message: &str) -> RhaiResultOf<()> {
        super::check(false, || Failed::Said(message.to_owned()))
    }

    /// Compares `value` with the snapshot of the last `windlass test --update`. Snapshots are stored next to the test,
    /// in a `.snap` file; commit it to git.
    ///
    /// Plans, images and projects are shown without cache keys and absolute paths, so that they are the same on every
    /// machine.
    ///
    /// # Example
    /// ```rhai
    /// fn test_the_plan_of_every_image() {
    ///     for image in project().images { snapshot(plan(tagged(image))); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn snapshot(value: Dynamic) -> RhaiResultOf<()> {
        let bench = super::super::bench()?;
        let number = {
            let mut taken = crate::lock::lock(&bench.taken);
            *taken += 1;
            *taken
        };
        let name = if number == 1 { bench.test.clone() } else { format!("{} {number}", bench.test) };
        let value = plain(&value);
        let text = value.as_str().map_or_else(|| shown(&value), ToOwned::to_owned);
        match bench.snapshots.take(&name, text.trim_end()) {
            Kept::Same => Ok(()),
            Kept::Other(before) => {
                Err(StageError::from(Failed::Snapshot(difference(&before, text.trim_end()))).into())
            }
            Kept::None => Err(StageError::from(Failed::NoSnapshot(text)).into()),
        }
    }
}

use rhai::Dynamic;

use crate::error::StageError;
use crate::script::RhaiResultOf;

/// An assertion failed.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum Failed {
    #[error("assertion failed")]
    #[diagnostic(code(test::assert))]
    Assert,
    #[error("{0}")]
    #[diagnostic(code(test::failed))]
    Said(String),
    #[error("values are not equal\n{0}")]
    #[diagnostic(code(test::assert_eq))]
    Equal(String),
    #[error("value not found\n{0}")]
    #[diagnostic(code(test::assert_contains))]
    Contains(String),
    #[error("expected an error with `{expected}`, found the value {value}")]
    #[diagnostic(code(test::assert_throws))]
    ThrewNothing { expected: String, value: String },
    #[error("unexpected error\n{0}")]
    #[diagnostic(code(test::assert_throws))]
    ThrewOther(String),
    #[error("value differs from its snapshot\n{0}")]
    #[diagnostic(code(test::snapshot), help("if the new value is correct, run `windlass test --update`"))]
    Snapshot(String),
    #[error("no snapshot exists yet\n{0}")]
    #[diagnostic(code(test::no_snapshot), help("if this is correct, run `windlass test --update`"))]
    NoSnapshot(String),
}

impl Failed {
    fn threw_nothing(expected: &str, value: &str) -> Self {
        Self::ThrewNothing { expected: expected.to_owned(), value: value.to_owned() }
    }
}

fn check(holds: bool, failed: impl FnOnce() -> Failed) -> RhaiResultOf<()> {
    if holds { Ok(()) } else { Err(StageError::from(failed()).into()) }
}

/// The message of `error`, with the messages of its related errors.
fn whole_message(error: &StageError) -> String {
    let related = error.diagnostic().related().into_iter().flatten().map(ToString::to_string);
    std::iter::once(error.message()).chain(related).collect::<Vec<_>>().join("\n")
}

/// A value that a script threw, or an error of Rhai.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Thrown {
    message: String,
    code: String,
}

impl miette::Diagnostic for Thrown {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }
}

/// The error that `work` of `assert_throws` stopped with. A cancelled run is not such an error.
fn thrown(error: EvalAltResult) -> RhaiResultOf<StageError> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            thrown(*inner)
        }
        EvalAltResult::ErrorTerminated(..) => Err(error.into()),
        EvalAltResult::ErrorRuntime(value, _) => Ok(of_value(&value)),
        mut error => {
            error.clear_position();
            Ok(Thrown { message: error.to_string(), code: "script::failed".to_owned() }.into())
        }
    }
}

fn of_value(value: &Dynamic) -> StageError {
    if let Some(stage) = value.read_lock::<StageError>() {
        return stage.clone();
    }
    let text = |key: &str| value.read_lock::<rhai::Map>()?.get(key).map(ToString::to_string);
    let message = text("message").unwrap_or_else(|| value.to_string());
    Thrown { message, code: text("code").unwrap_or_default() }.into()
}
