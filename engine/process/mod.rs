//! Runs commands with their output as lines, and stops them with all their child processes.

mod command_line;
mod error;
mod exec;
mod foreground;
mod interrupt;
mod keys;
mod lines;
mod live_exec;
mod pulse;
mod system;
mod tail;
mod tree;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio_util::sync::CancellationToken;

pub use command_line::CommandLine;
pub use error::ProcessError;
pub use exec::{Exec, ExecRequest, OnLine, Purpose};
pub use foreground::run_in_foreground;
pub use interrupt::{block_on, interrupted, interrupted_again};
pub use keys::{Keys, read_keys, restore_terminal};
pub use lines::lines_of;
pub use live_exec::LiveExec;
use pulse::{Felt, Pulse};
pub use system::{fits, is_for_this_system, system};
pub use tail::{Tail, last_lines};
use tree::{Ending, Tree};

/// How long output is read after a command has ended, if a remaining child process keeps the pipe open.
const DRAIN: Duration = Duration::from_secs(2);

/// The pipe of a line of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipe {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The stdin of a command.
enum Input {
    Nothing,
    Stream(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>),
}

/// A command to run, or a line for the shell.
///
/// It inherits windlass's environment and has no terminal input. It runs in a separate process group, so that stopping
/// it (cancelled, timed out, dropped) reaches all its child processes: first with SIGTERM, after a short grace period
/// with SIGKILL.
pub struct Process {
    command: Command,
    name: String,
    directory: Option<PathBuf>,
    input: Input,
    limit: Option<Duration>,
    silence: Option<Duration>,
    ending: Ending,
    is_captured: bool,
}

