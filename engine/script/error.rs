//! What stopped a script: the cause, and the places of the call chain.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};
use rhai::{EvalAltResult, ParseError, Position};

use super::pipeline::{MERGED, is_closure};
use super::{Pipeline, ScriptFile, StageError};
use crate::suggestion::nearest;

/// What stopped a script.
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
        /// What is wrong.
        message: String,
        /// The place.
        place: Box<Place>,
    },
    /// The script stopped with an error.
    Stopped {
        /// The stage's error, when a stage failed; else what Rhai says.
        cause: Cause,
        /// The places of the call chain, the innermost first.
        places: Vec<Place>,
    },
    /// The run was cancelled.
    Cancelled,
}

/// Why a script stopped.
#[derive(Debug)]
pub enum Cause {
    /// A stage failed.
    Stage(StageError),
    /// The script itself is wrong, or threw something.
    Script {
        /// What happened.
        message: String,
        /// The code, as thrown by the script or ours.
        code: String,
        /// What to do.
        help: Option<String>,
    },
}

/// A place in a script.
#[derive(Debug, Clone)]
pub struct Place {
    /// The function around it; empty at the top of the file.
    pub function: String,
    source: NamedSource<String>,
    offset: usize,
    is_built_in: bool,
}

impl Place {
    fn new(function: &str, file: &ScriptFile, position: Position) -> Self {
        let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        Self {
            function: function.to_owned(),
            source: NamedSource::new(&*file.name, file.text.to_string()).with_language("Rust"),
            offset: file.offset(line, column),
            is_built_in: file.is_built_in(),
        }
    }

    fn file(&self) -> &str {
        self.source.name()
    }
}

impl ScriptError {
    /// A file that does not compile.
    pub(super) fn syntax(file: &ScriptFile, error: ParseError) -> Self {
        Self::Syntax { message: error.0.to_string(), place: Box::new(Place::new("", file, error.1)) }
    }

    /// An error of a call into `pipeline`.
    pub(crate) fn of_call(pipeline: &Pipeline, error: EvalAltResult) -> Self {
        let mut places = Vec::new();
        let mut error = error;
        // The function, and the file name Rhai gives, around the position at hand.
        let mut around = (String::new(), MERGED.to_owned());
        loop {
            let position = error.position();
            match error {
                EvalAltResult::ErrorInFunctionCall(name, source, inner, _) => {
                    push_place(pipeline, &mut places, &around, position);
                    around = (name, source);
                    error = *inner;
                }
                EvalAltResult::ErrorInModule(path, inner, _) => {
                    push_place(pipeline, &mut places, &around, position);
                    around = (String::new(), format!("{path}.rhai"));
                    error = *inner;
                }
                EvalAltResult::ErrorTerminated(..) => return Self::Cancelled,
                error => {
                    push_place(pipeline, &mut places, &around, position);
                    places.reverse();
                    return match Cause::of(pipeline, error) {
                        Cause::Stage(stage) if stage.code() == "run::cancelled" => Self::Cancelled,
                        cause => Self::Stopped { cause, places },
                    };
                }
            }
        }
    }

    /// An error before any script ran.
    pub fn of_stage(error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self::Stopped { cause: Cause::Stage(error.into()), places: Vec::new() }
    }

    /// Whether the script itself is wrong, rather than what it tried to do.
    pub fn is_wrong_script(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Syntax { .. } => true,
            Self::Stopped { cause: Cause::Stage(stage), .. } => stage.code().starts_with("script::"),
            Self::Stopped { cause: Cause::Script { code, .. }, .. } => code != "script::thrown",
            Self::Cancelled => false,
        }
    }

    /// The stage's error, when a stage stopped the script.
    pub fn stage(&self) -> Option<&StageError> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } => Some(stage),
            _ => None,
        }
    }

    /// The places worth showing: all, unless the user wrote none of these scripts and a stage failed.
    fn shown_places(&self) -> &[Place] {
        match self {
            Self::Syntax { place, .. } => std::slice::from_ref(place),
            Self::Stopped { cause: Cause::Stage(_), places }
                if places.iter().all(|place| place.is_built_in) =>
            {
                &[]
            }
            Self::Stopped { places, .. } => places,
            Self::Unreadable { .. } | Self::Cancelled => &[],
        }
    }
}

