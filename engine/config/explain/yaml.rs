//! The effective configuration as YAML.
//!
//! `serde_yaml` cannot write it, because plain scalars must be written as they were read (`1.10`, `007`), and because
//! every value may have a comment.

use std::fmt::Write as _;

use super::Origins;
use crate::config::node::{Entry, Mapping, Scalar, Style, Value, YamlNode};
use crate::config::variable::{escape, is_filled_late};

/// `document` as YAML; with `origins`, each value is followed by a comment with its origin.
pub(super) fn write(document: &Mapping, origins: Option<&Origins>) -> String {
    let mut writer = Writer { out: String::new(), origins, escapes: true };
    for (key, entry) in document {
        // In sections whose references are filled in later, they are still references.
        writer.escapes = !is_filled_late(key);
        writer.entry(key, entry, 0, "");
    }
    if document.is_empty() {
        writer.out.push_str("{}\n");
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    origins: Option<&'a Origins>,
    /// Whether strings that look like references are literal and must be escaped.
    escapes: bool,
}

impl Writer<'_> {
    /// Writes an entry whose first line begins with `lead`; its other lines are indented by `indent` spaces.
    fn entry(&mut self, key: &str, entry: &Entry, indent: usize, lead: &str) {
        let key = if is_plain(key) && reads_as_text(key) { key.to_owned() } else { quoted(key) };
        let _ = write!(self.out, "{lead}{key}:");
        match &entry.node.value {
            Value::Mapping(mapping) if !mapping.is_empty() => {
                self.out.push('\n');
                self.mapping(mapping, indent + 2, &" ".repeat(indent + 2));
            }
            Value::Sequence(nodes) if !nodes.is_empty() => {
                self.out.push('\n');
                self.sequence(nodes, indent, &" ".repeat(indent));
            }
            _ => {
                self.out.push(' ');
                self.leaf(&entry.node, indent);
            }
        }
    }

    fn mapping(&mut self, mapping: &Mapping, indent: usize, lead: &str) {
        let rest = " ".repeat(indent);
        for (index, (key, entry)) in mapping.iter().enumerate() {
            self.entry(key, entry, indent, if index == 0 { lead } else { &rest });
        }
    }

    fn sequence(&mut self, nodes: &[YamlNode], indent: usize, lead: &str) {
        let rest = " ".repeat(indent);
        for (index, node) in nodes.iter().enumerate() {
            let lead = format!("{}- ", if index == 0 { lead } else { &rest });
            match &node.value {
                Value::Mapping(mapping) if !mapping.is_empty() => self.mapping(mapping, indent + 2, &lead),
                Value::Sequence(nodes) if !nodes.is_empty() => self.sequence(nodes, indent + 2, &lead),
                _ => {
                    self.out.push_str(&lead);
                    self.leaf(node, indent);
                }
            }
        }
    }

    /// Writes a scalar, an empty map or an empty list, to the end of its line.
    fn leaf(&mut self, node: &YamlNode, indent: usize) {
        let comment =
            self.origins.map(|origins| format!("  # {}", origins.of(node.span))).unwrap_or_default();
        let text = match &node.value {
            Value::Mapping(_) => "{}".to_owned(),
            Value::Sequence(_) => "[]".to_owned(),
            Value::Scalar(scalar) => match self.escaped(scalar) {
                text if is_block(&text) => return self.block(&text, indent, &comment),
                text => inline(&text, scalar),
            },
        };
        let _ = writeln!(self.out, "{text}{comment}");
    }

    fn escaped(&self, scalar: &Scalar) -> String {
        if self.escapes { escape(&scalar.text) } else { scalar.text.clone() }
    }

    /// Writes a string of several lines as a block scalar.
    fn block(&mut self, text: &str, indent: usize, comment: &str) {
        let (lines, keep) = match text.strip_suffix('\n') {
            Some(lines) => (lines, ""),
            None => (text, "-"),
        };
        let _ = writeln!(self.out, "|{keep}{comment}");
        for line in lines.split('\n') {
            let indent = if line.is_empty() { 0 } else { indent + 2 };
            let _ = writeln!(self.out, "{}{line}", " ".repeat(indent));
        }
    }
}

