//! Invalid YAML that a template rendered.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::pattern;

static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|\s*\n)---\s*"));

/// A template with invalid output, as helm reports it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidTemplate {
    /// The template.
    pub(super) template: String,
    /// The message of the YAML parser.
    pub(super) reason: String,
    /// The line in the document, counted from 1.
    line: Option<usize>,
}

impl InvalidTemplate {
    /// Reads the message of helm, if it is about invalid YAML.
    pub(super) fn parse(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("YAML parse error on ")?;
        let (template, reason) = rest.split_once(": ")?;
        let wrappers =
            ["error converting YAML to JSON: ", "error unmarshaling JSON: ", "while decoding JSON: "];
        let mut reason =
            wrappers.iter().fold(reason, |reason, wrapper| reason.strip_prefix(wrapper).unwrap_or(reason));
        reason = reason.strip_prefix("yaml: ").unwrap_or(reason);
        let line = reason.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
        let line = line.and_then(|(line, rest)| Some((line.parse().ok()?, rest)));
        let (line, reason) = line.map_or((None, reason), |(line, rest)| (Some(line), rest));
        Some(Self { template: template.to_owned(), reason: super::failure::one_line(reason), line })
    }

    /// The invalid document in the output of `helm template --debug`, with the position of the reported line.
    pub(super) fn document(&self, output: &str) -> Option<(String, Option<Range<usize>>)> {
        let heading = format!("# Source: {}\n", self.template);
        let start = output.find(&heading)? + heading.len();
        let rest = &output[start..];
        let file = rest.find("\n---\n# Source: ").map_or(rest, |end| &rest[..end]);
        let documents: Vec<_> =
            SEPARATOR.split(file.trim()).map(str::trim).filter(|document| !document.is_empty()).collect();
        let is_invalid = |document: &&&str| serde_yaml::from_str::<serde_json::Value>(document).is_err();
        let has_line = |document: &&&str| self.line.is_none_or(|line| document.lines().count() >= line);
        let document = documents.iter().find(is_invalid).or_else(|| documents.iter().find(has_line))?;
        let line = self.line.and_then(|line| line_range(document, line));
        Some(((*document).to_owned(), line))
    }
}

/// The position of the line `number` of `text`, without its indentation.
pub(super) fn line_range(text: &str, number: usize) -> Option<Range<usize>> {
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == number {
            let content = line.trim_end();
            let indentation = content.len() - content.trim_start().len();
            return Some(offset + indentation..offset + content.len());
        }
        offset += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invalid_document_is_found() {
        let message = "YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: line 2: mapping \
                       values are not allowed in this context";
        let invalid = InvalidTemplate::parse(message).unwrap();
        assert_eq!(invalid.reason, "mapping values are not allowed in this context");
        let output = "---\n# Source: web/templates/b.yaml\na: 1\n---\n# Source: web/templates/a.yaml\n\na: 1\n---\n\
                      b: 2\nc: d: 3\n---\n# Source: web/templates/c.yaml\nx: y\n";
        assert_eq!(invalid.document(output), Some(("b: 2\nc: d: 3".to_owned(), Some(5..12))));
        assert_eq!(InvalidTemplate::parse("boom"), None);
    }
}
