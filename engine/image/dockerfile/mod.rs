//! Dockerfiles: parsed as Docker does, queried, and edited in memory.

mod addresses;
mod bases;
mod context_sources;
mod duration;
mod edit;
mod error;
pub(crate) mod flags;
mod graph;
mod heredoc;
mod inherited;
mod instruction;
mod labels;
mod parse;
mod restart_helper;
mod run_inputs;
mod scope;
mod source;
mod split;
mod step;
mod used_args;
pub mod word;

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

pub use context_sources::{BaseConfig, ContextSource, ContextSources};
pub use error::DockerfileError;
pub(crate) use graph::{Base, Graph, Origin};
pub use instruction::{
    CommandForm, CopyInstruction, FromInstruction, Healthcheck, Heredoc, Instruction, InstructionKind, Mount,
    RunInstruction, Word,
};
pub(crate) use parse::is_docker_frontend;
pub use restart_helper::{RESTART_HELPER, RESTART_HELPER_PATH};

/// A parsed Dockerfile. Immutable: `with_*` return an edited, parsed copy.
///
/// A *build target* is the build stage (`FROM` block) that is selected; `target` arguments accept its name (in any
/// case), its number, or `None` for the last build stage.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    name: Arc<str>,
    text: Arc<str>,
    parsed: Arc<Parsed>,
    /// The lines that an edit added, counted from 1.
    added: Arc<[Range<usize>]>,
}

/// Build arguments that are passed to the build, by name.
pub type BuildArgs = IndexMap<String, String>;

/// An image that a Dockerfile builds from or copies from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// The reference after expansion of arguments: `acme/base:1.0`, `scratch`.
    pub reference: String,
    /// Whether it is the base of a build stage (`FROM`), as opposed to a `--from=` or `from=`.
    pub is_base: bool,
    /// The position of the word that names it, in bytes of the Dockerfile.
    pub span: Range<usize>,
}

/// One build stage: its `FROM` and the instructions up to the next one.
#[derive(Debug, Clone)]
pub struct BuildStage {
    from: FromInstruction,
    start: Instruction,
    instructions: Vec<Instruction>,
}

impl BuildStage {
    /// The name after `AS`, in lower case.
    pub fn name(&self) -> Option<&str> {
        self.from.name.as_deref()
    }

    /// The arguments of its `FROM`.
    pub fn from(&self) -> &FromInstruction {
        &self.from
    }

    /// Its `FROM`.
    pub fn start(&self) -> &Instruction {
        &self.start
    }

    /// The instructions after its `FROM`.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The bytes from its `FROM` to the end of its last instruction.
    pub fn span(&self) -> Range<usize> {
        self.start.span.start..self.last().span.end
    }

    fn last(&self) -> &Instruction {
        self.instructions.last().unwrap_or(&self.start)
    }
}

#[derive(Debug)]
struct Parsed {
    escape: char,
    syntax: Option<String>,
    strict_checks: Option<(Range<usize>, usize)>,
    /// The ARG instructions before the first FROM.
    global: Vec<Instruction>,
    targets: Vec<BuildStage>,
}

impl Dockerfile {
    /// Parses `text`; `name` is the path shown in messages.
    ///
    /// Accepts and rejects the same files as Docker's own parser. An unknown flag or instruction is kept if a `syntax`
    /// directive names another frontend than Docker's.
    ///
    /// # Errors
    /// [`DockerfileError`] with the position of the first error.
    pub fn parse(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Result<Self, DockerfileError> {
        let (name, text) = (name.into(), text.into());
        match parse::parse(&text) {
            Ok(parsed) => Ok(Self { name, text, parsed: Arc::new(parsed), added: Arc::default() }),
            Err(mistake) => Err(DockerfileError::at(&name, &text, mistake)),
        }
    }

    /// Parses `trigger`, an `ONBUILD` instruction of a base image, in a separate build stage.
    ///
    /// # Errors
    /// As [`Dockerfile::parse`].
    pub(crate) fn of_trigger(trigger: &str) -> Result<Self, DockerfileError> {
        Self::parse("ONBUILD", format!("FROM scratch\n{trigger}\n"))
    }

    /// The path shown in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The escape character: `\`, or the value of the `escape` directive.
    pub fn escape(&self) -> char {
        self.parsed.escape
    }

    /// The value of the `syntax` directive: the image of the frontend that reads the file.
    pub fn syntax(&self) -> Option<&str> {
        self.parsed.syntax.as_deref()
    }

    /// The image of a frontend other than Docker's own, if the `syntax` directive names one.
    pub(crate) fn foreign_frontend(&self) -> Option<&str> {
        self.syntax().filter(|syntax| !parse::is_docker_frontend(syntax))
    }

    /// The position and line of a `check` directive that turns BuildKit's warnings into errors (`# check=error=true`).
    pub(crate) fn strict_checks(&self) -> Option<(Range<usize>, usize)> {
        self.parsed.strict_checks.clone()
    }

    /// The `ARG` instructions before the first `FROM`.
    pub fn global_args(&self) -> &[Instruction] {
        &self.parsed.global
    }

    /// The build stages in file order.
    pub fn targets(&self) -> &[BuildStage] {
        &self.parsed.targets
    }

    /// The build stage that `target` selects; if several have the name, the last one, as in Docker.
    ///
    /// # Errors
    /// [`DockerfileError`] if it does not exist.
    pub fn target(&self, target: Option<&str>) -> Result<&BuildStage, DockerfileError> {
        Ok(&self.parsed.targets[self.target_index(target)?])
    }

    pub(crate) fn target_index(&self, target: Option<&str>) -> Result<usize, DockerfileError> {
        let targets = &self.parsed.targets;
        let Some(last) = targets.len().checked_sub(1) else {
            return Err(DockerfileError::NoTargets { file: self.name.to_string() });
        };
        let Some(wanted) = target.filter(|target| !target.is_empty()) else { return Ok(last) };
        let lower = wanted.to_lowercase();
        targets
            .iter()
            .rposition(|target| target.name() == Some(lower.as_str()))
            .or_else(|| wanted.parse().ok().filter(|index| *index <= last))
            .ok_or_else(|| DockerfileError::unknown_target(self, wanted))
    }

    /// The place of the bytes `range` of the Dockerfile: `Dockerfile:3`.
    pub(crate) fn place(&self, range: &Range<usize>) -> String {
        let before = self.text.get(..range.start).unwrap_or_default();
        format!("{}:{}", self.name, before.matches('\n').count() + 1)
    }

    /// The error at the bytes `range` of the Dockerfile.
    pub(crate) fn mistake(&self, range: Range<usize>, reason: String) -> DockerfileError {
        DockerfileError::at(&self.name, &self.text, source::Mistake { reason, range })
    }
}
