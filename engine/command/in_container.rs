//! Commands that connect to one container.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::SelectorArgs;
use super::connected::{Connected, with_containers};
use super::exit_status::{ExitStatus, Failure};
use crate::cluster::{ClusterAccess, ContainerTarget, ExecError};
use crate::command::cli::GlobalOptions;
use crate::config::{ContainerSelection, Dev};
use crate::connect::{SelectedContainer, TargetLimits};
use crate::error::{Cancelled, ErrorKind};
use crate::script::ScriptError;
use crate::terminal::InteractionEnd;

/// The exit code of a shell for a program that does not exist.
const NO_PROGRAM: i32 = 127;

/// How long `--wait` waits.
const WAIT_LIMIT: Duration = Duration::from_secs(600);

/// The options of commands that connect to one container.
#[derive(Debug, Clone, Args)]
pub struct ContainerOptions {
    /// The container.
    #[command(flatten)]
    pub selector: SelectorArgs,

    /// Wait until the container runs, at most 10 minutes
    #[arg(long)]
    pub wait: bool,
}

/// Finds the container that the options select, otherwise the one that `dev` names first, and runs `work` with it.
///
/// # Errors
/// If the configuration is invalid, no container is found, and those of `work`.
pub(super) fn in_container(
    global: &GlobalOptions,
    options: &ContainerOptions,
    work: impl AsyncFnOnce(
        &ClusterAccess,
        &ContainerTarget,
        &CancellationToken,
    ) -> Result<InteractionEnd, Failure>,
) -> Result<ExitStatus, Failure> {
    with_containers(global, &options.selector, first_of, async |connected| {
        let Connected { access, selectors, events, cancel, .. } = connected;
        let selector = selectors.into_iter().next().unwrap_or_default();
        let limits = TargetLimits { pod: WAIT_LIMIT, start: WAIT_LIMIT };
        let limits = if options.wait { limits } else { TargetLimits::default() };
        let target = SelectedContainer::resolve(&access, &selector, limits, &events, &cancel).await;
        let target = target.map_err(|error| match error.kind() {
            ErrorKind::Cancelled => Failure::interrupted(Cancelled),
            _ => Failure::failed(ScriptError::of_stage_error(error)),
        })?;
        Ok(match work(&access, &target.container_target(), &cancel).await? {
            InteractionEnd::Exited(code) => ExitStatus::of_program(code),
            InteractionEnd::Detached | InteractionEnd::OutputClosed => ExitStatus::Done,
            InteractionEnd::Cancelled => ExitStatus::Interrupted,
        })
    })
}

/// The container that `dev` names first: that of the terminal, otherwise of a directory, a port or the logs.
fn first_of(dev: &Dev) -> Vec<ContainerSelection> {
    let terminal = dev.terminal.iter().map(|terminal| &terminal.selection);
    let folders = dev.folders.iter().map(|folder| &folder.selection);
    let ports = dev.ports.iter().map(|port| &port.selection);
    let all = terminal.chain(folders).chain(ports).chain(&dev.logs.selections);
    all.take(1).cloned().collect()
}

/// The failure for a command that did not run to its end.
pub(super) fn no_connection(error: ExecError) -> Failure {
    match error {
        error @ ExecError::ProgramNotFound { .. } => Failure::of_program(NO_PROGRAM, error),
        error => Failure::failed(error),
    }
}
