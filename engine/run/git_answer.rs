//! Queries git about the project, each once until something may have changed the answer.

use std::time::Duration;

use super::Run;
use crate::error::{Cancelled, StageError};
use crate::lock::lock;
use crate::process::{CommandLine, ExecRequest, Pipe, ProcessError, Purpose};

/// The timeout of a git command.
const LIMIT: Duration = Duration::from_secs(60);

/// The configuration of the repository must not run commands during a query.
const SAFE: [&str; 5] = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];

/// The result of git: its exit code and output.
#[derive(Debug, Clone)]
pub(crate) struct GitAnswer {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Run {
    /// The answer of git to `arguments`, even if it fails.
    ///
    /// # Errors
    /// If git cannot be started or times out; `run::cancelled`.
    pub(crate) fn ask_git(&self, arguments: &[&str]) -> Result<GitAnswer, StageError> {
        let key: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        if let Some(answer) = lock(&self.memory.git_answers).get(&key) {
            return Ok(answer.clone());
        }
        let words = SAFE.iter().chain(arguments).map(|&word| word.to_owned()).collect();
        let mut request = ExecRequest::new(Purpose::Git, CommandLine::Program(words), &self.project.root)
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0");
        request.limit = Some(LIMIT);
        request.is_pure = true;
        request.is_captured = true;
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let mut on_line = |pipe: Pipe, line: &str| match pipe {
            Pipe::Stdout => output.push(line.to_owned()),
            Pipe::Stderr => errors.push(line.to_owned()),
        };
        let session = &self.session;
        let cancel = session.cancellation();
        let asked = session.host.exec.run(&request, &mut on_line, &cancel);
        let code = session.wait_for_end(asked).map_err(|error| match error {
            ProcessError::Cancelled { .. } => StageError::from(Cancelled),
            error => error.into(),
        })?;
        let answer = GitAnswer { code, output: output.join("\n"), errors: errors.join("\n") };
        lock(&self.memory.git_answers).insert(key, answer.clone());
        Ok(answer)
    }

    /// The commit of the project and whether files differ from it; `None` without a repository, a commit or git.
    pub fn commit(&self) -> Option<(String, bool)> {
        let ask = |arguments: &[&str]| self.ask_git(arguments).ok().filter(|answer| answer.code == 0);
        let commit = ask(&["rev-parse", "HEAD"])?.output;
        let is_dirty = !ask(&["status", "--porcelain"])?.output.is_empty();
        Some((commit, is_dirty))
    }
}