impl Process {
    /// The command `program`, looked up in `PATH` if it has no directory.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        Self {
            command: Command::new(program),
            name,
            directory: None,
            input: Input::Nothing,
            limit: None,
            silence: None,
            ending: Ending::Stopped,
            is_captured: false,
        }
    }

    /// A line for the shell: `sh -c`, on Windows `cmd /C`.
    pub fn shell(line: &str) -> Self {
        #[cfg(windows)]
        {
            let mut process = Self::new("cmd");
            process.command.arg("/C").raw_arg(line);
            process
        }
        #[cfg(not(windows))]
        Self::new("sh").args(["-c", line])
    }

    /// The process for `command`.
    pub fn of(command: &CommandLine) -> Self {
        match command {
            CommandLine::Program(words) => {
                let (program, arguments) =
                    words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
                Self::new(program).args(arguments)
            }
            CommandLine::Shell(line) => Self::shell(line),
        }
    }

    /// The process for `request`.
    pub fn requested(request: &ExecRequest) -> Self {
        let process = Self::of(&request.command).directory(&request.directory);
        let mut process =
            request.environment.iter().fold(process, |process, (name, value)| process.env(name, value));
        if let Some(input) = &request.input {
            process = process.input(input.clone());
        }
        process.limit = request.limit;
        process.is_captured = request.is_captured;
        process
    }

    /// A command of a `devspace.yaml`, as [`CommandLine::configured`] reads it.
    pub fn configured(command: &str, args: Option<&[String]>) -> Self {
        Self::of(&CommandLine::configured(command, args))
    }

    /// Appends `argument`.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Appends `arguments`.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets the variable `name`. Values never appear in errors.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Clears windlass's environment.
    pub fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Removes the variable `name` of windlass's environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Sets the working directory; default: that of windlass.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets `bytes` as stdin, which is closed immediately by default.
    pub fn input(self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        self.input_stream(stream::once(async move { Ok(bytes) }))
    }

    /// Sets `chunks` as stdin; an error in it stops the command.
    pub fn input_stream(mut self, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        self.input = Input::Stream(Box::pin(chunks));
        self
    }

    /// Captures the output byte for byte: lines are split only after 16 MiB, and keep the bytes before a carriage
    /// return.
    pub fn captured(mut self) -> Self {
        self.is_captured = true;
        self
    }

    /// Stops it after `limit`.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Stops it after `limit` without output.
    pub fn silence(mut self, limit: Duration) -> Self {
        self.silence = Some(limit);
        self
    }

    /// Lets it end by itself when it is to be stopped: the command alone receives SIGINT, not its child processes, which it
    /// needs to finish; after `patience` it is killed. If the future is dropped, it continues alone.
    pub fn interruptible(mut self, patience: Option<Duration>) -> Self {
        self.ending = Ending::Interrupted { patience };
        self
    }

    /// The command and its arguments.
    pub(crate) fn argv(&self) -> Vec<String> {
        let command = self.command.as_std();
        std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// The variables set in addition to windlass's environment, for tests.
    #[cfg(test)]
    pub(crate) fn variables(&self) -> std::collections::BTreeMap<String, Option<String>> {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        self.command.as_std().get_envs().map(|(name, value)| (text(name), value.map(text))).collect()
    }

    /// Runs the command and passes each line of its output to `on_line`, without the line feed, as text (invalid UTF-8
    /// is replaced). A line longer than 16 KiB is split into pieces.
    ///
    /// Returns the exit code; a code other than 0 is not an error here.
    ///
    /// # Errors
    /// [`ProcessError`] if the command cannot be started, is cancelled, times out or is killed by a signal, or if its
    /// input cannot be read.
    pub async fn run(
        mut self,
        cancel: &CancellationToken,
        mut on_line: impl FnMut(Pipe, &str),
    ) -> Result<i32, ProcessError> {
        if let Some(directory) = &self.directory {
            self.command.current_dir(directory);
        }
        if cancel.is_cancelled() {
            return Err(ProcessError::Cancelled { program: self.name });
        }
        let stdin = if matches!(self.input, Input::Nothing) { Stdio::null() } else { Stdio::piped() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tree::spawn(&mut self.command)
            .map_err(|error| ProcessError::of_spawn(&self.name, self.directory.as_deref(), error))?;

        let feeding = feed(child.stdin.take(), self.input);
        let form = if self.is_captured { lines::Form::Captured } else { lines::Form::Shown };
        let pulse = Pulse::new();
        let stdout = child.stdout.take().map(|pipe| Felt { pipe, pulse: pulse.clone() });
        let stderr = child.stderr.take().map(|pipe| Felt { pipe, pulse: pulse.clone() });
        let stdout = stdout.map(|pipe| lines::read(pipe, Pipe::Stdout, form));
        let stderr = stderr.map(|pipe| lines::read(pipe, Pipe::Stderr, form));
        let mut output = pin!(stream::iter(stdout.map(StreamExt::boxed)).flatten().fuse());
        let mut errors = pin!(stream::iter(stderr.map(StreamExt::boxed)).flatten().fuse());
        let mut output = stream::select(&mut output, &mut errors);
        let mut tree = Tree::new(child, self.ending);

        let mut feeding = pin!(feeding);
        let mut out_of_time = pin!(wait_for(self.limit));
        let mut silent = pin!(pulse.silent_for(self.silence));
        let mut out_of_patience = pin!(wait_for(None));
        let (mut is_fed, mut is_open) = (false, true);
        let mut reason = None;
        let status = loop {
            let program = || self.name.clone();
            let stop = tokio::select! {
                biased;
                () = cancel.cancelled(), if reason.is_none() => ProcessError::Cancelled { program: program() },
                limit = &mut out_of_time, if reason.is_none() => {
                    ProcessError::TimedOut { program: program(), limit }
                }
                limit = &mut silent, if reason.is_none() => ProcessError::Silent { program: program(), limit },
                _ = &mut out_of_patience => {
                    tree.kill();
                    out_of_patience.set(wait_for(None));
                    continue;
                }
                line = output.next(), if is_open => {
                    match line {
                        Some((pipe, line)) => on_line(pipe, &line),
                        None => is_open = false,
                    }
                    continue;
                }
                fed = &mut feeding, if !is_fed => {
                    is_fed = true;
                    match fed {
                        Ok(()) => continue,
                        Err(source) => ProcessError::Input { program: program(), source },
                    }
                }
                status = tree.wait() => break status,
            };
            match self.ending {
                Ending::Stopped => {
                    tree.stop().await;
                    return Err(stop);
                }
                Ending::Interrupted { patience } => {
                    tree.interrupt();
                    out_of_patience.set(wait_for(patience));
                    reason.get_or_insert(stop);
                }
            }
        };
        let drained = async {
            while let Some((pipe, line)) = output.next().await {
                on_line(pipe, &line);
            }
        };
        // A process that still has the pipe open was left running on purpose (such as a build server), and is not
        // stopped.
        let _ = tokio::time::timeout(DRAIN, drained).await;
        if let Some(reason) = reason {
            return Err(reason);
        }
        let status = status.map_err(|source| ProcessError::Start { program: self.name.clone(), source })?;
        exit_code(self.name, status)
    }
}

/// Writes `input` to the command. Only errors of the input are returned: a command may stop reading.
async fn feed(pipe: Option<ChildStdin>, input: Input) -> io::Result<()> {
    let (Some(mut pipe), Input::Stream(mut chunks)) = (pipe, input) else { return Ok(()) };
    while let Some(chunk) = chunks.next().await {
        if pipe.write_all(&chunk?).await.is_err() {
            return Ok(());
        }
    }
    let _ = pipe.shutdown().await;
    Ok(())
}

/// Resolves after `limit`, or never.
async fn wait_for(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            tokio::time::sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// The exit code, or the signal as an error.
fn exit_code(program: String, status: ExitStatus) -> Result<i32, ProcessError> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(ProcessError::Killed { program, signal });
    }
    Ok(status.code().unwrap_or(-1))
}

/// The directories in which commands are looked up, as a string for messages.
fn search_path() -> String {
    std::env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether `program` is looked up in `PATH`.
fn is_bare(program: &str) -> bool {
    Path::new(program).components().count() == 1 && !program.contains(std::path::is_separator)
}

#[cfg(test)]
mod tests;
