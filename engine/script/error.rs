//! The error that stopped a script: the cause, and the places of the call chain.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};
use rhai::{EvalAltResult, ParseError};

use super::cause::{Cause, kind, lower_first};
use super::pipeline::{MERGED, is_closure};
use super::syntax_help::{last_word, syntax_help};
use super::trace::{Excerpt, ScriptLocation};
use super::{Function, Pipeline, ScriptFile};
use crate::error::{ErrorKind, StageError};

/// The error that stopped a script.
#[derive(Debug)]
pub enum ScriptError {
    /// A script file cannot be read.
    Unreadable {
        /// Its name.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A script is not valid Rhai.
    Syntax {
        /// The message.
        message: String,
        /// The file.
        file: String,
        /// The hint, if known.
        help: Option<String>,
        /// Its lines.
        excerpt: Box<Excerpt>,
    },
    /// The script stopped with an error.
    Stopped {
        /// The error of the stage, if a stage failed; otherwise the error of Rhai.
        cause: Cause,
        /// The lines of the call chain, the innermost first; empty if a stage failed and all lines are built in.
        excerpts: Vec<Excerpt>,
    },
    /// The run was cancelled.
    Cancelled,
}

impl ScriptError {
    /// A file that does not compile.
    pub(super) fn syntax(file: &ScriptFile, error: ParseError) -> Self {
        let place = ScriptLocation::new("", file, error.1);
        let excerpt = Excerpt::one(file.name.to_string(), &place, "here".to_owned());
        let message = error.0.to_string();
        let (before, after) = place.around();
        let help = syntax_help(&message, before, after);
        Self::Syntax { message, file: file.name.to_string(), help, excerpt: Box::new(excerpt) }
    }

    /// An error of a call into `pipeline`, of its function `called`; `""` for a closure.
    pub(crate) fn of_call(pipeline: &Pipeline, called: &str, error: EvalAltResult) -> Self {
        let mut places = Vec::new();
        let mut error = error;
        // The function, and the file name from Rhai, around the current position.
        let mut around = (called.to_owned(), MERGED.to_owned());
        loop {
            push_place(pipeline, &mut places, &around, &error);
            match error {
                EvalAltResult::ErrorInFunctionCall(name, source, inner, _) => {
                    around = (name, source);
                    error = *inner;
                }
                EvalAltResult::ErrorInModule(file, inner, _) => {
                    around = (String::new(), file);
                    error = *inner;
                }
                EvalAltResult::ErrorTerminated(..) => return Self::Cancelled,
                error => {
                    places.reverse();
                    if places.is_empty() {
                        places.extend(closure(pipeline, &error));
                    }
                    return match Cause::of(pipeline, error, places.first()) {
                        Cause::Stage(stage) if stage.kind() == ErrorKind::Cancelled => Self::Cancelled,
                        cause => Self::stopped(pipeline, cause, &places),
                    };
                }
            }
        }
    }

    /// An error before any script ran.
    pub fn of_stage(error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self::Stopped { cause: Cause::Stage(error.into()), excerpts: Vec::new() }
    }

    /// An error of a stage before any script ran.
    pub(crate) fn of_stage_error(error: StageError) -> Self {
        Self::Stopped { cause: Cause::Stage(error), excerpts: Vec::new() }
    }

    fn stopped(pipeline: &Pipeline, cause: Cause, places: &[ScriptLocation]) -> Self {
        let mut excerpts = match &cause {
            Cause::Script { code, .. } if code == "script::too_deep" => recursive(pipeline),
            cause if cause.is_wrong_script() => suspects(pipeline, &cause.to_string(), places),
            _ => Vec::new(),
        };
        let is_users = !excerpts.is_empty() || places.iter().any(|place| !place.is_built_in());
        if is_users || matches!(cause, Cause::Script { .. }) {
            excerpts.extend(Excerpt::chain(places, !excerpts.is_empty()));
        }
        Self::Stopped { cause, excerpts }
    }

    /// The function `name` returned a value of the type `found` instead of `wanted`.
    pub(super) fn wrong_result(pipeline: &Pipeline, name: &str, wanted: &str, found: &str) -> Self {
        let functions = users_functions(pipeline).into_iter().filter(|(function, _)| function.name == name);
        let excerpts = functions.map(|(function, place)| result_of(function, &place)).collect();
        let cause = Cause::Script {
            message: format!("`{name}` must return {wanted}, not {}", kind(found)),
            code: "script::wrong_type".to_owned(),
            help: (found == "()")
                .then(|| "a function returns its last expression, unless a `;` ends it".to_owned()),
            is_thrown: false,
        };
        Self::Stopped { cause, excerpts }
    }

