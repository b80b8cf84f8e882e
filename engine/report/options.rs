//! How a run is shown.

use std::ffi::OsString;
use std::path::PathBuf;

/// How a run is shown, and what of it is kept.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// How events are shown; [`ProgressMode::Auto`] by default.
    pub progress: ProgressMode,
    /// Shows failed images only. JSON lines are not thinned out: whoever asks for them filters them.
    pub silent: bool,
    /// Shows notices of [`Level::Debug`](crate::event::Level::Debug) too.
    pub debug: bool,
    /// Whether text is coloured; [`Color::Auto`] by default.
    pub color: Color,
    /// The folder of the log files, `.windlass/logs` by convention; no log files when absent.
    pub log_directory: Option<PathBuf>,
    /// The file that receives the [result](super) of the run; none when absent.
    pub result: Option<PathBuf>,
}

/// How events are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// `terminal` when stderr is one, else `plain`.
    #[default]
    Auto,
    /// One live line per running image. Falls back to `plain` when stderr is not a terminal.
    Terminal,
    /// Lines prefixed with the image's name.
    Plain,
    /// One JSON object a line, on stdout.
    Json,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal that knows colours, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// The decision, given whether stderr is a terminal with colours and the value of `NO_COLOR`.
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
