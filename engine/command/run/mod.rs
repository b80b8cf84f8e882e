//! `windlass run`.

mod arguments;
mod unknown;

use std::ffi::OsString;

use clap::{Args, Subcommand};

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::{Call, run_pipeline};
use crate::cli::GlobalOptions;
use crate::config::Loaded;
use crate::script::{Pipeline, Signature};
use arguments::Parsed;
use unknown::UnknownName;

/// The options of `windlass run`.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass run [OPTIONS] <NAME> [ARGS]...",
    disable_help_subcommand = true,
    after_help = "\
A pipeline is a public function of windlass.rhai, or of the profile's
windlass.<profile>.rhai, that takes `project` first. Its doc comment types the
others, and makes its --help:

    /// Builds everything and gives it a version.
    ///
    /// @param version string The version: 1.4.0
    /// @param channel \"stable\"|\"beta\" = \"stable\" Who gets it
    fn release(project, version, channel) {
        for image in project.images {
            build_image(image.with_tags([version, channel]));
        }
    }

Examples:
  windlass run release 1.4.0                    call it
  windlass run release 1.4.0 --channel beta     with an optional parameter
  windlass run release 1.4.0 --skip-push        with an option of every pipeline
  windlass run release --help                   what it takes
  windlass list pipelines                       what there is"
)]
pub struct RunArgs {
    /// The pipeline, and what it gets.
    #[command(subcommand)]
    pub target: Target,

    /// What every pipeline understands.
    #[command(flatten)]
    pub options: PipelineOptions,
}

/// What is run.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Its name, and its arguments as they are written.
    #[command(external_subcommand)]
    Named(Vec<OsString>),
}

/// Calls a pipeline of the project.
///
/// # Errors
/// When the configuration, a script or the command line is wrong. What goes wrong with images is reported here.
pub fn run(global: &GlobalOptions, args: &RunArgs) -> Result<ExitStatus, Failure> {
    let Target::Named(words) = &args.target;
    let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let loaded = load_project(global)?;
    let (signature, pipelines) = find(&loaded, &args.options, &name)?;
    let Some(signature) = signature else {
        return Err(Failure::wrong_use(UnknownName::new(&name, &pipelines, words)));
    };
    let parsed = match arguments::parse(&signature, std::env::args_os()).map_err(Failure::wrong_use)? {
        Ok(parsed) => parsed,
        Err(stop) => return Ok(told(&stop)),
    };
    if parsed.global == *global && parsed.options == args.options {
        return call(&parsed, loaded, &signature);
    }
    // Options after the name, such as a profile, may choose another project or other scripts.
    let loaded = load_project(&parsed.global)?;
    let (signature, pipelines) = find(&loaded, &parsed.options, &name)?;
    let Some(signature) = signature else {
        return Err(Failure::wrong_use(UnknownName::new(&name, &pipelines, words)));
    };
    match arguments::parse(&signature, std::env::args_os()).map_err(Failure::wrong_use)? {
        Ok(parsed) => call(&parsed, loaded, &signature),
        Err(stop) => Ok(told(&stop)),
    }
}

/// The signature of the pipeline `name`, and the names of all.
fn find(
    loaded: &Loaded,
    options: &PipelineOptions,
    name: &str,
) -> Result<(Option<Signature>, Vec<String>), Failure> {
    let files = options.scripts_of(&loaded.project)?;
    let pipeline = Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)?;
    let own = pipeline.own_pipelines();
    let found = own.iter().find(|function| function.name == name);
    let signature = found.map(|function| Signature::of(function)).transpose().map_err(Failure::wrong_use)?;
    Ok((signature, own.iter().map(|function| function.name.clone()).collect()))
}

fn call(parsed: &Parsed, loaded: Loaded, signature: &Signature) -> Result<ExitStatus, Failure> {
    let (pipeline, arguments) = (signature.name.clone(), parsed.arguments.clone());
    run_pipeline(&parsed.global, &parsed.options, loaded, Call { pipeline, arguments, images: Vec::new() })
}

/// Prints the help that was asked for, or what is wrong with the command line.
fn told(stop: &clap::Error) -> ExitStatus {
    // Nobody is left to tell when the terminal is gone.
    let _ = stop.print();
    if stop.use_stderr() { ExitStatus::WrongUse } else { ExitStatus::Done }
}
