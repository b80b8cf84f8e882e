//! A problem in a manifest, with its location.

use std::fmt;
use std::sync::{Arc, OnceLock};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::ManifestOrigin;
use super::node::{Fault, Node, ParsedDocument, SYNTAX, Span};
use super::read::parse_source;

/// The maximum length of a line that is shown; generated manifests may have only one line.
const LONGEST_LINE: usize = 400;

/// A problem in a manifest, with its location and, unless they are too long or may show a Secret, the lines there.
#[derive(Clone)]
pub struct ManifestProblem {
    /// The message, as a lower-case phrase.
    pub message: String,
    /// Its manifest.
    pub origin: ManifestOrigin,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    code: &'static str,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    text: Option<Arc<NamedSource<Arc<str>>>>,
}

/// A manifest: its origin and its text.
#[derive(Debug)]
pub(super) struct Source {
    pub origin: ManifestOrigin,
    pub text: Arc<str>,
    /// Its documents with all locations, read again for the first message that requires one.
    parsed: OnceLock<Vec<ParsedDocument>>,
}

impl Source {
    /// The manifest `text`.
    pub(super) fn new(origin: ManifestOrigin, text: &str) -> Self {
        Self { origin, text: text.into(), parsed: OnceLock::new() }
    }

    /// The document with this number.
    pub(super) fn document(&self, number: usize) -> Option<&Node> {
        let parsed = self.parsed.get_or_init(|| parse_source(self).unwrap_or_default());
        let at = parsed.binary_search_by_key(&number, |parsed| parsed.number).ok()?;
        Some(&parsed[at].node)
    }

    /// The problem that `fault` is.
    pub(super) fn problem(&self, fault: Fault) -> ManifestProblem {
        let is_shown = !has_secret(&self.text) && line_at(&self.text, fault.span.start).len() <= LONGEST_LINE;
        let label = |span: Span, text: String| {
            LabeledSpan::new(Some(text), span.start, span.end.saturating_sub(span.start))
        };
        let mut message = fault.message;
        let mut labels = Vec::new();
        let mut help = fault.help;
        if is_shown {
            labels.push(label(fault.span, fault.label));
            labels.extend(fault.also.map(|(span, text)| label(span, text)));
        } else {
            if fault.code == SYNTAX {
                message = format!("{message}: {}", fault.label);
            }
            let also = fault.also.map(|(span, text)| format!("{text}: {}", self.place(span)));
            help = Some(help.into_iter().chain(also).collect::<Vec<_>>().join("\n"))
                .filter(|help| !help.is_empty());
        }
        let source = || Arc::new(NamedSource::new(self.origin.to_string(), self.text.clone()));
        ManifestProblem {
            message,
            origin: self.origin.clone(),
            line: fault.span.line,
            column: fault.span.column,
            code: fault.code,
            help,
            labels,
            text: is_shown.then(source),
        }
    }

    /// `file:line:column` of `span`.
    pub(super) fn place(&self, span: Span) -> String {
        format!("{}:{}:{}", self.origin, span.line, span.column)
    }
}

/// The line of `text` at the byte `at`.
fn line_at(text: &str, at: usize) -> &str {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let end = after.find('\n').map_or(text.len(), |end| before.len() + end);
    &text[start..end]
}

/// Whether `text` may have a Secret. It need not be valid YAML.
fn has_secret(text: &str) -> bool {
    text.match_indices("kind").any(|(at, kind)| {
        let rest = text[at + kind.len()..].trim_start_matches(['"', '\'']).trim_start();
        rest.strip_prefix(':').is_some_and(|value| {
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            value.strip_prefix("Secret").is_some_and(|end| !end.starts_with(char::is_alphanumeric))
        })
    })
}

/// The location and the message: `kube/web.yaml:3:5: duplicate key ...`.
impl fmt::Display for ManifestProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.origin, self.line, self.column, self.message)
    }
}

impl fmt::Debug for ManifestProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for ManifestProblem {}

impl Diagnostic for ManifestProblem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.text.as_ref().map(|text| &**text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_a_secret_is_not_shown() {
        for (text, expected) in [
            ("kind: Secret", true),
            ("kind:   \"Secret\"", true),
            ("{\"kind\" : \"Secret\"}", true),
            ("kind: SecretStore", false),
            ("kind: ConfigMap # Secret", false),
            ("kind", false),
        ] {
            assert_eq!(has_secret(text), expected, "{text}");
        }
        let fault = || {
            Fault::duplicate_key("password", Span { line: 2, column: 1, ..Span::default() }, Span::default())
        };
        let source = |text: &str| Source::new(ManifestOrigin::Inline, text);
        let problem = source("kind: Secret").problem(*fault());
        assert!(problem.source_code().is_none());
        assert_eq!(problem.help.as_deref(), Some("remove one of them\nfirst here: inlineManifest:2:1"));
        assert!(source("kind: Pod").problem(*fault()).source_code().is_some());
        let generated = format!("kind: Pod\nmetadata: {{name: {}}}\n", "a".repeat(LONGEST_LINE));
        let at = |start| {
            let span = Span { start, end: start + 1, line: 1, column: 1 };
            source(&generated).problem(*Fault::duplicate_key("a", span, span)).source_code().is_some()
        };
        assert_eq!([at(0), at(9), at(10), at(generated.len() - 1)], [true, true, false, false]);
    }
}
