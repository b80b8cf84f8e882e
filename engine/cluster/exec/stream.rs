//! The ends of a running command in a container.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::io::StreamReader;

use super::error::{Attempt, ExecError, is_missing_program};
use super::pump::{Connection, Ended, Ends, OutputSender, Pace, pump};
use super::{ExecOptions, TerminalSize};

/// The size of the buffer of stdin.
const INPUT_BUFFER: usize = 64 * 1024;

/// How many messages of an output are buffered; most are at most 32 KiB.
const OUTPUT_BUFFER: usize = 16;

/// Stdin of a command in a container. It ends when it is dropped or shut down; the command sees its end only if
/// [`ExecStream::closes_stdin`].
pub type ExecInput = DuplexStream;

/// Output of a command in a container. Ends with an error if the connection breaks. While it is not read, the command
/// waits as soon as its buffers are full; after it is dropped, the output is discarded.
pub type ExecOutput = StreamReader<BoxStream<'static, io::Result<Bytes>>, Bytes>;

/// A running command in a container, with one end for each channel. Writing does not wait for reading, but the outputs
/// share one connection: read both, or drop the one that is not needed.
pub struct ExecStream {
    /// Its stdin, if requested.
    pub stdin: Option<ExecInput>,
    /// Its stdout; in a terminal, also its stderr.
    pub stdout: ExecOutput,
    /// Its stderr.
    pub stderr: ExecOutput,
    /// The size of its terminal, if it has one.
    pub size: Option<watch::Sender<TerminalSize>>,
    /// Whether the command sees the end of stdin: with version 5 of the protocol (Kubernetes 1.30).
    pub closes_stdin: bool,
    /// Its end.
    pub end: ExecEnd,
}

/// The end of a command in a container. Dropping it closes the connection; the command may continue to run.
pub struct ExecEnd {
    task: JoinHandle<Result<Ended, String>>,
    attempt: Attempt,
}

impl ExecStream {
    /// Starts to move data through `connection`.
    pub(super) fn start(
        connection: impl Connection,
        closes_stdin: bool,
        attempt: Attempt,
        options: ExecOptions,
        pace: Pace,
    ) -> Self {
        let (stdin, inner_stdin) = tokio::io::duplex(INPUT_BUFFER);
        let (inner_stdout, stdout) = output();
        let (inner_stderr, stderr) = output();
        let size = options.terminal.map(|size| {
            let (sender, mut receiver) = watch::channel(size);
            receiver.mark_changed();
            (sender, receiver)
        });
        let (size, sizes) = size.unzip();
        let ends = Ends {
            stdin: options.stdin.then_some(inner_stdin),
            sizes,
            stdout: inner_stdout,
            stderr: inner_stderr,
            closes_stdin,
        };
        let task = tokio::spawn(pump(connection, ends, pace));
        Self {
            stdin: options.stdin.then_some(stdin),
            stdout,
            stderr,
            size,
            closes_stdin,
            end: ExecEnd { task, attempt },
        }
    }
}

impl ExecEnd {
    /// Waits until the command ends; returns its exit code. The outputs may still have buffered data then.
    ///
    /// # Errors
    /// [`ExecError`]: the command could not be started, or the connection broke.
    pub async fn wait(mut self) -> Result<i32, ExecError> {
        match (&mut self.task).await {
            Ok(Ok(ended)) => self.exit_code(ended),
            Ok(Err(reason)) => Err(self.attempt.lost(reason)),
            Err(error) => Err(self.attempt.lost(error.to_string())),
        }
    }

    #[expect(clippy::result_large_err, reason = "it is created once and ends the command")]
    fn exit_code(&self, ended: Ended) -> Result<i32, ExecError> {
        let Ended { status, beginning } = ended;
        if !status.is_failure() {
            return Ok(0);
        }
        let causes = status.details.iter().flat_map(|details| &details.causes);
        let code =
            causes.filter(|cause| cause.reason == "ExitCode").find_map(|cause| cause.message.parse().ok());
        match code {
            // Docker reports a missing program as an exit code, and the reason as output.
            Some(126 | 127) if is_missing_program(&String::from_utf8_lossy(&beginning)) => {
                Err(self.attempt.without_program())
            }
            Some(code) => Ok(code),
            None => Err(self.attempt.failed(status.message)),
        }
    }
}

impl Drop for ExecEnd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both ends of an output.
fn output() -> (OutputSender, ExecOutput) {
    let (sender, mut receiver) = mpsc::channel(OUTPUT_BUFFER);
    let stream = stream::poll_fn(move |context| receiver.poll_recv(context));
    (sender, StreamReader::new(stream.boxed()))
}
