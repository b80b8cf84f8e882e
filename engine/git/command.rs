//! Running git for a checkout.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{GitError, GitSource};
use crate::process::{Pipe, Process, Tail};

/// How long one command may take: a large clone over a slow line does.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// For how long a command that uses the network may print nothing: with `--progress` it prints something every second.
pub(super) const SILENCE: Duration = Duration::from_secs(3 * 60);

/// An ssh that asks nothing and notices when nobody is there.
const SSH: &str =
    "ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4";

/// Variables that point git at another repository, as inside of git's own hooks.
const FOREIGN: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"];

/// Runs git with `arguments` in `folder`, for as long as it does not say nothing for `silence`; gives what it printed to
/// its standard output. It asks nobody for a
/// password: credentials come from git's own helpers and ssh's agent.
///
/// # Errors
/// [`GitError`], saying that `verb` failed.
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

/// With an ssh that fails where it would ask, and transfers that fail where nothing comes, unless the user chose other
/// ways.
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
