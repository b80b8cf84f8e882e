//! Programs, as stages see them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::process::{CommandLine, Pipe, ProcessError};

/// Takes each line of a program's output.
pub type OnLine<'a> = &'a mut (dyn FnMut(Pipe, &str) + Send);

/// Programs: whatever runs on this machine on behalf of a script, a hook or a custom builder.
#[async_trait]
pub trait Exec: Send + Sync {
    /// Runs a program to its end, handing each line of its output to `on_line`, and gives its exit code. A code
    /// other than 0 is no error here.
    ///
    /// Cancelling `cancel`, or dropping the future, stops the program with everything it started.
    ///
    /// # Errors
    /// [`ProcessError`] when it cannot be started, is cancelled, runs out of time or dies of a signal.
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError>;

    /// Whether the project may choose `command`, which another part of windlass runs.
    ///
    /// # Errors
    /// [`ProcessError::Forbidden`] when it may choose none.
    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        let _ = command;
        Ok(())
    }
}

/// Why a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// `build.custom` makes an image.
    CustomBuild,
    /// Windlass asks git about the project.
    Git,
    /// A hook of `devspace.yaml`.
    Hook,
    /// A script calls `exec` or `sh`.
    Script,
}

/// A program to run. Prints as `exec git describe --tags` or `sh make image`, without its environment.
#[derive(Clone)]
pub struct ExecRequest {
    /// Why.
    pub purpose: Purpose,
    /// What.
    pub command: CommandLine,
    /// The folder to run it in.
    pub directory: PathBuf,
    /// The image it runs for; `None` when it concerns the whole run.
    pub image: Option<String>,
    /// Variables on top of windlass's own environment; may be secret.
    pub environment: Vec<(String, OsString)>,
    /// What it reads from its standard input; nothing when absent.
    pub input: Option<Bytes>,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// Whether it only finds something out: then `windlass plan` runs it as well.
    pub is_pure: bool,
    /// Whether its output is wanted byte for byte, rather than as a terminal would show it: long lines are not
    /// cut, and what stands before a carriage return is kept.
    pub is_captured: bool,
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
