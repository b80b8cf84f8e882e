//! Programs that do nothing but answer.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{CallKind, Memory};
use crate::host::{Exec, ExecRequest, OnLine, Purpose};
use crate::process::{CommandLine, Pipe, ProcessError};

/// How a program answers.
#[derive(Debug, Clone, Default)]
pub struct ProgramRule {
    /// How the command line begins: `cosign sign`.
    pub command: String,
    /// The exit code.
    pub code: i32,
    /// What it prints.
    pub stdout: String,
    /// What it prints to standard error.
    pub stderr: String,
    /// How often it still answers like this; `None`: always.
    pub times: Option<usize>,
}

impl ProgramRule {
    fn fits(&self, command: &str) -> bool {
        let rest = command.strip_prefix(&self.command);
        self.times != Some(0) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

/// A program without a rule succeeds and prints nothing; git answers from what the world knows.
#[async_trait]
impl Exec for Memory {
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

impl Memory {
    /// The rule for `command`, which has answered once more then.
    fn rule(&self, command: &str) -> Option<ProgramRule> {
        let mut state = self.state();
        let rule = state.programs.iter_mut().rev().find(|rule| rule.fits(command))?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(rule.clone())
    }
}
