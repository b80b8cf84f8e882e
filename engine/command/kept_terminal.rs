//! The terminal of a dev session, which opens again in the next container.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::attach::attach_to;
use super::enter::{TerminalCommand, open_terminal};
use super::exit_status::print_text;
use crate::cluster::{ClusterAccess, ClusterError, ExecError};
use crate::config::Terminal;
use crate::connect::{SelectedContainer, TargetState, TargetWatch};
use crate::delays::Delays;
use crate::terminal::{InteractionEnd, Keyboard, is_terminal};

/// The pauses before another terminal is opened.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long the cluster may take to report the end of a container.
const MOMENT: Duration = Duration::from_secs(3);

/// Opens the terminal in `target`, and after the end of its container or connection in the next container of `watch`: only
/// if windlass itself has a terminal.
///
/// # Errors
/// [`ExecError`] if it could not be opened.
pub(super) async fn keep_terminal(
    access: &ClusterAccess,
    mut target: SelectedContainer,
    watch: &TargetWatch,
    terminal: Terminal,
    cancel: &CancellationToken,
) -> Result<InteractionEnd, ExecError> {
    let Terminal { command: words, work_dir: directory, is_without_tty, is_attach, .. } = terminal;
    let command = TerminalCommand { words, directory, is_without_tty };
    let mut keyboard = Keyboard::default();
    let mut delays = Delays::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut was_open = false;
    let mut is_told = false;
    loop {
        let container = target.container_target();
        if was_open && !is_told {
            print_text(&format!("opening a new terminal in {container}\r\n"));
            is_told = true;
        }
        let opened = Instant::now();
        let ended = if is_attach {
            attach_to(access, &container, &mut keyboard, cancel).await
        } else {
            open_terminal(access, &container, command.clone(), &mut keyboard, cancel).await
        };
        let reason = match ended {
            // A program that reads the output does not expect that it begins again.
            ended if !is_terminal() => return ended,
            Ok(InteractionEnd::Exited(code)) if is_killed(code) && is_gone(watch, &target).await => {
                Some(format!("{container} has ended"))
            }
            Err(error @ ExecError::Lost { .. }) => Some(error.to_string()),
            // The same interruption goes on.
            Err(
                ExecError::Cluster(ClusterError::Unreachable { .. })
                | ExecError::ContainerNotFound { .. }
                | ExecError::PodNotFound { .. },
            ) if was_open => None,
            ended => return ended,
        };
        if let Some(reason) = reason {
            print_text(&format!("\r\n{reason}: waiting for a container\r\n"));
            is_told = false;
        }
        was_open = true;
        if opened.elapsed() > LONGEST_PAUSE {
            delays.reset();
        }
        let next = tokio::select! {
            () = cancel.cancelled() => return Ok(InteractionEnd::Cancelled),
            next = async {
                tokio::time::sleep(delays.advance()).await;
                watch.settled().await
            } => next,
        };
        let Some(next) = next else { return Ok(InteractionEnd::Cancelled) };
        target = next;
    }
}

/// Whether a process that exits with `code` was killed, perhaps with its container.
fn is_killed(code: i32) -> bool {
    matches!(code, 129 | 137 | 143)
}

/// Whether the container of `target` ends within a moment, or has ended.
async fn is_gone(watch: &TargetWatch, target: &SelectedContainer) -> bool {
    let mut states = watch.subscribe();
    let is_other = |state: &TargetState| {
        let current = state.target.as_ref();
        current.is_none_or(|current| current.container_id != target.container_id)
    };
    tokio::time::timeout(MOMENT, states.wait_for(is_other)).await.is_ok()
}
