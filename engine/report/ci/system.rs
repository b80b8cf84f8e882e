//! The marks of GitHub Actions and GitLab in a log.

use jiff::Timestamp;

/// A CI system whose logs have folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiSystem {
    /// GitHub Actions.
    Github,
    /// GitLab.
    Gitlab,
}

impl CiSystem {
    /// The system that the environment is of; `variable` reads an environment variable.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_set = |name: &str| variable(name).as_deref() == Some("true");
        match () {
            () if is_set("GITHUB_ACTIONS") => Some(Self::Github),
            () if is_set("GITLAB_CI") => Some(Self::Gitlab),
            () => None,
        }
    }

    /// `text`, foreign output of complete lines, folded under `title`. `number` identifies the fold.
    pub(super) fn folded(self, title: &str, text: &str, number: usize, now: Timestamp) -> String {
        let text = self.guarded(text);
        match self {
            Self::Github => format!("::group::{}\n{text}::endgroup::\n", escaped(title)),
            Self::Gitlab => {
                let (time, name) = (now.as_second(), format!("windlass_{number}"));
                let start = format!("\x1b[0Ksection_start:{time}:{name}[collapsed=true]\r\x1b[0K{title}");
                format!("{start}\n{text}\x1b[0Ksection_end:{time}:{name}\r\x1b[0K\n")
            }
        }
    }

    /// `text`, complete lines, so that the system does not read its lines as commands.
    pub fn guarded(self, text: &str) -> String {
        match self {
            Self::Github => {
                // Nothing that was written before it was chosen can contain it.
                let token: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
                format!("::stop-commands::{token}\n{text}::{token}::\n")
            }
            // Sections begin with an escape character, which no line has.
            Self::Gitlab => text.to_owned(),
        }
    }

    /// `line`, guarded if the system would read it as a command.
    pub(super) fn guarded_line(self, line: &str) -> String {
        let line = format!("{line}\n");
        // Older commands may begin in the middle of a line.
        if line.trim_start().starts_with("::") || line.contains("##[") { self.guarded(&line) } else { line }
    }
}

/// `text` as the message of a command of GitHub Actions.
pub(super) fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `text` as the value of a property of a command of GitHub Actions.
pub(super) fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_recognized_by_their_variables() {
        let of = |name: &str, value: &str| CiSystem::of(|asked| (asked == name).then(|| value.to_owned()));
        assert_eq!(of("GITHUB_ACTIONS", "true"), Some(CiSystem::Github));
        assert_eq!(of("GITLAB_CI", "true"), Some(CiSystem::Gitlab));
        assert_eq!(of("GITHUB_ACTIONS", "false"), None);
        assert_eq!(of("CI", "true"), None);
    }

    #[test]
    fn only_lines_that_may_be_commands_are_guarded() {
        let guarded = |line: &str| CiSystem::Github.guarded_line(line).starts_with("::stop-commands::");
        assert!(guarded("  ::error::x") && guarded("x ##[error]y"));
        assert!(!guarded("a::b") && !guarded("api | built"));
        assert_eq!(CiSystem::Gitlab.guarded_line("::x"), "::x\n");
    }
}
