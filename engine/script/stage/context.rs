//! Build contexts as scripts see them.

use rhai::plugin::*;

/// Stages about build contexts.
#[export_module]
pub mod context {
    use rhai::{Array, Dynamic};

    use crate::error::StageError;
    use crate::image::Context;
    use crate::image::context::EntryKind;
    use crate::run::Image;
    use crate::script::RhaiResultOf;

    /// Opens the build context of `image`: its directory and its ignore file. Reads no other file yet.
    ///
    /// # Errors
    /// `context::...` if the directory is missing or an ignore file is invalid.
    ///
    /// # Example
    /// ```rhai
    /// fn context(image) { load_context(image.with_context("services/api")) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn load_context(image: Image) -> RhaiResultOf<Context> {
        let dockerfile = image.dockerfile_path();
        let context = Context::open(&image.run().forest(), &image.context_folder(), Some(&dockerfile));
        Ok(context.map_err(StageError::from)?)
    }

    /// The absolute path of the directory.
    #[rhai_fn(get = "folder", pure)]
    pub fn folder(context: &mut Context) -> String {
        context.root().display().to_string()
    }

    /// The files that the ignore file does not exclude, sorted, relative to the directory.
    ///
    /// # Errors
    /// `context::...` if a directory cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn before_image(image) { print(`${context(image).files.len()} files`); }
    /// ```
    #[rhai_fn(get = "files", pure, return_raw)]
    pub fn files(call: NativeCallContext, context: &mut Context) -> RhaiResultOf<Array> {
        let selection = super::everything(&call, context)?;
        let files = selection.entries().iter().filter(|entry| !matches!(entry.kind, EntryKind::Directory));
        Ok(files.map(|entry| entry.path.to_string().into()).collect())
    }

    /// The total size in bytes of all files that the ignore file does not exclude.
    ///
    /// # Errors
    /// `context::...` if a directory cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn before_image(image) {
    ///     if context(image).size > 100_000_000 { fail("the context is huge", "add a .dockerignore"); }
    /// }
    /// ```
    #[rhai_fn(get = "size", pure, return_raw)]
    pub fn size(call: NativeCallContext, context: &mut Context) -> RhaiResultOf<i64> {
        Ok(i64::try_from(super::everything(&call, context)?.size()).unwrap_or(i64::MAX))
    }

    /// A hash of the paths, kinds and contents of all files that the ignore file does not exclude: 64 hex digits, the
    /// same for the same files on every machine.
    ///
    /// # Errors
    /// `context::...` if a file cannot be read.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { [`files-${context(image).digest.sub_string(0, 12)}`] }
    /// ```
    #[rhai_fn(get = "digest", pure, return_raw)]
    pub fn digest(call: NativeCallContext, context: &mut Context) -> RhaiResultOf<String> {
        let run = super::super::current::run(&call)?;
        let files = super::everything(&call, context)?;
        let digest = run.hash(&files, context.root(), |_, _| ()).map_err(StageError::from)?;
        Ok(digest.digest().hex())
    }

    /// The absolute path of the ignore file in use, or `()` without one.
    #[rhai_fn(get = "ignore_file", pure)]
    pub fn ignore_file(context: &mut Context) -> Dynamic {
        context.ignore_file().map_or(Dynamic::UNIT, |path| path.display().to_string().into())
    }

    /// Whether the ignore file excludes `path`, which is relative to the directory and need not exist.
    ///
    /// # Example
    /// ```rhai
    /// fn context(image) {
    ///     let context = load_context(image);
    ///     if !context.ignores(".git") { print("the build can read .git"); }
    ///     context
    /// }
    /// ```
    #[rhai_fn(pure)]
    pub fn ignores(context: &mut Context, path: &str) -> bool {
        context.ignores(path)
    }
}

use super::current;
use crate::error::StageError;
use crate::image::Context;
use crate::image::context::Selection;
use crate::image::dockerfile::ContextSources;
use crate::script::RhaiResultOf;

/// All files that the ignore file does not exclude.
fn everything(call: &NativeCallContext<'_>, context: &Context) -> RhaiResultOf<Selection> {
    let context = context.clone();
    let found = current::run(call)?
        .session
        .apart(move || context.select(&ContextSources::Whole { why: None }, &|_| ()));
    Ok(found.map_err(StageError::from)?.map_err(StageError::from)?)
}
