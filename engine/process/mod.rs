//! Other programs: run with their output as lines, stopped with everything they started.

mod command_line;
mod error;
mod foreground;
mod interrupt;
mod lines;
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
pub use foreground::run_in_foreground;
pub use interrupt::{interrupted, interrupted_again};
use pulse::{Felt, Pulse};
pub use system::{fits, is_for_this_system, system};
pub use tail::{Tail, last_lines};
use tree::Tree;

/// How long output is still read after a program has ended, when something it left behind keeps the pipe open.
const DRAIN: Duration = Duration::from_secs(2);

/// The pipe a line of output came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipe {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What a program reads from its standard input.
enum Input {
    Nothing,
    Stream(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>),
}

/// A program to run, or a line for the shell.
///
/// It inherits windlass's environment and has no terminal to read from. It gets a process group of its own, so
/// that stopping it (cancelled, out of time, dropped) reaches everything it started: first a request to end,
/// after a short grace the kill.
pub struct Process {
    command: Command,
    name: String,
    directory: Option<PathBuf>,
    input: Input,
    limit: Option<Duration>,
    silence: Option<Duration>,
    is_captured: bool,
}

impl Process {
    /// The program `program`, looked up in `PATH` when it has no folder.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        Self {
            command: Command::new(program),
            name,
            directory: None,
            input: Input::Nothing,
            limit: None,
            silence: None,
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

    /// What `command` says.
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

    /// A command of a `devspace.yaml`, as [`CommandLine::configured`] reads it.
    pub fn configured(command: &str, args: Option<&[String]>) -> Self {
        Self::of(&CommandLine::configured(command, args))
    }

    /// With `argument` after those already there.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With `arguments` after those already there.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// With the variable `name` set. Values never show up in errors.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without any variable of windlass's own environment.
    pub fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Without the variable `name`, should windlass have it.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// In the folder `directory`; windlass's own when not given.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// With `bytes` as standard input, which is closed at once otherwise.
    pub fn input(self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        self.input_stream(stream::once(async move { Ok(bytes) }))
    }

    /// With `chunks` as standard input; an error in it stops the program.
    pub fn input_stream(mut self, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        self.input = Input::Stream(Box::pin(chunks));
        self
    }

    /// With its output byte for byte: lines are not cut before 16 MiB, and keep what stands before a carriage return.
    pub fn captured(mut self) -> Self {
        self.is_captured = true;
        self
    }

    /// Stopped when it runs longer than `limit`.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Stopped when it prints nothing for as long as `limit`.
    pub fn silence(mut self, limit: Duration) -> Self {
        self.silence = Some(limit);
        self
    }

    /// The program and its arguments, for tests.
    #[cfg(test)]
    pub(crate) fn argv(&self) -> Vec<String> {
        let command = self.command.as_std();
        std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// The variables set on top of windlass's own, for tests.
    #[cfg(test)]
    pub(crate) fn variables(&self) -> std::collections::BTreeMap<String, Option<String>> {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        self.command.as_std().get_envs().map(|(name, value)| (text(name), value.map(text))).collect()
    }

    /// Runs the program and hands each line of its output to `on_line`, without the line feed, as text (bytes
    /// that are no UTF-8 are replaced). A line longer than 16 KiB comes in pieces.
    ///
    /// Gives the exit code; a code other than 0 is no error here.
    ///
    /// # Errors
    /// [`ProcessError`] when the program cannot be started, is cancelled, runs out of time, dies of a signal, or
    /// when its input cannot be read.
    pub async fn run(
        mut self,
        cancel: &CancellationToken,
        mut on_line: impl FnMut(Pipe, &str),
    ) -> Result<i32, ProcessError> {
        if let Some(directory) = &self.directory {
            self.command.current_dir(directory);
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
        let mut tree = Tree::new(child);

        let mut feeding = pin!(feeding);
        let mut out_of_time = pin!(wait_for(self.limit));
        let mut silent = pin!(pulse.silent_for(self.silence));
        let (mut is_fed, mut is_open) = (false, true);
        let status = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    tree.stop().await;
                    return Err(ProcessError::Cancelled { program: self.name });
                }
                limit = &mut out_of_time => {
                    tree.stop().await;
                    return Err(ProcessError::TimedOut { program: self.name, limit });
                }
                limit = &mut silent => {
                    tree.stop().await;
                    return Err(ProcessError::Silent { program: self.name, limit });
                }
                line = output.next(), if is_open => match line {
                    Some((pipe, line)) => on_line(pipe, &line),
                    None => is_open = false,
                },
                fed = &mut feeding, if !is_fed => {
                    is_fed = true;
                    if let Err(source) = fed {
                        tree.stop().await;
                        return Err(ProcessError::Input { program: self.name, source });
                    }
                }
                status = tree.wait() => break status,
            }
        };
        let drained = async {
            while let Some((pipe, line)) = output.next().await {
                on_line(pipe, &line);
            }
        };
        // Whoever still holds the pipe was left behind on purpose (a build server, say): it keeps running.
        let _ = tokio::time::timeout(DRAIN, drained).await;
        let status = status.map_err(|source| ProcessError::Start { program: self.name.clone(), source })?;
        exit_code(self.name, status)
    }
}

/// Writes `input` to the program; errors are the input's own, a program that stops reading is fine.
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

/// Ends after `limit`, or never.
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

/// The folders in which programs are looked up, as one text for messages.
fn search_path() -> String {
    std::env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether `program` is looked up in `PATH`.
fn is_bare(program: &str) -> bool {
    Path::new(program).components().count() == 1 && !program.contains(std::path::is_separator)
}

#[cfg(test)]
mod tests;
