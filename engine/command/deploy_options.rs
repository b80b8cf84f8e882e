//! The options that are common to the commands that deploy.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::completions;
use crate::run::DeployOptions;

/// The warning for a project that deploys nothing.
pub(super) const NO_DEPLOYMENTS: &str = "devspace.yaml has no `deployments`";

/// The deployments of a command that builds their images first.
#[derive(Debug, Clone, Args)]
pub struct BuiltDeployments {
    /// Deployments, in the order of devspace.yaml [default: all]
    #[arg(value_name = "DEPLOYMENT", add = ArgValueCandidates::new(completions::deployments))]
    pub names: Vec<String>,

    /// Deployments, as in DevSpace
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide = true)]
    pub deployments: Vec<String>,

    /// Use the last builds instead of building
    #[arg(long)]
    pub skip_build: bool,
}

impl BuiltDeployments {
    /// The names of the deployments.
    pub fn names(&self) -> Vec<String> {
        all_names(&self.names, &self.deployments)
    }
}

/// The deployments of a command, and how to deploy them.
#[derive(Debug, Clone, Args)]
pub struct DeployFlags {
    /// The deployments.
    #[command(flatten)]
    pub selected: BuiltDeployments,

    /// Deploy charts that are up to date too
    #[arg(short = 'd', long)]
    pub force_deploy: bool,

    /// Delete and create this object if it cannot be changed (repeatable)
    #[arg(long, value_name = "KIND/NAME")]
    pub recreate: Vec<String>,

    /// Wait until everything runs [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub wait: bool,

    /// Seconds to wait until everything runs
    #[arg(long, value_name = "SECONDS", default_value_t = DeployOptions::TIMEOUT.as_secs())]
    pub timeout: u64,
}

impl DeployFlags {
    /// The options of the run.
    pub fn options(&self) -> DeployOptions {
        DeployOptions {
            force: self.force_deploy,
            waits: self.wait,
            timeout: Duration::from_secs(self.timeout),
            recreate: self.recreate.clone(),
            ..DeployOptions::default()
        }
    }
}

/// The names given as arguments and with `--deployments`.
pub(super) fn all_names(names: &[String], deployments: &[String]) -> Vec<String> {
    names.iter().chain(deployments).map(|name| name.trim().to_owned()).collect()
}
