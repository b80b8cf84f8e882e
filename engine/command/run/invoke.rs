//! A pipeline of the project, called from the command line.

use std::ffi::OsString;

use clap::Args;

use super::UnknownName;
use super::arguments::{self, InvalidArguments, Parsed};
use crate::command::PipelineOptions;
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load::load_project;
use crate::command::pipeline_run::PipelineCall;
use crate::config::Loaded;
use crate::script::{Pipeline, Signature};

/// A pipeline call from the command line.
pub struct Invoked<O> {
    /// The options, at any position.
    pub parsed: Parsed<O>,
    /// The project.
    pub loaded: Loaded,
    /// The function and its arguments.
    pub call: PipelineCall,
}

/// Parses the command line of windlass for the pipeline `name` among `all` of the project `loaded`; its command `verb`
/// has the options `O`. `rest` contains the arguments after the name, `before` the options before it.
///
/// # Errors
/// If the pipeline does not exist, or its parameters or arguments are invalid; [`Stop::Clap`] also for a help request.
pub fn invoke<O: Args + PartialEq + AsRef<PipelineOptions>>(
    verb: &str,
    name: &str,
    rest: &[OsString],
    before: (&GlobalOptions, &O),
    (loaded, all): (Loaded, Pipeline),
) -> Result<Invoked<O>, Stop> {
    let signature = signature(name, &loaded, &all, rest)?;
    let parse = |signature: &Signature| arguments::parse::<O>(verb, signature, std::env::args_os());
    let parsed = parse(&signature)?;
    if (&parsed.global, &parsed.options) == before {
        return Ok(Invoked::new(parsed, loaded, &signature));
    }
    // Options after the name, such as a profile, can select another project or other scripts.
    let loaded = load_project(&parsed.global)?;
    let all = pipelines(&loaded, parsed.options.as_ref())?;
    let signature = self::signature(name, &loaded, &all, rest)?;
    Ok(Invoked::new(parse(&signature)?, loaded, &signature))
}

/// Why a pipeline is not called.
#[derive(Debug)]
pub enum Stop {
    /// An error or a help request of clap.
    Clap(clap::Error),
    /// Any other error.
    Failure(Failure),
}

impl From<InvalidArguments> for Stop {
    fn from(invalid: InvalidArguments) -> Self {
        match invalid {
            InvalidArguments::Clap(error) => Self::Clap(error),
            InvalidArguments::Taken(error) => Self::Failure(Failure::wrong_use(error)),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Stop {
    /// The exit status for a help request or an error of clap, which is printed.
    ///
    /// # Errors
    /// Any other error.
    pub fn told(self) -> Result<ExitStatus, Failure> {
        match self {
            Self::Clap(error) => Ok(told(&error)),
            Self::Failure(failure) => Err(failure),
        }
    }
}

impl<O> Invoked<O> {
    fn new(parsed: Parsed<O>, loaded: Loaded, signature: &Signature) -> Self {
        let (pipeline, arguments) = (signature.name.clone(), parsed.arguments.clone());
        Self { parsed, loaded, call: PipelineCall { pipeline, arguments, ..PipelineCall::build(Vec::new()) } }
    }
}

/// The project's scripts, merged.
///
/// # Errors
/// If one of them cannot be read.
pub fn pipelines(loaded: &Loaded, options: &PipelineOptions) -> Result<Pipeline, Failure> {
    let files = options.scripts_of(&loaded.project)?;
    Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)
}

/// The signature of the pipeline `name`.
fn signature(name: &str, loaded: &Loaded, all: &Pipeline, rest: &[OsString]) -> Result<Signature, Failure> {
    let Some(pipeline) = all.own_pipeline(name) else {
        return Err(Failure::wrong_use(UnknownName::new(name, &loaded.project, all, rest)));
    };
    Signature::of(pipeline).map_err(Failure::wrong_use)
}

/// Prints the requested help, or the error in the command line.
pub fn told(stop: &clap::Error) -> ExitStatus {
    // A closed terminal cannot be reported.
    let _ = stop.print();
    if stop.use_stderr() { ExitStatus::WrongUse } else { ExitStatus::Done }
}
