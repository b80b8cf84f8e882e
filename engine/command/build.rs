//! `windlass build`.

use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_run::{PipelineCall, run_pipeline};
use super::watch_loop::watch_loop;
use crate::command::cli::{BuildCommandArgs, GlobalOptions};

/// Runs the function `build` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images are reported here.
pub fn build(global: &GlobalOptions, args: &BuildCommandArgs) -> Result<ExitStatus, Failure> {
    let (options, loaded) = (&args.options, load_project(global)?);
    if args.watch {
        let call =
            |images: Option<Vec<String>>| PipelineCall::build(images.unwrap_or_else(|| args.images.clone()));
        return watch_loop(global, options, loaded, &call);
    }
    run_pipeline(global, options, loaded, PipelineCall::build(args.images.clone()))
}
