//! The labels that a Dockerfile sets.

use super::{Dockerfile, DockerfileError};

impl Dockerfile {
    /// The labels that the build target sets, in file order, without quotes and with unexpanded variables.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist.
    pub fn labels(&self, target: Option<&str>) -> Result<Vec<(String, String)>, DockerfileError> {
        let instructions = self.target(target)?.instructions().iter();
        let labels = instructions.filter(|instruction| instruction.name() == "LABEL");
        Ok(labels.flat_map(|instruction| pairs(instruction.text())).collect())
    }
}

/// The `name=value` pairs of a whole `LABEL` instruction, or its single `name value`.
fn pairs(text: &str) -> Vec<(String, String)> {
    let rest = text.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest).trim();
    let words = shell_words::split(rest).unwrap_or_default();
    let is_old_form = words.first().is_some_and(|word| !word.contains('='));
    if is_old_form {
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        return vec![(name.to_owned(), value.trim().to_owned())];
    }
    let pair = |word: String| {
        word.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .unwrap_or((word, String::new()))
    };
    words.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_every_form_are_found() {
        let text = "FROM a AS b\nLABEL other=1\nFROM b\nLABEL one=1 \"two words\"=\"a b\" \\\n  three='x=y'\nLABEL old form\n";
        let labels = Dockerfile::parse("Dockerfile", text).unwrap().labels(None).unwrap();
        let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(labels, [("one", "1"), ("two words", "a b"), ("three", "x=y"), ("old", "form")]);
    }
}
