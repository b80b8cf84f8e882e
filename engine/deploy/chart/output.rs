//! The captured output of helm.

use super::ChartError;

/// The maximum size of captured stdout: more than the manifests of any release that can be stored.
const LARGEST: usize = 128 << 20;
/// The maximum size of captured stderr; the last part is kept.
const LARGEST_ERROR: usize = 1 << 20;
/// The number of last lines that an error shows.
const LAST: usize = 20;

/// The output of helm, and its exit code.
#[derive(Debug, Default)]
pub(super) struct HelmOutput {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) is_truncated: bool,
}

impl HelmOutput {
    pub(super) fn push_stdout(&mut self, line: &str) {
        if self.stdout.len() + line.len() > LARGEST {
            self.is_truncated = true;
            return;
        }
        self.stdout.push_str(line);
        self.stdout.push('\n');
    }

    pub(super) fn push_stderr(&mut self, line: &str) {
        self.stderr.push_str(line);
        self.stderr.push('\n');
        if self.stderr.len() > LARGEST_ERROR {
            let excess = self.stderr.len() - LARGEST_ERROR / 2;
            let cut = self.stderr[..].char_indices().map(|(at, _)| at).find(|at| *at >= excess);
            self.stderr.drain(..cut.unwrap_or_default());
        }
    }

    /// The error message: all after the last `Error: `, without the words that helm puts before a cause.
    pub(super) fn message(&self) -> String {
        let start = self.stderr.match_indices("Error: ").map(|(at, _)| at);
        let is_line = |at: &usize| *at == 0 || self.stderr[..*at].ends_with('\n');
        let Some(start) = start.filter(is_line).last() else { return String::new() };
        let lines = self.stderr[start..].lines();
        let kept: Vec<_> = lines.filter(|line| !line.starts_with("Use --debug flag")).collect();
        let mut message = kept.join("\n");
        for prefix in ["Error: ", "INSTALLATION FAILED: ", "UPGRADE FAILED: "] {
            if let Some(rest) = message.strip_prefix(prefix) {
                message = rest.to_owned();
            }
        }
        message.trim().to_owned()
    }

    /// The last lines, without the error message itself.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LAST)..].iter().map(|&line| line.to_owned()).collect()
    }

    /// The whole stdout.
    ///
    /// # Errors
    /// [`ChartError::HelmFailed`] if it is too large.
    pub(super) fn into_stdout(self, action: &'static str, release: &str) -> Result<String, ChartError> {
        if self.is_truncated {
            return Err(ChartError::HelmFailed {
                action,
                release: release.to_owned(),
                reason: format!("the output of helm is larger than {} MiB", LARGEST >> 20),
                help: None,
            });
        }
        Ok(self.stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stderr: &str, expected: &str) {
        let output = HelmOutput { stderr: stderr.to_owned(), ..HelmOutput::default() };
        assert_eq!(output.message(), expected);
    }

    #[test]
    fn messages_have_no_prefixes() {
        check("Error: repo acme not found\n", "repo acme not found");
        check(
            "WARNING: x\nError: UPGRADE FAILED: boom\n\nUse --debug flag to render out invalid YAML\n",
            "boom",
        );
        check("Error: first Error: second\n", "first Error: second");
        check("no message\n", "");
    }

    #[test]
    fn endless_errors_are_cut() {
        let mut output = HelmOutput::default();
        (0..300_000).for_each(|number| output.push_stderr(&format!("line {number} ä")));
        assert!(output.stderr.len() <= LARGEST_ERROR);
        assert_eq!(output.last_lines().last().unwrap(), "line 299999 ä");
    }
}
