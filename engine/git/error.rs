//! Errors of git checkouts.

use std::path::{Path, PathBuf};

use super::GitSource;
use super::source::without_credentials;
use crate::process::ProcessError;

/// Why a repository cannot be checked out. Contains no password of its URL.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GitError {
    /// The user cancelled it.
    #[error("checking out `{url}` was cancelled")]
    #[diagnostic(code(git::cancelled))]
    Cancelled {
        /// The repository.
        url: String,
    },

    /// `git` is not installed.
    #[error("cannot check out `{url}`: `git` is not installed")]
    #[diagnostic(code(git::missing), help("install git"))]
    Missing {
        /// The repository.
        url: String,
    },

    /// Git failed.
    #[error("cannot {verb} `{source_name}`: {reason}")]
    #[diagnostic(code(git::failed))]
    Failed {
        /// The failed action: `clone`, `update`.
        verb: &'static str,
        /// Repository and reference.
        source_name: String,
        /// Git's error message.
        reason: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// The directory of checkouts cannot be used.
    #[error("cannot store checkouts in `{}`: {reason}", folder.display())]
    #[diagnostic(code(git::folder), help("set `XDG_CACHE_HOME` to move the directory"))]
    Folder {
        /// The directory.
        folder: PathBuf,
        /// The reason.
        reason: String,
    },
}

impl GitError {
    /// Git printed `lines` and failed.
    pub(super) fn failed(verb: &'static str, source: &GitSource, lines: &[String]) -> Self {
        let lines: Vec<_> = lines.iter().map(|line| redacted(line, &source.url)).collect();
        let is_said = |line: &&String| line.starts_with("fatal:") || line.starts_with("error:");
        let said = lines.iter().find(is_said).or(lines.last());
        let reason = said.map_or("git printed no error", String::as_str);
        let reason = reason.trim_start_matches("fatal: ").trim_start_matches("error: ").trim_end_matches('.');
        let help = help(source, &lines.join("\n"));
        Self::Failed { verb, source_name: source.to_string(), reason: lower_first(reason), help }
    }

    /// Git could not be run until it exited.
    pub(super) fn of_process(verb: &'static str, source: &GitSource, error: ProcessError) -> Self {
        let url = source.shown_url();
        match error {
            ProcessError::Cancelled { .. } => Self::Cancelled { url },
            ProcessError::NotFound { .. } => Self::Missing { url },
            ProcessError::Silent { limit, .. } => Self::Failed {
                verb,
                source_name: source.to_string(),
                reason: format!("no progress for {} seconds", limit.as_secs()),
                help: format!("check the network and the server: `git ls-remote {url}`"),
            },
            error => Self::Failed {
                verb,
                source_name: source.to_string(),
                reason: error.to_string(),
                help: format!("run `git ls-remote {url}` to reproduce the failure"),
            },
        }
    }

    /// A file system operation failed.
    pub(super) fn folder(folder: &Path, error: &std::io::Error) -> Self {
        Self::Folder { folder: folder.to_owned(), reason: error.to_string() }
    }
}

/// The hint for an error of which git printed `text`.
fn help(source: &GitSource, text: &str) -> String {
    let url = source.shown_url();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "could not read Username",
        "Authentication failed",
        "Permission denied",
        "terminal prompts disabled",
    ]) {
        return format!("give git credentials so that `git ls-remote {url}` works without a prompt");
    }
    if says(&[
        "Remote branch",
        "couldn't find remote ref",
        "did not match any",
        "not a tree",
        "unknown revision",
    ]) {
        return format!("list the existing references: `git ls-remote {url}`");
    }
    format!("run `git ls-remote {url}` to reproduce the failure")
}

/// `line` without the credentials of `url`.
fn redacted(line: &str, url: &str) -> String {
    line.replace(url, &without_credentials(url)).replace(secret_part(url), "")
}

/// The part of `url` between scheme and host, with its `@`; without one, a string that no line contains.
fn secret_part(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.rfind('@').and_then(|at| rest.get(..=at)).filter(|part| part.len() > 1).unwrap_or("\0")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
