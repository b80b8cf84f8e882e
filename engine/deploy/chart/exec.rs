//! Runs helm, and lets it finish on an interrupt.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::process::{CommandLine, Exec, ExecRequest, OnLine, Pipe, ProcessError};

/// The maximum length of a line of output.
const LONGEST: usize = 16 << 20;
/// How long a command without side effects may continue after an interrupt.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is read after helm has ended, if a remaining child process keeps the pipe open.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs commands that must not be killed: on cancel, the command receives SIGINT, and windlass waits until it ends.
///
/// An interrupted `helm upgrade` marks its release as failed; a killed one leaves it pending, which blocks the next
/// upgrade. Only commands without side effects are killed after a grace period. The command runs in a separate process
/// group, so that Ctrl-C reaches it once. If the future is dropped, the command receives SIGINT and continues alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct HelmExec;

#[async_trait]
impl Exec for HelmExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        let (program, arguments) = match &request.command {
            CommandLine::Program(words) => {
                words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest))
            }
            CommandLine::Shell(line) => ("sh", &["-c".to_owned(), line.clone()][..]),
        };
        let name = program.to_owned();
        if cancel.is_cancelled() {
            return Err(ProcessError::Cancelled { program: name });
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&request.directory).envs(request.environment.iter().cloned());
        let stdin = if request.input.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| not_started(request, &name, source))?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), request.input.clone()) {
            tokio::spawn(async move { stdin.write_all(&input).await });
        }
        let output = child.stdout.take().map(|pipe| lines(pipe, Pipe::Stdout));
        let errors = child.stderr.take().map(|pipe| lines(pipe, Pipe::Stderr));
        let output = stream::iter(output.map(StreamExt::boxed)).flatten();
        let errors = stream::iter(errors.map(StreamExt::boxed)).flatten();
        let ended = Running { child, has_ended: false }
            .wait((&name, request), output, errors, on_line, cancel)
            .await?;
        ended
            .map_err(|source| ProcessError::Start { program: name.clone(), source })
            .and_then(|status| code(name, status))
    }
}

/// A running command, which is interrupted when this is dropped.
struct Running {
    child: Child,
    has_ended: bool,
}

impl Running {
    /// Passes the output on until the command ends, however it is asked to.
    async fn wait(
        mut self,
        (program, request): (&str, &ExecRequest),
        output: impl Stream<Item = (Pipe, String)> + Send,
        errors: impl Stream<Item = (Pipe, String)> + Send,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<io::Result<ExitStatus>, ProcessError> {
        let (mut output, mut errors) = (std::pin::pin!(output.fuse()), std::pin::pin!(errors.fuse()));
        let mut lines = stream::select(&mut output, &mut errors);
        let mut out_of_time = std::pin::pin!(after(request.limit));
        let mut patience = std::pin::pin!(after(None));
        let (mut reason, mut is_open) = (None, true);
        let status = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled(), if reason.is_none() => {
                    reason = Some(ProcessError::Cancelled { program: program.to_owned() });
                }
                limit = &mut out_of_time, if reason.is_none() => {
                    reason = Some(ProcessError::TimedOut { program: program.to_owned(), limit });
                }
                _ = &mut patience => {
                    // It may have ended in the meantime.
                    let _ = self.child.start_kill();
                    patience.set(after(None));
                    continue;
                }
                line = lines.next(), if is_open => {
                    match line {
                        Some((pipe, line)) => on_line(pipe, &line),
                        None => is_open = false,
                    }
                    continue;
                }
                status = self.child.wait() => break status,
            }
            self.interrupt();
            if request.is_pure {
                patience.set(after(Some(GRACE)));
            }
        };
        self.has_ended = true;
        let drained = async {
            while let Some((pipe, line)) = lines.next().await {
                on_line(pipe, &line);
            }
        };
        let _ = tokio::time::timeout(DRAIN, drained).await;
        reason.map_or(Ok(status), Err)
    }

    /// Sends SIGINT to the command, not to its child processes: it needs them to finish.
    fn interrupt(&mut self) {
        #[cfg(unix)]
        if let Some(id) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // It may already have ended.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        }
        #[cfg(not(unix))]
        let _ = self.child.start_kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.interrupt();
        }
    }
}

/// Resolves after `limit`, or never.
async fn after(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            tokio::time::sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// The lines of `pipe`, without line feeds; a line that is too long is split.
fn lines(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    name: Pipe,
) -> impl Stream<Item = (Pipe, String)> + Send {
    stream::unfold((BufReader::new(pipe), Vec::new()), move |(mut reader, mut line)| async move {
        loop {
            let Ok(buffer) = reader.fill_buf().await else { return None };
            if buffer.is_empty() {
                return (!line.is_empty()).then(|| ((name, text(&line)), (reader, Vec::new())));
            }
            let room = buffer.len().min(LONGEST - line.len());
            let end = buffer[..room].iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&buffer[..end.unwrap_or(room)]);
            reader.consume(end.map_or(room, |end| end + 1));
            if end.is_some() || line.len() == LONGEST {
                return Some(((name, text(&line)), (reader, Vec::new())));
            }
        }
    })
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

fn not_started(request: &ExecRequest, program: &str, source: io::Error) -> ProcessError {
    let program = program.to_owned();
    if !request.directory.is_dir() {
        return ProcessError::Directory { program, directory: request.directory.clone() };
    }
    match source.kind() {
        io::ErrorKind::NotFound => {
            ProcessError::NotFound { program, help: "install it, or check its path".to_owned() }
        }
        io::ErrorKind::PermissionDenied => ProcessError::NotExecutable { program },
        _ => ProcessError::Start { program, source },
    }
}

/// The exit code, or the signal as an error.
fn code(program: String, status: ExitStatus) -> Result<i32, ProcessError> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(ProcessError::Killed { program, signal });
    }
    #[cfg(not(unix))]
    let _ = program;
    Ok(status.code().unwrap_or(-1))
}
