//! Runs git for a checkout.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{GitError, GitSource};
use crate::process::{Pipe, Process, Tail};

/// Timeout of one command: a large clone over a slow connection takes minutes.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// How long a command that uses the network may print nothing: with `--progress`, git prints a line every second.
pub(super) const SILENCE: Duration = Duration::from_secs(3 * 60);

/// An ssh command that never prompts and detects a dead connection.
const SSH: &str =
    "ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4";

/// Variables that redirect git to another repository; git sets them when it runs hooks.
const FOREIGN: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"];

/// Runs git with `arguments` in `folder` and returns its standard output. Fails if git prints nothing for `silence`.
/// Git never prompts for a password: credentials come from its credential helpers and from ssh's agent.
///
/// # Errors
/// [`GitError`], which names `verb`.
pub(super) async fn git(
    verb: &'static str,
    source: &GitSource,
    folder: &Path,
    arguments: impl IntoIterator<Item = String>,
    (silence, cancel): (Option<Duration>, &CancellationToken),
) -> Result<String, GitError> {
    let process = Process::new("git").args(arguments).directory(folder).limit(LIMIT);
    let process = silence.into_iter().fold(process, Process::silence);
    let process = FOREIGN.into_iter().fold(process, |process, name| process.env_remove(name));
    let process = process.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").env("GCM_INTERACTIVE", "never");
    let mut output = String::new();
    let mut tail = Tail::default();
    let ended = without_questions(process).run(cancel, |pipe, line| match pipe {
        Pipe::Stdout => output.push_str(line),
        Pipe::Stderr => tail.push(line),
    });
    match ended.await {
        Ok(0) => Ok(output),
        Ok(_) => Err(GitError::failed(verb, source, &tail.into_lines())),
        Err(error) => Err(GitError::of_process(verb, source, error)),
    }
}

/// Adds an ssh command that fails instead of prompting, and makes stalled transfers fail, unless the user configured
/// either.
fn without_questions(process: Process) -> Process {
    let is_chosen = |names: &[&str]| names.iter().any(|name| std::env::var_os(name).is_some());
    let process = match is_chosen(&["GIT_SSH_COMMAND", "GIT_SSH"]) {
        true => process,
        false => process.env("GIT_SSH_COMMAND", SSH),
    };
    match is_chosen(&["GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME"]) {
        true => process,
        false => process.env("GIT_HTTP_LOW_SPEED_LIMIT", "1000").env("GIT_HTTP_LOW_SPEED_TIME", "60"),
    }
}
