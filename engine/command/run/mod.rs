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
use crate::cli::GlobalOptions;
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
  windlass run release --help                   what it takes
  windlass plan release 1.4.0                   what it would do, without doing it
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
    match invoke::<PipelineOptions>("run", &name, arguments, (global, &args.options), (loaded, all))? {
        Ok(Invoked { parsed, loaded, call }) => run_pipeline(&parsed.global, &parsed.options, loaded, call),
        Err(stop) => Ok(told(&stop)),
    }
}
