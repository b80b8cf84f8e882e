//! The output of a finished program.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use regex::Regex;

/// The result of a program: status and both outputs. Assertions print everything on failure, and can be chained.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// Its exit status.
    pub status: ExitStatus,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
}

impl Output {
    /// Standard output, then standard error.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The exit code; `None` if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts that it exited with code 0.
    #[track_caller]
    pub fn success(&self) -> &Self {
        self.exits(0)
    }

    /// Asserts its exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert!(self.code() == Some(code), "expected exit code {code}\n{self}");
        self
    }

    /// Asserts that stdout contains `text`.
    #[track_caller]
    pub fn stdout_has(&self, text: impl AsRef<str>) -> &Self {
        let text = text.as_ref();
        assert!(self.stdout.contains(text), "stdout lacks `{text}`\n{self}");
        self
    }

    /// Asserts that stderr contains `text`.
    #[track_caller]
    pub fn stderr_has(&self, text: impl AsRef<str>) -> &Self {
        let text = text.as_ref();
        assert!(self.stderr.contains(text), "stderr lacks `{text}`\n{self}");
        self
    }

    /// Asserts that stderr contains `text`, regardless of how a diagnostic wraps its lines.
    #[track_caller]
    pub fn stderr_says(&self, text: impl AsRef<str>) -> &Self {
        let text = text.as_ref();
        let words = self.stderr.split_whitespace().filter(|word| *word != "|");
        let flat = words.collect::<Vec<_>>().join(" ");
        assert!(flat.contains(text), "stderr lacks `{text}`, regardless of line breaks\n{self}");
        self
    }

    /// Asserts that neither output contains `text`.
    #[track_caller]
    pub fn lacks(&self, text: impl AsRef<str>) -> &Self {
        let text = text.as_ref();
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "an output contains `{text}`, which it must not\n{self}"
        );
        self
    }

    /// Asserts that stdout is exactly `text`.
    #[track_caller]
    pub fn stdout_is(&self, text: impl AsRef<str>) -> &Self {
        let text = text.as_ref();
        assert!(self.stdout == text, "stdout should be:\n{text}\n{self}");
        self
    }

    /// Each line of stdout as JSON.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}` is not JSON: {error}\n{self}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// Exit code and both outputs with durations, digests and the names of this run replaced, for snapshots.
    pub fn snapshot(&self) -> String {
        let rules = [
            (regex::escape(super::run_name::run_name()), "[run]"),
            (r"(?:sha256:)?[0-9a-f]{64}\b".to_owned(), "[digest]"),
            (r"127\.0\.0\.1:\d{2,5}".to_owned(), "[registry]"),
            (r"\b\d+(?:\.\d+)?\s?(?:ms|s|min)\b".to_owned(), "[time]"),
        ];
        let mut text = format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            self.code().map_or_else(|| "by signal".to_owned(), |code| code.to_string()),
            self.stdout,
            self.stderr
        );
        for (pattern, replacement) in rules {
            let rule = Regex::new(&pattern).expect("the pattern of a snapshot rule is valid");
            text = rule.replace_all(&text, replacement).into_owned();
        }
        text
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "--- command: {}", self.command)?;
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => writeln!(formatter, "--- exit code: {code}")?,
            (None, signal) => writeln!(formatter, "--- ended by signal: {signal:?}")?,
        }
        write!(formatter, "--- stdout:\n{}\n--- stderr:\n{}\n--- end", self.stdout, self.stderr)
    }
}
