//! `windlass deploy`.

use clap::Args;

use super::PipelineOptions;
use super::deploy_options::DeployFlags;
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_project, warn};
use super::pipeline_run::{PipelineCall, run_pipeline_then};
use crate::command::cli::GlobalOptions;
use crate::rollout;

/// The options of `windlass deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Windlass builds the images that changed, inserts their tags into charts and manifests
in memory, deploys what differs from the cluster, and waits until it runs.

Manifests are applied by server-side apply; objects that have left them are deleted,
except volume claims, namespaces and custom resource definitions. Charts are deployed
by helm 3.8 or newer.

Examples:
  windlass deploy                     build and deploy everything
  windlass deploy web --skip-build    deploy only `web`, with the last builds
  windlass deploy -n staging -t 1.4.0 deploy to another namespace, with the tag `1.4.0`
  windlass deploy --timeout 60        wait at most a minute until everything runs
  windlass plan deploy                show what would be deployed, and why")]
pub struct DeployArgs {
    /// The deployments, and how to deploy them.
    #[command(flatten)]
    pub deploy: DeployFlags,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}

/// Runs the function `deploy` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images and deployments are reported here.
pub fn deploy(global: &GlobalOptions, args: &DeployArgs) -> Result<ExitStatus, Failure> {
    let names = args.deploy.names();
    let loaded = load_project(global)?;
    rollout::selected(&loaded.project, &names).map_err(Failure::wrong_use)?;
    let is_complete = names.is_empty();
    let call = PipelineCall {
        pipeline: "deploy".to_owned(),
        deployments: names,
        skip_build: args.deploy.skip_build,
        deploy: args.deploy.options(),
        ..PipelineCall::build(Vec::new())
    };
    run_pipeline_then(global, &args.options, loaded, call, |execution| {
        if is_complete {
            for image in rollout::unused_images(&execution.run, &execution.rollouts()) {
                warn(&image.to_string(), global);
            }
        }
        Ok(ExitStatus::Done)
    })
}
