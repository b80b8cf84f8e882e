//! One command in a container, connected to windlass's own input and output.

use std::io::{self, Write};

use futures_util::future::{TryFutureExt as _, try_join3};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::detach_keys::DetachKeys;
use super::encoded_stdin::{END, encoded};
use super::keyboard::{Keyboard, is_terminal};
use super::raw_mode::RawMode;
use crate::cluster::{ExecError, ExecInput, ExecOutput, ExecStream, TerminalSize};

/// How a command ended, or windlass's part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InteractionEnd {
    /// The command exited with this code.
    Exited(i32),
    /// The user pressed the detach keys; the command continues.
    Detached,
    /// The reader of the output has ended.
    OutputClosed,
    /// Cancelled; the command may continue.
    Cancelled,
}

/// How input is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StdinForm {
    /// As it is.
    Plain,
    /// As it is, but Ctrl-P Ctrl-Q detaches.
    Detachable,
    /// For [`encoded_stdin_command`](super::encoded_stdin_command).
    Encoded,
}

/// Input for a command.
pub(crate) struct Interaction<'a> {
    /// The input of the process.
    pub(crate) keyboard: &'a mut Keyboard,
    /// How it is sent.
    pub(crate) form: StdinForm,
}

/// Connects `stream` to the terminal or the pipes of windlass until the command ends. While it has a terminal, every
/// key goes to the container, and its size follows that of the terminal.
///
/// # Errors
/// [`ExecError`]: the command could not be started, or the connection broke.
pub(crate) async fn interact(
    stream: ExecStream,
    interaction: Interaction<'_>,
    cancel: &CancellationToken,
) -> Result<InteractionEnd, ExecError> {
    let ExecStream { stdin, stdout, stderr, size, end, .. } = stream;
    // Without raw mode, lines are sent when they are complete, which is better than nothing.
    let raw = size.as_ref().filter(|_| is_terminal()).and_then(|_| RawMode::enter().ok());
    let outputs = try_join3(
        copy(stdout, io::stdout).map_err(|_| None),
        copy(stderr, io::stderr).map_err(|_| None),
        end.wait().map_err(Some),
    );
    let ended = tokio::select! {
        outputs = outputs => match outputs {
            Ok(((), (), code)) => Ok(InteractionEnd::Exited(code)),
            Err(None) => Ok(InteractionEnd::OutputClosed),
            Err(Some(error)) => Err(error),
        },
        () = type_into(stdin, interaction) => Ok(InteractionEnd::Detached),
        () = cancel.cancelled() => Ok(InteractionEnd::Cancelled),
        () = follow_size(size) => Ok(InteractionEnd::Cancelled),
    };
    drop(raw);
    ended
}

/// Copies the output of a command to `to`. Only errors of `to` are errors: the end of the connection has the reason why
/// it broke.
async fn copy<W: Write + 'static>(mut from: ExecOutput, to: fn() -> W) -> io::Result<()> {
    while let Ok(block) = from.fill_buf().await {
        if block.is_empty() {
            break;
        }
        let (block, count) = (block.to_vec(), block.len());
        // A terminal or pipe that is not read blocks.
        let written = tokio::task::spawn_blocking(move || {
            let mut to = to();
            to.write_all(&block)?;
            to.flush()
        });
        written.await.map_err(io::Error::other)??;
        from.consume(count);
    }
    Ok(())
}

/// Sends input; returns when the user detaches.
async fn type_into(stdin: Option<ExecInput>, Interaction { keyboard, form }: Interaction<'_>) {
    let Some(mut stdin) = stdin else { return std::future::pending().await };
    let mut keys = DetachKeys::default();
    let mut detaches = false;
    while let Some(block) = keyboard.next().await {
        let block = match form {
            StdinForm::Plain => block,
            StdinForm::Encoded => encoded(&block).into(),
            StdinForm::Detachable => {
                let (block, found) = keys.filter(&block);
                detaches = found;
                block.into()
            }
        };
        if stdin.write_all(&block).await.is_err() {
            break;
        }
        if detaches {
            return;
        }
    }
    if form == StdinForm::Encoded {
        // If this fails, the connection broke, which is reported at its end.
        let _ = stdin.write_all(END).await;
    }
    drop(stdin);
    std::future::pending().await
}

/// The size of the terminal; that of an old terminal if it is unknown.
pub(crate) fn terminal_size() -> TerminalSize {
    let (columns, lines) = crossterm::terminal::size().unwrap_or((80, 24));
    TerminalSize { columns, lines }
}

/// Passes on each new size of the terminal. Never returns.
async fn follow_size(size: Option<watch::Sender<TerminalSize>>) {
    #[cfg(unix)]
    if let Some(size) = size
        && let Ok(mut changes) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())
    {
        // The size may have changed before this.
        size.send_replace(terminal_size());
        while changes.recv().await.is_some() {
            size.send_replace(terminal_size());
        }
    }
    #[cfg(not(unix))]
    if let Some(size) = size {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(500));
        loop {
            pause.tick().await;
            size.send_if_modified(|known| std::mem::replace(known, terminal_size()) != *known);
        }
    }
    std::future::pending().await
}