    /// Whether it only summarizes errors of images and dependencies, which are reported themselves.
    pub fn is_summary(&self) -> bool {
        self.stage().is_some_and(|stage| stage.kind() == ErrorKind::Summary)
            || matches!(self, Self::Cancelled)
    }

    /// Whether the script itself has an error, instead of the action that it tried.
    pub fn is_wrong_script(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Syntax { .. } => true,
            Self::Stopped { cause, .. } => cause.is_wrong_script(),
            Self::Cancelled => false,
        }
    }

    /// The error of the stage, if a stage stopped the script.
    pub fn stage(&self) -> Option<&StageError> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } => Some(stage),
            _ => None,
        }
    }
}

impl From<StageError> for ScriptError {
    fn from(stage: StageError) -> Self {
        Self::Stopped { cause: Cause::Stage(stage), excerpts: Vec::new() }
    }
}

/// The user's functions whose results made the built-in script fail: those that the line of the innermost place calls,
/// or only the one that `message` names. They have returned, so the call chain does not contain them.
fn suspects(pipeline: &Pipeline, message: &str, places: &[ScriptLocation]) -> Vec<Excerpt> {
    let Some(innermost) = places.first().filter(|place| place.is_built_in()) else { return Vec::new() };
    let mut suspects = users_functions(pipeline);
    // A value is mostly named like the function that made it.
    let (before, _) = innermost.around();
    let value = before.strip_suffix('.').map(last_word).unwrap_or_default();
    let maker = if value == "result" { "publish" } else { value };
    suspects.retain(|(function, _)| calls(innermost.line(), &function.name) || function.name == maker);
    let is_named = |function: &Function| message.contains(&format!("`{}`", function.name));
    if suspects.iter().any(|(function, _)| is_named(function)) {
        suspects.retain(|(function, _)| is_named(function));
    }
    suspects.iter().map(|(function, place)| result_of(function, place)).collect()
}

/// Shows the function whose result is wrong.
fn result_of(function: &Function, place: &ScriptLocation) -> Excerpt {
    let title = format!("the result of `{}`, from {}", function.name, function.file.name);
    Excerpt::one(title, place, "what this returns".to_owned())
}

/// The place of the closure that cannot be called according to `error`: its caller is not a script.
fn closure(pipeline: &Pipeline, error: &EvalAltResult) -> Option<ScriptLocation> {
    let EvalAltResult::ErrorFunctionNotFound(signature, _) = error else { return None };
    let name = signature.split([' ', '(']).next().filter(|name| is_closure(name))?;
    pipeline.named(name).next().map(ScriptLocation::of_closure)
}

/// The user's functions that call themselves.
fn recursive(pipeline: &Pipeline) -> Vec<Excerpt> {
    let mut functions = users_functions(pipeline);
    functions.retain(|(function, place)| {
        let is_next = |line: &&str| !line.starts_with("fn ") && !line.starts_with("private fn ");
        place.rest().lines().take_while(is_next).any(|line| calls(line, &function.name))
    });
    let excerpt = |(function, place): &(&Function, ScriptLocation)| {
        let title = format!("`{}` calls itself, in {}", function.name, function.file.name);
        Excerpt::one(title, place, "this calls itself".to_owned())
    };
    functions.iter().map(excerpt).collect()
}

/// The functions of the user, by name, with their places.
fn users_functions(pipeline: &Pipeline) -> Vec<(&Function, ScriptLocation)> {
    let users = pipeline.functions().filter(|function| !function.file.is_built_in());
    let mut functions: Vec<_> = users
        .filter_map(|function| Some((function, ScriptLocation::definition(&function.name, &function.file)?)))
        .collect();
    functions.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    functions
}

/// Whether `line` calls the function `name` of the pipeline.
fn calls(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(start, _)| {
        let before = &line[..start];
        let is_part = before.ends_with(|char: char| char.is_alphanumeric() || "_.:".contains(char));
        !is_part && before.trim_end() != "fn" && line[start + name.len()..].starts_with('(')
    })
}

