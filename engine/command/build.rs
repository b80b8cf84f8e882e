//! `windlass build`.

use super::PipelineOptions;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pass_kind::{Cause, PassKind};
use super::pipeline_run::{PipelineCall, report_nothing, run_pipeline};
use super::since::Affected;
use super::watch_loop::watch_loop;
use crate::command::cli::{BuildCommandArgs, GlobalOptions};

/// Runs the function `build` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images are reported here.
pub fn build(global: &GlobalOptions, args: &BuildCommandArgs) -> Result<ExitStatus, Failure> {
    let options = &PipelineOptions { ci: args.ci.clone(), ..args.options.clone() };
    if let Some(reference) = &args.since {
        let affected = Affected::new(global, options, reference, &args.images)?;
        if affected.end != ExitStatus::Done {
            return Ok(affected.end);
        }
        let summary = affected.summary();
        let names: Vec<_> = affected.images.into_iter().map(|image| image.image).collect();
        if names.is_empty() {
            return report_nothing(global, options, &affected.loaded.project, &summary);
        }
        if !global.silent {
            eprintln!("{summary}");
        }
        return run_pipeline(global, options, affected.loaded, PipelineCall::build(names));
    }
    let loaded = load_project(global)?;
    if args.watch {
        return watch_loop(global, options, loaded, &mut Builds(&args.images));
    }
    run_pipeline(global, options, loaded, PipelineCall::build(args.images.clone()))
}

/// Passes that build these images, or all.
struct Builds<'a>(&'a [String]);

impl PassKind for Builds<'_> {
    fn call(&self, cause: &Cause) -> PipelineCall {
        PipelineCall::build(match cause {
            Cause::Images(images) => images.clone(),
            Cause::Start | Cause::Settings | Cause::Asked(_) => self.0.to_vec(),
        })
    }
}
