//! Colors and symbols.

use console::{Style, StyledObject};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::event::Outcome;

/// The style of text: colored or not, with Unicode or ASCII symbols.
///
/// Colors never add information to the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    color: bool,
    unicode: bool,
}

impl Look {
    pub(super) fn new(color: bool, unicode: bool) -> Self {
        Self { color, unicode }
    }

    /// The symbol before a finished image.
    pub(super) fn mark(&self, outcome: Outcome) -> StyledObject<&'static str> {
        let (unicode, ascii, style) = match outcome {
            Outcome::Built => ("✔", "+", Style::new().green()),
            Outcome::Skipped => ("·", "-", Style::new().dim()),
            Outcome::Failed => ("✘", "x", Style::new().red()),
            Outcome::Cancelled => ("○", "o", Style::new().yellow()),
        };
        self.apply(style, if self.unicode { unicode } else { ascii })
    }

    /// The spinner before a running image, at `frame`.
    pub(super) fn spinner(&self, frame: usize) -> StyledObject<&'static str> {
        const UNICODE: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
        const ASCII: [&str; 4] = ["|", "/", "-", "\\"];
        let frames: &[_] = if self.unicode { &UNICODE } else { &ASCII };
        self.apply(Style::new().cyan(), frames[frame % frames.len()])
    }

    /// The ellipsis for truncated text.
    pub(super) fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// Separates the parts of a line.
    pub(super) fn separator(&self) -> &'static str {
        if self.unicode { " · " } else { " | " }
    }

    /// `what`, and the time of day in `zone`.
    pub(super) fn at(&self, what: &str, time: Timestamp, zone: &TimeZone) -> String {
        format!("{what} {}", self.dim(time.to_zoned(zone.clone()).strftime("%H:%M:%S")))
    }

    pub(super) fn dim<D>(&self, text: D) -> StyledObject<D> {
        self.apply(Style::new().dim(), text)
    }

    pub(super) fn failure<D>(&self, text: D) -> StyledObject<D> {
        self.apply(Style::new().red(), text)
    }

    pub(super) fn warning<D>(&self, text: D) -> StyledObject<D> {
        self.apply(Style::new().yellow(), text)
    }

    pub(super) fn name<D>(&self, text: D) -> StyledObject<D> {
        self.apply(Style::new().bold(), text)
    }

    /// The decision on colors is based on the stream in use, so it overrides the global decision of `console`.
    fn apply<D>(&self, style: Style, text: D) -> StyledObject<D> {
        style.apply_to(text).force_styling(self.color)
    }
}

/// Whether the locale indicates a UTF-8 terminal; `variable` reads an environment variable.
///
/// The first variable that is set takes precedence, in the order of POSIX (Base Definitions, 8.2). Windows has no such
/// variables; Windows Terminal sets `WT_SESSION`, the fonts of the old console often lack the symbols.
pub(super) fn shows_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    if cfg!(windows) {
        return variable("WT_SESSION").is_some();
    }
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn first_locale_variable_that_is_set_decides_on_marks() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], expected: bool) {
            let find = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(shows_unicode(find), expected, "{variables:?}");
        }
        check(&[], false);
        check(&[("LANG", "C")], false);
        check(&[("LANG", "de_DE.UTF-8")], true);
        check(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], false);
        check(&[("LC_ALL", ""), ("LC_CTYPE", "en_US.utf8")], true);
    }
}
