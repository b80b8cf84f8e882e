//! `windlass attach`.

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::exit_status::{ExitStatus, Failure};
use super::in_container::{ContainerOptions, in_container, no_connection};
use crate::cluster::{ClusterAccess, ContainerTarget, ExecError, ExecOptions};
use crate::command::cli::GlobalOptions;
use crate::terminal::{
    Interaction, InteractionEnd, Keyboard, StdinForm, has_input, interact, is_terminal, terminal_size,
};

/// The options of `windlass attach`.
#[derive(Debug, Args)]
#[command(after_help = "\
Connects to the main process of the container: its output from now on, and its input if
its pod has `stdin: true`. Ctrl-P Ctrl-Q leaves it, and it continues to run.

Examples:
  windlass attach                       connect to the container of `dev`
  windlass attach --pod web-0 -c app    connect to this container")]
pub struct AttachArgs {
    /// The container.
    #[command(flatten)]
    pub container: ContainerOptions,
}

/// Connects to the main process of a container.
///
/// # Errors
/// If the configuration is invalid, no container is found, or the connection breaks.
pub fn attach(global: &GlobalOptions, args: &AttachArgs) -> Result<ExitStatus, Failure> {
    in_container(global, &args.container, async |access, target, cancel| {
        attach_to(access, target, &mut Keyboard::default(), cancel).await.map_err(no_connection)
    })
}

/// Connects to the main process of the container `target`. `keyboard` is its input.
///
/// # Errors
/// [`ExecError`]: the container does not exist, or the connection broke.
pub(super) async fn attach_to(
    access: &ClusterAccess,
    target: &ContainerTarget,
    keyboard: &mut Keyboard,
    cancel: &CancellationToken,
) -> Result<InteractionEnd, ExecError> {
    let ends = access.container_ends(target).await?;
    let options = ExecOptions {
        stdin: ends.stdin && has_input(),
        // The output of a terminal has another form: the request must announce it, otherwise the cluster ends the
        // stream.
        terminal: ends.terminal.then(terminal_size),
    };
    let form = if is_terminal() { StdinForm::Detachable } else { StdinForm::Plain };
    let stream = access.attach_to(target, options).await?;
    interact(stream, Interaction { keyboard, form }, cancel).await
}
