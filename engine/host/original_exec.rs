//! The host of a project that is a copy of another one.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::Host;
use crate::git::TreeCopy;
use crate::process::{CommandLine, Exec, ExecRequest, OnLine, ProcessError, Purpose};

impl Host {
    /// This host for a project in `copy`: git runs in the repository that it is a copy of.
    #[must_use]
    pub fn of_copy(self, copy: &TreeCopy) -> Self {
        Self { exec: Arc::new(OriginalExec { inner: self.exec, copy: copy.clone() }), ..self }
    }
}

/// Runs git in the original of a copy, and other commands in the copy.
struct OriginalExec {
    inner: Arc<dyn Exec>,
    copy: TreeCopy,
}

#[async_trait]
impl Exec for OriginalExec {
    async fn run(
        &self,
        request: &ExecRequest,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, ProcessError> {
        if request.purpose != Purpose::Git && !is_git(&request.command) {
            return self.inner.run(request, on_line, cancel).await;
        }
        let directory = self.copy.original_of(&request.directory);
        let request = ExecRequest { directory, ..request.clone() };
        self.inner.run(&request, on_line, cancel).await
    }

    fn allow(&self, command: &str) -> Result<(), ProcessError> {
        self.inner.allow(command)
    }
}

/// Whether a command of a script is git.
fn is_git(command: &CommandLine) -> bool {
    let program = match command {
        CommandLine::Program(words) => words.first().map(String::as_str),
        CommandLine::Shell(line) => line.split_whitespace().next(),
    };
    program.and_then(|program| Path::new(program).file_stem()).is_some_and(|name| name == "git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_is_recognized() {
        let program = |words: &[&str]| CommandLine::Program(words.iter().map(|&word| word.into()).collect());
        assert!(is_git(&program(&["git", "describe"])));
        assert!(is_git(&program(&["/usr/bin/git", "describe"])));
        assert!(is_git(&CommandLine::Shell("git describe | cut -c 1-7".into())));
        assert!(!is_git(&program(&["cat", "git"])));
        assert!(!is_git(&program(&[])));
    }
}
