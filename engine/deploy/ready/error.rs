//! The errors of a failed wait.

use std::fmt::Display;
use std::time::Duration;

use miette::Diagnostic;

use super::{Problem, Summary};
use crate::plural::counted;

/// The maximum number of lines of a log.
const LINES: usize = 10;

/// A deployment failed because of a problem of one of its objects.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{}", self.message(), indented(.log))]
pub struct RolloutError {
    /// The deployment.
    pub deployment: String,
    /// The problem.
    pub problem: Problem,
    /// The timeout, if only that ended the wait.
    pub timeout: Option<Duration>,
    /// The last lines of the log of its container.
    pub log: Vec<String>,
    /// Hints about the deployment as a whole, before that about the object.
    pub hints: Vec<String>,
}

/// A deployment is not ready in time, and nothing explains why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot deploy {deployment} within {}: {} not ready{}", seconds(.timeout), objects(.waiting), indented(&plain(.waiting)))]
pub struct RolloutTimeout {
    /// The deployment.
    pub deployment: String,
    /// The timeout.
    pub timeout: Duration,
    /// The objects that are not ready.
    pub waiting: Vec<Summary>,
}

impl RolloutError {
    /// The error of `deployment` that `problem` causes.
    pub fn new(deployment: impl Into<String>, problem: Problem) -> Self {
        Self { deployment: deployment.into(), problem, timeout: None, log: Vec::new(), hints: Vec::new() }
    }

    /// The error at the end of `timeout`, which alone ended the wait.
    #[must_use]
    pub fn after(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The error with the last 10 of the `lines` of the container's log. They may reveal the cause of the problem.
    #[must_use]
    pub fn with_log(mut self, lines: &[impl AsRef<str>]) -> Self {
        self.problem = self.problem.with_log(lines);
        let lines: Vec<_> =
            lines.iter().map(|line| line.as_ref().trim_end()).filter(|line| !line.is_empty()).collect();
        self.log = lines[lines.len().saturating_sub(LINES)..].iter().map(|&line| line.to_owned()).collect();
        self
    }

    /// The error with a hint about the deployment as a whole, such as how to roll it back.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The message without the log, in one line.
    pub fn message(&self) -> String {
        let within = self.timeout.map(|timeout| format!(" within {}", seconds(&timeout))).unwrap_or_default();
        format!("cannot deploy {}{within}: {}", self.deployment, self.problem.message())
    }
}

impl Diagnostic for RolloutError {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.problem.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let mut hints = self.hints.clone();
        hints.push(self.problem.help());
        Some(Box::new(hints.join("; ")))
    }
}

impl Diagnostic for RolloutTimeout {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new("deploy::timeout"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new("raise `--timeout`, or set `--wait=false`"))
    }
}

fn objects(waiting: &[Summary]) -> String {
    let verb = if waiting.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", number(waiting.len(), "object"))
}

fn seconds(timeout: &Duration) -> String {
    counted(timeout.as_secs(), "second")
}

fn number(count: usize, noun: &str) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), noun)
}

fn plain(waiting: &[Summary]) -> Vec<String> {
    waiting.iter().map(Summary::plain).collect()
}

/// The lines below a message.
fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
