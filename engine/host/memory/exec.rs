//! In-memory commands with configured results.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{CallKind, MemoryHost};
use crate::process::{CommandLine, Exec, ExecRequest, OnLine, Pipe, ProcessError, Purpose};

/// The configured result of a command.
#[derive(Debug, Clone, Default)]
pub struct ProgramRule {
    /// The prefix of the command line: `cosign sign`.
    pub command: String,
    /// The exit code.
    pub code: i32,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
    /// The remaining number of uses; `None`: unlimited.
    pub times: Option<usize>,
}

impl ProgramRule {
    fn fits(&self, command: &str) -> bool {
        let rest = command.strip_prefix(&self.command);
        self.times != Some(0) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

/// A command without a rule succeeds and prints nothing; git uses the configured facts.
#[async_trait]
impl Exec for MemoryHost {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        let command = request.command.to_string();
        if cancel.is_cancelled() {
            return Err(ProcessError::Cancelled { program: command });
        }
        let rule = self.rule(&command);
        let git = match (&request.command, request.purpose) {
            (CommandLine::Program(words), Purpose::Git) if rule.is_none() => {
                Some(super::git::answer(self.state().git.as_ref(), words))
            }
            _ => None,
        };
        match request.purpose {
            Purpose::Git => {}
            Purpose::Hook => self.did(CallKind::Hook, &command),
            Purpose::CustomBuild | Purpose::Script => self.did(CallKind::Exec, &command),
        }
        let answer = git.or(rule).unwrap_or_default();
        answer.stdout.lines().for_each(|line| on_line(Pipe::Stdout, line));
        answer.stderr.lines().for_each(|line| on_line(Pipe::Stderr, line));
        Ok(answer.code)
    }
}

impl MemoryHost {
    /// The rule for `command`; counts as a use.
    fn rule(&self, command: &str) -> Option<ProgramRule> {
        let mut state = self.state();
        let rule = state.programs.iter_mut().rev().find(|rule| rule.fits(command))?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(rule.clone())
    }
}
