//! Git as scripts see it.

use rhai::plugin::*;

/// Facts of git about the project: the properties of `git`. Each is queried once, until the script runs a command or
/// writes a file.
#[export_module]
pub mod git {
    use rhai::{Array, Dynamic};

    use super::Git;
    use crate::script::RhaiResultOf;

    /// Whether the project is in a git repository with at least one commit.
    ///
    /// # Errors
    /// `stage::git::failed` if git fails: the repository belongs to another user, or is damaged.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { if git.is_repository { [git.short] } else { ["local"] } }
    /// ```
    #[rhai_fn(get = "is_repository", pure, return_raw)]
    pub fn is_repository(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<bool> {
        super::has_commit(&context)
    }

    /// The branch, or `()` if no branch is checked out, as on most CI servers.
    #[rhai_fn(get = "branch", pure, return_raw)]
    pub fn branch(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<Dynamic> {
        super::commit(&context, &["rev-parse", "HEAD"])?;
        let answer = super::ask(&context, &["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        Ok(if answer.code == 0 { answer.output.into() } else { Dynamic::UNIT })
    }

    /// The commit, 40 hex digits.
    #[rhai_fn(get = "commit", pure, return_raw)]
    pub fn commit(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<String> {
        super::commit(&context, &["rev-parse", "HEAD"])
    }

    /// The shortest unique prefix of the commit, at least 7 digits.
    #[rhai_fn(get = "short", pure, return_raw)]
    pub fn short(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<String> {
        super::commit(&context, &["rev-parse", "--short", "HEAD"])
    }

    /// Whether a file differs from the commit, or is new and not ignored.
    #[rhai_fn(get = "is_dirty", pure, return_raw)]
    pub fn is_dirty(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<bool> {
        Ok(!super::commit(&context, &["status", "--porcelain"])?.is_empty())
    }

    /// The tags of the commit, the highest version first.
    #[rhai_fn(get = "tags", pure, return_raw)]
    pub fn tags(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<Array> {
        let tags = super::commit(&context, &["tag", "--points-at", "HEAD", "--sort=-version:refname"])?;
        Ok(tags.lines().map(|tag| tag.to_owned().into()).collect())
    }

    /// The time of the commit in UTC: `2026-03-01T12:30:59Z`.
    #[rhai_fn(get = "time", pure, return_raw)]
    pub fn time(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<String> {
        let seconds = super::commit(&context, &["show", "--no-patch", "--format=%ct", "HEAD"])?;
        let time = seconds.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        Ok(time.unwrap_or_default().to_string())
    }

    /// The URL of the remote `origin`, without a password, or `()` without such a remote.
    #[rhai_fn(get = "remote", pure, return_raw)]
    pub fn remote(context: NativeCallContext, _git: &mut Git) -> RhaiResultOf<Dynamic> {
        let answer = super::ask(&context, &["remote", "get-url", "origin"])?;
        Ok(if answer.code == 0 { super::without_password(&answer.output).into() } else { Dynamic::UNIT })
    }

    /// The nearest tag, the number of commits since, and the commit, with `-dirty` if files differ from it: `v1.4.0`,
    /// `v1.4.0-3-g1a2b3c4-dirty`; without any tag, only the commit.
    ///
    /// # Errors
    /// `stage::git::...` if the project is not in a git repository.
    ///
    /// # Example
    /// ```rhai
    /// fn tags(image) { if git.is_repository { [git.describe()] } else { ["local"] } }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn describe(context: NativeCallContext, git: &mut Git) -> RhaiResultOf<String> {
        let text = super::commit(&context, &["describe", "--tags", "--always"])?;
        let mark = if is_dirty(context, git)? { "-dirty" } else { "" };
        Ok(format!("{text}{mark}"))
    }

    /// `git`, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(_git: &mut Git) -> String {
        "git".to_owned()
    }
}

use super::current;
use crate::error::StageError;
use crate::git::GitUnavailable;
use crate::run::GitAnswer;
use crate::script::RhaiResultOf;

/// The value of the constant `git`.
#[derive(Debug, Clone, Copy)]
pub struct Git;

/// A git query failed.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum GitError {
    #[error("`git {question}` failed: {reason}")]
    #[diagnostic(code(stage::git::failed))]
    Failed {
        question: String,
        reason: String,
        #[help]
        help: Option<String>,
    },

    #[error("the project has no commit yet")]
    #[diagnostic(code(stage::git::no_commit), help("create a commit, or check `git.is_repository` first"))]
    NoCommit,

    #[error("the project is not in a git repository")]
    #[diagnostic(
        code(stage::git::no_repository),
        help("run `git init` and create a commit, or check `git.is_repository` first")
    )]
    NoRepository,
}

/// The output of git for `arguments`, or an error if it fails.
fn commit(context: &NativeCallContext<'_>, arguments: &[&str]) -> RhaiResultOf<String> {
    let answer = ask(context, arguments)?;
    if answer.code == 0 {
        return Ok(answer.output);
    }
    // Either this query failed, or every query of this repository does.
    let error = match GitUnavailable::of(&answer.errors) {
        GitUnavailable::NoRepository => GitError::NoRepository,
        GitUnavailable::NoCommit => GitError::NoCommit,
        trouble @ GitUnavailable::Other { .. } => {
            if !has_commit(context)? {
                GitError::NoCommit
            } else {
                failed(arguments, trouble)
            }
        }
    };
    Err(StageError::from(error).into())
}

/// Whether the repository has a commit.
fn has_commit(context: &NativeCallContext<'_>) -> RhaiResultOf<bool> {
    let arguments = ["rev-parse", "--verify", "--quiet", "HEAD"];
    let answer = ask(context, &arguments)?;
    // Without a commit, git prints nothing.
    if answer.code == 0 || answer.errors.is_empty() {
        return Ok(answer.code == 0);
    }
    match GitUnavailable::of(&answer.errors) {
        GitUnavailable::NoRepository | GitUnavailable::NoCommit => Ok(false),
        trouble => Err(StageError::from(failed(&arguments, trouble)).into()),
    }
}

fn failed(arguments: &[&str], trouble: GitUnavailable) -> GitError {
    let (reason, advice) = match trouble {
        GitUnavailable::Other { reason, advice } => (reason, advice),
        GitUnavailable::NoRepository | GitUnavailable::NoCommit => return GitError::NoCommit,
    };
    let help = advice.map(|advice| format!("run `{advice}`, as git suggests"));
    GitError::Failed { question: arguments.join(" "), reason, help }
}

/// The answer of git to `arguments`, even if it fails.
fn ask(context: &NativeCallContext<'_>, arguments: &[&str]) -> RhaiResultOf<GitAnswer> {
    Ok(current::run(context)?.ask_git(arguments)?)
}

/// `address` without user name and password, if it is a URL.
fn without_password(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else { return address.to_owned() };
    if url.password().is_some() || url.scheme().starts_with("http") {
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.to_string()
}
