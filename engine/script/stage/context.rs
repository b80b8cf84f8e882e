//! Build contexts as scripts see them.

use rhai::plugin::*;

/// Stages about build contexts.
#[export_module]
pub mod context {
    use rhai::{Array, Dynamic};

    use crate::image::Context;
    use crate::image::context::EntryKind;
    use crate::run::Image;
    use crate::script::{RhaiResultOf, StageError};

    /// Opens the build context of `image`: its folder and its ignore rules. No file is read yet.
    ///
    /// # Errors
    /// `context::...` when the folder is missing or an ignore file is wrong.
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

    /// The folder, absolute.
    #[rhai_fn(get = "folder", pure)]
    pub fn folder(context: &mut Context) -> String {
        context.root().display().to_string()
    }

    /// The files in it that the ignore rules leave, sorted, relative to its folder.
    ///
    /// # Errors
    /// `context::...` when a folder cannot be read.
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

    /// The bytes of all files that the ignore rules leave.
    ///
    /// # Errors
    /// `context::...` when a folder cannot be read.
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

    /// A hash over paths, kinds and contents of all files that the ignore rules leave: 64 hex digits, the same for
    /// the same files anywhere.
    ///
    /// # Errors
    /// `context::...` when a file cannot be read.
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
        let digest = digest.map_err(StageError::from)?;
        Ok(digest.digest().hex())
    }

    /// The ignore file that counts, absolute, or `()` when there is none.
    #[rhai_fn(get = "ignore_file", pure)]
    pub fn ignore_file(context: &mut Context) -> Dynamic {
        context.ignore_file().map_or(Dynamic::UNIT, |path| path.display().to_string().into())
    }

    /// Whether the ignore rules leave `path`, relative to its folder, out. It need not exist.
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
use crate::image::Context;
use crate::image::context::Selection;
use crate::image::dockerfile::Reach;
use crate::script::{RhaiResultOf, StageError};

/// All files that the ignore rules leave.
fn everything(call: &NativeCallContext<'_>, context: &Context) -> RhaiResultOf<Selection> {
    let context = context.clone();
    let found = current::run(call)?.apart(move || context.select(&Reach::Whole { why: None }, &|_| ()));
    Ok(found.map_err(StageError::from)?.map_err(StageError::from)?)
}
