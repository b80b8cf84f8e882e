//! `windlass run`.

mod arguments;
mod invoke;
mod runtime_variables;
mod shell_command;
mod unknown;

use std::ffi::OsString;

use clap::{Args, Subcommand};

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_to_run, warn};
use super::pipeline_run::run_pipeline;
use crate::command::cli::GlobalOptions;
use crate::process::ProcessError;
use shell_command::Ambiguous;

pub(super) use invoke::{Invoked, invoke, pipelines, told};
pub(super) use unknown::UnknownName;

/// The options of `windlass run`.
#[derive(Debug, Args)]
#[command(
    override_usage = "windlass run [OPTIONS] <NAME> [ARGS]...",
    disable_help_subcommand = true,
    after_help = "\
A pipeline is a public function in windlass.rhai, or in windlass.<profile>.rhai, whose
first parameter is `project`. Its doc comment sets the types of the other parameters,
and becomes its --help:

    /// Builds all images and tags them with a version.
    ///
    /// @param version string The version: 1.4.0
    /// @param channel \"stable\"|\"beta\" = \"stable\" The release channel
    fn release(project, version, channel) {
        for image in project.images {
            build_image(image.with_tags([version, channel]));
        }
    }

Examples:
  windlass run release 1.4.0                    call the pipeline
  windlass run release 1.4.0 --channel beta     call it with an optional parameter
  windlass run release --help                   show its parameters
  windlass plan release 1.4.0                   show what it would do
  windlass run migrate --dry-run                run a command of devspace.yaml; it receives
                                                all arguments after its name

A command of devspace.yaml runs in the system shell, in the project directory; its exit
code becomes the exit code of windlass."
)]
pub struct RunArgs {
    /// The pipeline or command, and its arguments.
    #[command(subcommand)]
    pub target: RunTarget,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}

/// The pipeline or command to run.
#[derive(Debug, Subcommand)]
pub enum RunTarget {
    /// Its name, and its arguments as written.
    #[command(external_subcommand)]
    Named(Vec<OsString>),
}

/// Runs a command of `devspace.yaml`, or calls a pipeline of the project.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images are reported here.
pub fn run(global: &GlobalOptions, args: &RunArgs) -> Result<ExitStatus, Failure> {
    let RunTarget::Named(words) = &args.target;
    let (name, arguments) =
        words.split_first().map_or(("".into(), &[][..]), |(name, rest)| (name.to_string_lossy(), rest));
    let loaded = load_to_run(global, &name)?;
    let all = pipelines(&loaded, &args.options)?;
    if let Some(command) = loaded.project.commands.get(&*name) {
        if let Some(pipeline) = all.own_pipeline(&name) {
            let (name, command) = (name.into_owned(), command.origin.clone());
            return Err(Failure::wrong_use(Ambiguous { name, command, pipeline: pipeline.place() }));
        }
        if global.no_exec {
            return Err(Failure::failed(ProcessError::Forbidden { command: command.command.clone() }));
        }
        for message in shell_command::functions_of_devspace(command) {
            warn(&message, global);
        }
        let command = runtime_variables::filled(command, global)?;
        return shell_command::run(&command, arguments, &loaded.project.root, &loaded.environment);
    }
    match invoke::<PipelineOptions>("run", &name, arguments, (global, &args.options), (loaded, all)) {
        Ok(Invoked { parsed, loaded, call }) => run_pipeline(&parsed.global, &parsed.options, loaded, call),
        Err(stop) => stop.told(),
    }
}
