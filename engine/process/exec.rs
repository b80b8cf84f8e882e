//! The command interface of stages.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{CommandLine, Pipe, ProcessError};

/// Receives each line of a command's output.
pub type OnLine<'a> = &'a mut (dyn FnMut(Pipe, &str) + Send);

/// Commands that run on this machine for a script, a hook or a custom builder.
#[async_trait]
pub trait Exec: Send + Sync {
    /// Runs a command, passes each line of its output to `on_line`, and returns its exit code. A code other than 0 is
    /// not an error here.
    ///
    /// Cancelling `cancel`, or dropping the future, stops the command with all its child processes.
    ///
    /// # Errors
    /// [`ProcessError`] if it cannot be started, is cancelled, times out or is killed by a signal.
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError>;

    /// Checks that the project may configure `command`, which another part of windlass runs.
    ///
    /// # Errors
    /// [`ProcessError::Forbidden`] if the command is not allowed.
    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        let _ = command;
        Ok(())
    }
}

/// The purpose of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// `build.custom` builds an image.
    CustomBuild,
    /// Windlass queries git about the project.
    Git,
    /// A hook of `devspace.yaml`.
    Hook,
    /// A script calls `exec` or `sh`.
    Script,
}

/// A command to run. Displays as `exec git describe --tags` or `sh make image`, without its environment.
#[derive(Clone)]
pub struct ExecRequest {
    /// Its purpose.
    pub purpose: Purpose,
    /// The command line.
    pub command: CommandLine,
    /// The working directory.
    pub directory: PathBuf,
    /// The image that it runs for; `None` for the whole run.
    pub image: Option<String>,
    /// Variables on top of windlass's own environment; may be secret.
    pub environment: Vec<(String, OsString)>,
    /// Its stdin; empty if absent.
    pub input: Option<Bytes>,
    /// The timeout.
    pub limit: Option<Duration>,
    /// Whether it has no side effects: then `windlass plan` runs it too.
    pub is_pure: bool,
    /// Whether its output is captured byte for byte instead of as in a terminal: long lines are not truncated, and text
    /// before a carriage return is kept.
    pub is_captured: bool,
    /// Whether nothing waits for its end.
    pub is_background: bool,
}

impl ExecRequest {
    /// Runs `command` in `directory`.
    pub fn new(purpose: Purpose, command: CommandLine, directory: impl Into<PathBuf>) -> Self {
        Self {
            purpose,
            command,
            directory: directory.into(),
            image: None,
            environment: Vec::new(),
            input: None,
            limit: None,
            is_pure: false,
            is_captured: false,
            is_background: false,
        }
    }

    /// With the variable `name` set.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With all of `variables` set.
    #[must_use]
    pub fn envs(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        variables.into_iter().fold(self, |request, (name, value)| request.env(name, value))
    }
}

impl fmt::Display for ExecRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match &self.command {
            CommandLine::Program(_) => "exec",
            CommandLine::Shell(_) => "sh",
        };
        write!(formatter, "{verb} {}", self.command)
    }
}

impl fmt::Debug for ExecRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
