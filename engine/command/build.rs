//! `windlass build`.

use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::{Call, run_pipeline};
use crate::command::cli::{BuildArgs, GlobalOptions};

/// Runs the function `build` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images are reported here.
pub fn build(global: &GlobalOptions, args: &BuildArgs) -> Result<ExitStatus, Failure> {
    run_pipeline(global, &args.options, load_project(global)?, Call::build(args.images.clone()))
}
