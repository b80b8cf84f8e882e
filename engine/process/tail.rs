//! The end of some output.

use std::collections::VecDeque;

/// The maximum number of lines.
const LINES: usize = 20;

/// The last 20 lines of some output, which are shown again if the command fails.
#[derive(Debug, Default)]
pub struct Tail(VecDeque<String>);

impl Tail {
    /// Appends a line.
    pub fn push(&mut self, line: impl Into<String>) {
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.into());
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<String> {
        self.0.into()
    }

    /// The lines under a heading; `None` without lines.
    pub fn into_help(self) -> Option<String> {
        last_lines(&self.into_lines())
    }
}

/// Lines of output under a heading; `None` without lines.
pub fn last_lines(lines: &[String]) -> Option<String> {
    (!lines.is_empty()).then(|| format!("the end of its output:\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        (0..30).for_each(|line| tail.push(line.to_string()));
        let lines = tail.into_lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[19].as_str()), (20, "10", "29"));
        assert_eq!(Tail::default().into_help(), None);
    }
}
