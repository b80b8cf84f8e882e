//! `windlass build`.

use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::{PipelineCall, run_pipeline};
use crate::command::cli::{BuildCommandArgs, GlobalOptions};

/// Runs the function `build` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images are reported here.
pub fn build(global: &GlobalOptions, args: &BuildCommandArgs) -> Result<ExitStatus, Failure> {
    run_pipeline(global, &args.options, load_project(global)?, PipelineCall::build(args.images.clone()))
}
