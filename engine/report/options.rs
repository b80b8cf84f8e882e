//! The options of a report.

use std::ffi::OsString;
use std::path::PathBuf;

use super::ci::{CiSystem, ReportFiles};

/// The options of a report: its form, and its files.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// How events are shown; [`ProgressMode::Auto`] by default.
    pub progress: ProgressMode,
    /// Shows only failed images. JSON lines are not filtered, because their readers can do it.
    pub silent: bool,
    /// Shows notices of [`Level::Debug`](crate::event::Level::Debug) too.
    pub debug: bool,
    /// Whether text is colored; [`Color::Auto`] by default.
    pub color: Color,
    /// The directory of the log files, `.windlass/logs` by convention; no log files if absent.
    pub log_directory: Option<PathBuf>,
    /// The file for the [result](super) of the run; none if absent.
    pub result: Option<PathBuf>,
    /// The file for the trace of the run; none if absent.
    pub trace: Option<PathBuf>,
    /// The files for later steps of a CI job.
    pub files: ReportFiles,
}

/// How events are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// `github` or `gitlab` in a job of one of these; otherwise `terminal` if stderr is a terminal, else `plain`.
    #[default]
    Auto,
    /// One live line per running image. Falls back to `plain` if stderr is not a terminal.
    Terminal,
    /// Lines prefixed with the image's name.
    Plain,
    /// One JSON object per line, on stdout.
    Json,
    /// Folds and annotations of GitHub Actions.
    Github,
    /// Folds of GitLab.
    Gitlab,
}

impl ProgressMode {
    /// The CI system for which events are shown; `variable` reads an environment variable.
    pub fn ci_system(self, variable: impl Fn(&str) -> Option<String>) -> Option<CiSystem> {
        match self {
            Self::Auto => CiSystem::of(variable),
            Self::Github => Some(CiSystem::Github),
            Self::Gitlab => Some(CiSystem::Gitlab),
            Self::Terminal | Self::Plain | Self::Json => None,
        }
    }
}

/// Whether text is colored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal that supports colors, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to use colors, given whether stderr is a terminal that supports them and the value of `NO_COLOR`.
    ///
    /// An empty `NO_COLOR` counts as unset (no-color.org).
    pub(super) fn decide(self, terminal: bool, no_color: Option<OsString>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(|value| value.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_wins_over_a_terminal_but_not_over_always() {
        let set = || Some(OsString::from("1"));
        assert!(Color::Auto.decide(true, None));
        assert!(Color::Auto.decide(true, Some(OsString::new())));
        assert!(!Color::Auto.decide(true, set()));
        assert!(!Color::Auto.decide(false, None));
        assert!(Color::Always.decide(false, set()));
        assert!(!Color::Never.decide(true, None));
    }
}
