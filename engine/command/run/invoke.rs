//! A pipeline of the project, called for on the command line.

use std::ffi::OsString;

use clap::Args;

use super::UnknownName;
use super::arguments::{self, Parsed};
use crate::cli::GlobalOptions;
use crate::command::PipelineOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load::load_project;
use crate::command::pipeline_run::Call;
use crate::config::Loaded;
use crate::script::{Pipeline, Signature};

/// A pipeline that the command line calls for.
pub struct Invoked<O> {
    /// The options, wherever they stand.
    pub parsed: Parsed<O>,
    /// The project.
    pub loaded: Loaded,
    /// The function, and what it gets.
    pub call: Call,
}

/// Reads the command line of windlass, whose command `verb` has the options `O`, for the pipeline `name` among `all`
/// of the project `loaded`. `rest` is what stands behind the name, `before` the options as far as they stand in front
/// of it. The inner error is clap's, help included.
///
/// # Errors
/// When there is no such pipeline, or its parameters are wrong.
pub fn invoke<O: Args + PartialEq + AsRef<PipelineOptions>>(
    verb: &str,
    name: &str,
    rest: &[OsString],
    before: (&GlobalOptions, &O),
    (loaded, all): (Loaded, Pipeline),
) -> Result<Result<Invoked<O>, clap::Error>, Failure> {
    let signature = signature(name, &loaded, &all, rest)?;
    let parse = |signature: &Signature| {
        arguments::parse::<O>(verb, signature, std::env::args_os()).map_err(Failure::wrong_use)
    };
    let parsed = match parse(&signature)? {
        Ok(parsed) => parsed,
        Err(stop) => return Ok(Err(stop)),
    };
    if (&parsed.global, &parsed.options) == before {
        return Ok(Ok(Invoked::new(parsed, loaded, &signature)));
    }
    // Options after the name, such as a profile, may choose another project or other scripts.
    let loaded = load_project(&parsed.global)?;
    let all = pipelines(&loaded, parsed.options.as_ref())?;
    let signature = self::signature(name, &loaded, &all, rest)?;
    Ok(parse(&signature)?.map(|parsed| Invoked::new(parsed, loaded, &signature)))
}

impl<O> Invoked<O> {
    fn new(parsed: Parsed<O>, loaded: Loaded, signature: &Signature) -> Self {
        let (pipeline, arguments) = (signature.name.clone(), parsed.arguments.clone());
        Self { parsed, loaded, call: Call { pipeline, arguments, images: Vec::new() } }
    }
}

/// The project's scripts, merged.
///
/// # Errors
/// When one of them cannot be read.
pub fn pipelines(loaded: &Loaded, options: &PipelineOptions) -> Result<Pipeline, Failure> {
    let files = options.scripts_of(&loaded.project)?;
    Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)
}

/// What the pipeline `name` takes.
fn signature(name: &str, loaded: &Loaded, all: &Pipeline, rest: &[OsString]) -> Result<Signature, Failure> {
    let Some(pipeline) = all.own_pipeline(name) else {
        return Err(Failure::wrong_use(UnknownName::new(name, &loaded.project, all, rest)));
    };
    Signature::of(pipeline).map_err(Failure::wrong_use)
}

/// Prints the help that was asked for, or what is wrong with the command line.
pub fn told(stop: &clap::Error) -> ExitStatus {
    // Nobody is left to tell when the terminal is gone.
    let _ = stop.print();
    if stop.use_stderr() { ExitStatus::WrongUse } else { ExitStatus::Done }
}