/// A scalar of one line, quoted unless it reads back as the same value without quotes.
fn inline(text: &str, scalar: &Scalar) -> String {
    if scalar.is_null() {
        return "null".to_owned();
    }
    let is_text =
        scalar.style == Style::Text || (scalar.style == Style::Substituted && reads_as_text_in(scalar));
    if is_plain(text) && (!is_text || reads_as_text(text)) { text.to_owned() } else { quoted(text) }
}

/// Whether the value of a variable is a string for an untyped key.
fn reads_as_text_in(scalar: &Scalar) -> bool {
    YamlNode { span: Default::default(), value: Value::Scalar(scalar.clone()) }.to_json().is_string()
}

/// Whether `text` without quotes is read as a string in all versions of YAML.
fn reads_as_text(text: &str) -> bool {
    let plain = Scalar { text: text.to_owned(), ..Scalar::null() };
    let is_word = matches!(text, "y" | "Y" | "n" | "N");
    !plain.is_null()
        && plain.as_bool().is_none()
        && !is_word
        && !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '.' | '+' | '-'))
}

/// Whether `text` can be written without quotes: no part of it is YAML syntax.
fn is_plain(text: &str) -> bool {
    let first = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '$' | '+' | '-' | '(' | '^');
    let inner = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '/' | '.' | '$' | '+' | '-' | '(' | ')' | '^' | ' ' | ':' | '@' | ',')
            || matches!(
                c,
                '=' | '{' | '}' | '[' | ']' | '<' | '>' | '*' | '?' | ';' | '&' | '|' | '~' | '%' | '\''
            )
            || matches!(c, '"' | '#' | '!' | '\\')
    };
    text.starts_with(first)
        && text.chars().all(inner)
        && text.chars().nth(1).is_none_or(|second| second != ' ' || !text.starts_with('-'))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !matches!(text, "-" | "---" | "...")
        && !text.starts_with("--- ")
        && !text.starts_with("... ")
}

/// Whether `text` can be written as a block scalar. Its first line must not begin with white space, which would be
/// read as indentation, and it may end with at most one line break.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with("\n\n")
        && text.lines().all(|line| !line.ends_with([' ', '\t']))
        && text.chars().all(|c| c == '\n' || is_printable(c))
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => drop(write!(quoted, "\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::parse::parse;
    use crate::config::problem::Diagnostics;

    fn read(text: &str) -> YamlNode {
        let mut problems = Diagnostics::new("f", text.into());
        let node = parse(text, &mut problems);
        let problems = problems.finish().0;
        assert!(problems.is_empty(), "{problems:?}\n{text}");
        node.expect("a document")
    }

    fn written(node: &YamlNode) -> String {
        write(node.as_mapping().expect("a map"), None)
    }

    #[test]
    fn document_is_written_as_it_is_read() {
        let text = "\
a: 1.10
b:
- x
- k: 007
  l:
  - - 1
    - \"2\"
  - []
c:
  d: null
  e: {}
  f: |
    one

      two
  g: |-
    one
    two
\"h: i\": \"true\"
j: true
k: don't
";
        assert_eq!(written(&read(text)), text);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn every_text_reads_back_the_same(texts in prop::collection::vec("(?s).{0,12}|[-:#?{} \\[\\]'\"\n\t$a1.]{0,12}", 1..5)) {
            let node = |text: &String| YamlNode { span: Default::default(), value: Value::Scalar(quoted_scalar(text)) };
            let nodes: Vec<YamlNode> = texts.iter().map(node).collect();
            let list = YamlNode { span: Default::default(), value: Value::Sequence(nodes) };
            let mut document = Mapping::new();
            for text in &texts {
                document.insert(text.clone(), Entry { key: Default::default(), node: node(text) });
            }
            document.insert("list".to_owned(), Entry { key: Default::default(), node: list });
            let document = YamlNode { span: Default::default(), value: Value::Mapping(document) };
            let mut writer = Writer { out: String::new(), origins: None, escapes: false };
            writer.mapping(document.as_mapping().expect("a map"), 0, "");
            prop_assert_eq!(read(&writer.out).to_json(), document.to_json(), "{}", writer.out);
        }
    }

    fn quoted_scalar(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), style: Style::Text, ..Scalar::null() }
    }
}