fn push_place(pipeline: &Pipeline, places: &mut Vec<Place>, around: &(String, String), position: Position) {
    if position.is_none() {
        return;
    }
    let (function, source) = around;
    let merged = (source == MERGED || source.is_empty())
        .then(|| pipeline.named(function).map(|function| &function.file).next())
        .flatten();
    let named = || pipeline.files().iter().find(|file| *file.name == **source);
    if let Some(file) = merged.or_else(named) {
        places.push(Place::new(function, file, position));
    } else if let Some(file) = pipeline.module_file(source) {
        places.push(Place::new(function, &file, position));
    }
}

impl Cause {
    fn of(pipeline: &Pipeline, error: EvalAltResult) -> Self {
        let script = |message: String, code: &str, help: Option<String>| Self::Script {
            message,
            code: code.to_owned(),
            help,
        };
        match error {
            EvalAltResult::ErrorRuntime(value, _) => {
                if let Some(stage) = value.read_lock::<StageError>() {
                    return Self::Stage(stage.clone());
                }
                let text = |key: &str| {
                    let map = value.read_lock::<rhai::Map>()?;
                    map.get(key).map(ToString::to_string)
                };
                let message = text("message").unwrap_or_else(|| value.to_string());
                let code = text("code").unwrap_or_else(|| "script::thrown".to_owned());
                Self::Script { message, code, help: text("help") }
            }
            EvalAltResult::ErrorFunctionNotFound(signature, _) => {
                let name = signature.split(['(', ' ']).next().unwrap_or_default().to_owned();
                let others: Vec<_> = pipeline.named(&name).map(|found| found.parameters.join(", ")).collect();
                let help = if others.is_empty() {
                    let names: Vec<_> = pipeline.functions().map(|function| function.name.clone()).collect();
                    let stages = super::stage::names();
                    let known = names.iter().map(String::as_str).chain(stages.iter().map(String::as_str));
                    nearest(&name, known.filter(|known| *known != name))
                        .map(|known| format!("did you mean `{known}`?"))
                        .or_else(|| stages.contains(&name).then(|| format!("`{name}` takes other arguments")))
                } else {
                    Some(format!("it is defined as `{name}({})`", others.join(")`, `(")))
                };
                script(format!("there is no function `{signature}`"), "script::unknown_function", help)
            }
            EvalAltResult::ErrorModuleNotFound(path, _) => script(
                format!("cannot find the module `{path}`"),
                "script::module_not_found",
                Some("modules lie inside the project: `import \"lib/x\"` reads lib/x.rhai".to_owned()),
            ),
            EvalAltResult::ErrorMismatchOutputType(wanted, found, _) => {
                script(format!("expected {wanted}, found {found}"), "script::wrong_type", None)
            }
            EvalAltResult::ErrorStackOverflow(_) => {
                script("functions call each other too deeply".to_owned(), "script::too_deep", None)
            }
            mut error => {
                error.clear_position();
                script(lower_first(&error.to_string()), "script::failed", None)
            }
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

impl fmt::Display for ScriptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, source } => {
                write!(formatter, "cannot read the script `{file}`: {source}")
            }
            Self::Syntax { message, place } => {
                write!(formatter, "cannot read the script `{}`: {}", place.file(), lower_first(message))
            }
            Self::Stopped { cause: Cause::Stage(stage), .. } => stage.fmt(formatter),
            Self::Stopped { cause: Cause::Script { message, .. }, .. } => formatter.write_str(message),
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
            Self::Stopped { cause: Cause::Script { help, .. }, .. } => {
                help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
            }
            _ => None,
        }
    }

    /// A stage's own source (a Dockerfile, say) comes first; the script follows as a related diagnostic.
    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } => stage.diagnostic().source_code(),
            _ => self.shown_places().first().map(|place| &place.source as &dyn SourceCode),
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self {
            Self::Stopped { cause: Cause::Stage(stage), .. } => stage.diagnostic().labels(),
            _ => {
                let places = self.shown_places();
                let file = places.first()?.file();
                let labels = places.iter().take_while(move |place| place.file() == file).enumerate();
                Some(Box::new(labels.map(|(depth, place)| label(depth, place))))
            }
        }
    }
}

fn label(depth: usize, place: &Place) -> LabeledSpan {
    let text = match (depth, place.function.is_empty() || is_closure(&place.function)) {
        (0, _) => "here".to_owned(),
        (_, true) => "called here".to_owned(),
        (_, false) => format!("called here, in `{}`", place.function),
    };
    LabeledSpan::new(Some(text), place.offset, 1)
}
