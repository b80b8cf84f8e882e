//! `windlass deploy`.

use std::path::PathBuf;

use clap::Args;

use super::PipelineOptions;
use super::build_result::BuildResult;
use super::deploy_options::{DeployFlags, NO_DEPLOYMENTS};
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_project, warn};
use super::pipeline_run::{PipelineCall, run_pipeline_between};
use crate::command::cli::GlobalOptions;
use crate::rollout;
use crate::run::DeployOptions;
use crate::script::Execution;
use crate::state::TargetStore;

/// The options of `windlass deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Windlass builds the images that changed, inserts their tags into charts and manifests
in memory, deploys what differs from the cluster, and waits until it runs. Objects that are
no longer in the manifests are deleted, except volume claims, namespaces and definitions.

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

    /// Deploy a build result, or `-` for stdin, instead of building
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,

    /// Accept a result that was built from another commit
    #[arg(long, requires = "from")]
    pub any_commit: bool,

    /// Deploy to the context and namespace of the last deploy
    #[arg(short = 's', long)]
    pub switch_context: bool,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}

/// Runs the function `deploy` of the project's pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images and deployments are reported here.
pub fn deploy(global: &GlobalOptions, args: &DeployArgs) -> Result<ExitStatus, Failure> {
    let names = args.deploy.selected.names();
    let mut loaded = load_project(global)?;
    if args.switch_context
        && let Some(last) = TargetStore::new(&loaded.project.root, false).read()
    {
        loaded.project.kube_context.get_or_insert(last.context);
        loaded.project.namespace.get_or_insert(last.namespace);
    }
    rollout::selected(&loaded.project, &names).map_err(Failure::wrong_use)?;
    if loaded.project.deployments.is_empty() {
        warn(NO_DEPLOYMENTS, global);
    }
    let is_complete = names.is_empty();
    let from = args.from.as_deref().map(BuildResult::read).transpose().map_err(Failure::wrong_use)?;
    let images = from.as_ref().map(|from| from.images_for(&loaded.project)).transpose();
    let images = images.map_err(Failure::wrong_use)?;
    let call = PipelineCall {
        pipeline: "deploy".to_owned(),
        deployments: names,
        skip_build: args.deploy.selected.skip_build || from.is_some(),
        deploy: DeployOptions { images, ..args.deploy.options() },
        ..PipelineCall::build(Vec::new())
    };
    let check = |execution: &Execution| match &from {
        Some(from) if !args.any_commit => from.check_commit(&execution.run).map_err(Failure::wrong_use),
        _ => Ok(()),
    };
    run_pipeline_between(global, &args.options, loaded, call, check, |execution| {
        if is_complete {
            for image in rollout::unused_images(&execution.run, &execution.rollouts()) {
                warn(&image.to_string(), global);
            }
        }
        Ok(ExitStatus::Done)
    })
}
