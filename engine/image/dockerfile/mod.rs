//! Dockerfiles: parsed, asked, and edited in memory.

mod reach;

use std::sync::Arc;

use indexmap::IndexMap;

pub use reach::Reach;

/// A parsed Dockerfile. Immutable: `with_*` return an edited, parsed copy.
///
/// A *build target* is one `FROM` step; `target` arguments take its name (in any case), its number, or
/// `None` for the last one.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    name: Arc<str>,
    text: Arc<str>,
}

/// Build arguments given from outside, by name.
pub type BuildArgs = IndexMap<String, String>;

/// An image a Dockerfile builds from or copies from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// The reference after expansion of arguments: `acme/base:1.0`, `scratch`.
    pub reference: String,
    /// Whether it is the base of a build target (`FROM`), as opposed to a `--from=` or `from=`.
    pub is_base: bool,
    /// Where the word that names it stands, in bytes of the text.
    pub span: std::ops::Range<usize>,
}

impl Dockerfile {
    /// Parses `text`; `name` is the path shown in messages.
    ///
    /// # Errors
    /// [`DockerfileError`] with the place of the first mistake.
    pub fn parse(_name: impl Into<Arc<str>>, _text: impl Into<Arc<str>>) -> Result<Self, DockerfileError> {
        todo!()
    }

    /// The path shown in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A copy whose build target ends with `ENTRYPOINT` in JSON form; an empty list clears it.
    ///
    /// # Errors
    /// [`DockerfileError`] when the target does not exist.
    pub fn with_entrypoint(
        &self,
        _target: Option<&str>,
        _entrypoint: &[String],
    ) -> Result<Self, DockerfileError> {
        todo!()
    }

    /// A copy whose build target ends with `CMD` in JSON form; an empty list clears it.
    ///
    /// # Errors
    /// [`DockerfileError`] when the target does not exist.
    pub fn with_command(&self, _target: Option<&str>, _command: &[String]) -> Result<Self, DockerfileError> {
        todo!()
    }

    /// A copy whose build target ends with `lines` (any instructions).
    ///
    /// # Errors
    /// [`DockerfileError`] when the target does not exist or a line is no instruction.
    pub fn with_instructions(
        &self,
        _target: Option<&str>,
        _lines: &[String],
    ) -> Result<Self, DockerfileError> {
        todo!()
    }

    /// A copy in which each `(base, reference)` names `reference` instead.
    pub fn with_bases(&self, _replacements: &[(BaseImage, String)]) -> Result<Self, DockerfileError> {
        todo!()
    }

    /// The images that building `target` takes from elsewhere, in order, `scratch` and other build targets left out.
    ///
    /// # Errors
    /// [`DockerfileError`] when the target does not exist.
    pub fn bases(&self, _target: Option<&str>, _args: &BuildArgs) -> Result<Vec<BaseImage>, DockerfileError> {
        todo!()
    }

    /// What of the build context building `target` can read. `onbuild` answers the ONBUILD triggers of a base
    /// image, `None` when they are unknown.
    ///
    /// # Errors
    /// [`DockerfileError`] when the target does not exist.
    pub fn reach(
        &self,
        _target: Option<&str>,
        _args: &BuildArgs,
        _onbuild: &dyn Fn(&str) -> Option<Vec<String>>,
    ) -> Result<Reach, DockerfileError> {
        todo!()
    }
}

/// What is wrong with a Dockerfile.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum DockerfileError {}
