//! `windlass run`.

mod arguments;
mod runtime_variables;
mod shell_command;
mod unknown;

use std::ffi::OsString;

use clap::{Args, Subcommand};

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_project, load_to_run, warn};
use super::pipeline_run::{Call, run_pipeline};
use crate::cli::GlobalOptions;
use crate::config::Loaded;
use crate::script::{Pipeline, Signature};
use arguments::Parsed;
use shell_command::Ambiguous;
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
  windlass list pipelines                       what there is
  windlass run migrate --dry-run                a command of devspace.yaml: it gets every
                                                word after its name

A command of devspace.yaml is run by the system's shell, in the project's folder; its
exit code becomes that of windlass."
)]
pub struct RunArgs {
    /// The pipeline or command, and what it gets.
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

/// Runs a command of `devspace.yaml`, or calls a pipeline of the project.
///
/// # Errors
/// When the configuration, a script or the command line is wrong. What goes wrong with images is reported here.
pub fn run(global: &GlobalOptions, args: &RunArgs) -> Result<ExitStatus, Failure> {
    let Target::Named(words) = &args.target;
    let (name, arguments) =
        words.split_first().map_or(("".into(), &[][..]), |(name, rest)| (name.to_string_lossy(), rest));
    let loaded = load_to_run(global, &name)?;
    let pipelines = pipelines(&loaded, &args.options)?;
    let pipeline = pipelines.own_pipeline(&name);
    if let Some(command) = loaded.project.commands.get(&*name) {
        if let Some(pipeline) = pipeline {
            let (name, command) = (name.into_owned(), command.origin.clone());
            return Err(Failure::wrong_use(Ambiguous { name, command, pipeline: pipeline.place() }));
        }
        for message in shell_command::functions_of_devspace(command) {
            warn(&message, global);
        }
        let command = runtime_variables::filled(command, global)?;
        return shell_command::run(&command, arguments, &loaded.project.root, &loaded.environment);
    }
    let Some(pipeline) = pipeline else {
        return Err(Failure::wrong_use(UnknownName::new(&name, &loaded.project, &pipelines, arguments)));
    };
    let signature = Signature::of(pipeline).map_err(Failure::wrong_use)?;
    let parsed = match arguments::parse(&signature, std::env::args_os()).map_err(Failure::wrong_use)? {
        Ok(parsed) => parsed,
        Err(stop) => return Ok(told(&stop)),
    };
    if parsed.global == *global && parsed.options == args.options {
        return call(&parsed, loaded, &signature);
    }
    // Options after the name, such as a profile, may choose another project or other scripts.
    let loaded = load_project(&parsed.global)?;
    let pipelines = self::pipelines(&loaded, &parsed.options)?;
    let Some(pipeline) = pipelines.own_pipeline(&name) else {
        return Err(Failure::wrong_use(UnknownName::new(&name, &loaded.project, &pipelines, arguments)));
    };
    let signature = Signature::of(pipeline).map_err(Failure::wrong_use)?;
    match arguments::parse(&signature, std::env::args_os()).map_err(Failure::wrong_use)? {
        Ok(parsed) => call(&parsed, loaded, &signature),
        Err(stop) => Ok(told(&stop)),
    }
}

/// The project's scripts, merged.
fn pipelines(loaded: &Loaded, options: &PipelineOptions) -> Result<Pipeline, Failure> {
    let files = options.scripts_of(&loaded.project)?;
    Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)
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