/// Adds the place at which `error` happened, inside the function and file `around`.
fn push_place(
    pipeline: &Pipeline,
    places: &mut Vec<ScriptLocation>,
    around: &(String, String),
    error: &EvalAltResult,
) {
    let position = error.position();
    if position.is_none() {
        return;
    }
    let (function, source) = around;
    // Rhai names the caller's file for a closure, and none for a merged function or at the top of a merged file.
    if let Some(file) = pipeline.replaced_file(source, function) {
        places.push(ScriptLocation::new(function, file, position));
        return;
    }
    let is_merged = source == MERGED || source.is_empty() || is_closure(function);
    if is_merged && let Some(file) = importer(pipeline, error) {
        places.push(ScriptLocation::new("", file, position));
        return;
    }
    let merged = is_merged.then(|| pipeline.named(function).map(|function| &function.file).next()).flatten();
    let named = || pipeline.files().iter().find(|file| *file.name == **source);
    if let Some(file) = merged.or_else(named) {
        places.push(ScriptLocation::new(function, file, position));
    } else if let Some(file) = pipeline.module_file(source) {
        places.push(ScriptLocation::new(function, &file, position));
    }
}

/// The merged file whose `import` failed with `error`.
fn importer<'a>(pipeline: &'a Pipeline, error: &EvalAltResult) -> Option<&'a ScriptFile> {
    let (EvalAltResult::ErrorModuleNotFound(path, position)
    | EvalAltResult::ErrorInModule(path, _, position)) = error
    else {
        return None;
    };
    let name = path.trim_end_matches(".rhai").rsplit('/').next().unwrap_or_default();
    let imports = |file: &&ScriptFile| {
        let place = ScriptLocation::new("", file, *position);
        place.line().trim_start().starts_with("import") && place.line().contains(name)
    };
    pipeline.files().iter().rev().find(imports)
}

impl fmt::Display for ScriptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, source } => {
                write!(formatter, "cannot read the script `{file}`: {source}")
            }
            Self::Syntax { message, file, .. } => {
                write!(formatter, "cannot read the script `{file}`: {}", lower_first(message))
            }
            Self::Stopped { cause, .. } => cause.fmt(formatter),
            Self::Cancelled => formatter.write_str("the run was cancelled"),
        }
    }
}

impl std::error::Error for ScriptError {}

impl Diagnostic for ScriptError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreadable { .. } => Some(Box::new("script::unreadable")),
            Self::Syntax { .. } => Some(Box::new("script::syntax")),
            Self::Stopped { cause: Cause::Stage(stage), .. } => stage.diagnostic().code(),
            Self::Stopped { cause: Cause::Script { code, .. }, .. } => Some(Box::new(code)),
            Self::Cancelled => Some(Box::new("run::cancelled")),
        }
    }

    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } => stage.diagnostic().help(),
            Self::Syntax { help, .. } | Self::Stopped { cause: Cause::Script { help, .. }, .. } => {
                help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
            }
            Self::Unreadable { .. } => {
                Some(Box::new("check that it is UTF-8 text; `--script` is relative to the working directory"))
            }
            _ => None,
        }
    }

    /// The source of a stage, such as a Dockerfile, comes first; the script follows as related diagnostics.
    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } if has_source(stage) => {
                stage.diagnostic().source_code()
            }
            _ => self.main_excerpt()?.source_code(),
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } if has_source(stage) => {
                stage.diagnostic().labels()
            }
            _ => self.main_excerpt()?.labels(),
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let Self::Stopped { cause, excerpts } = self else { return None };
        let stage = match cause {
            Cause::Stage(stage) => Some(stage),
            Cause::Script { .. } => None,
        };
        let skipped = usize::from(!stage.is_some_and(has_source));
        let excerpts = excerpts.iter().skip(skipped).map(|excerpt| excerpt as &dyn Diagnostic);
        let of_stage = stage.and_then(|stage| stage.diagnostic().related()).into_iter().flatten();
        Some(Box::new(of_stage.chain(excerpts)))
    }
}

impl ScriptError {
    /// The lines shown with the message itself.
    fn main_excerpt(&self) -> Option<&Excerpt> {
        match self {
            Self::Syntax { excerpt, .. } => Some(excerpt),
            Self::Stopped { excerpts, .. } => excerpts.first(),
            Self::Unreadable { .. } | Self::Cancelled => None,
        }
    }
}

fn has_source(stage: &StageError) -> bool {
    stage.diagnostic().source_code().is_some()
}
