//! What is wrong with a configuration file, each with its place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity};

use super::Origin;
use super::node::Span;
use crate::suggestion::nearest;

/// Problems reported before the rest is only counted: nobody reads more.
const SHOWN: usize = 100;

/// One thing wrong, or worth a warning, in a configuration file.
#[derive(Clone)]
pub struct Problem {
    /// What is wrong, as a lower-case phrase.
    pub message: String,
    /// Where it stands.
    pub origin: Origin,
    code: &'static str,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    severity: Severity,
    text: Arc<NamedSource<Arc<str>>>,
}

impl fmt::Debug for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Problem {
    fn place(&self) -> (usize, usize) {
        (self.origin.line, self.origin.column)
    }
}

/// The place and the message: `devspace.yaml:3:5: unknown key ...`.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.origin, self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&*self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// Collects the problems and warnings of one file.
pub(crate) struct Problems {
    file: Arc<str>,
    text: Arc<NamedSource<Arc<str>>>,
    list: Vec<Problem>,
    omitted: usize,
    warnings: Vec<Problem>,
}

/// A problem about to be reported.
pub(crate) struct Report<'a> {
    pub code: &'static str,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
    pub also: Option<(Span, &'a str)>,
}

impl<'a> Report<'a> {
    /// A problem with a code, a message and the label under its place.
    pub(crate) fn new(code: &'static str, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), label: label.into(), help: None, also: None }
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at a second place.
    pub(crate) fn also(mut self, span: Span, label: &'a str) -> Self {
        self.also = Some((span, label));
        self
    }

    /// Offers the nearest of `known`, or all of them when they are few.
    pub(crate) fn suggest<'n>(self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None if known.len() <= 40 => self.help(format!("known here: `{}`", known.join("`, `"))),
            None => self,
        }
    }
}

impl Problems {
    /// No problems yet in the file shown as `file`.
    pub(crate) fn new(file: &str, text: Arc<str>) -> Self {
        Self {
            file: file.into(),
            text: Arc::new(NamedSource::new(file, text)),
            list: Vec::new(),
            omitted: 0,
            warnings: Vec::new(),
        }
    }

    /// A list for the same file whose contents are not shown.
    pub(crate) fn silent(&self) -> Self {
        let (file, text) = (self.file.clone(), self.text.clone());
        Self { file, text, list: Vec::new(), omitted: 0, warnings: Vec::new() }
    }

    /// The file as it is shown.
    pub(crate) fn file(&self) -> Arc<str> {
        self.file.clone()
    }

    /// The place of `span` as it is shown.
    pub(crate) fn origin(&self, span: Span) -> Origin {
        Origin { file: self.file.clone(), line: span.line, column: span.column }
    }

    /// Reports a problem at `span`.
    pub(crate) fn add(&mut self, span: Span, report: Report<'_>) {
        if self.list.len() == SHOWN {
            self.omitted += 1;
            return;
        }
        let problem = self.problem(span, report, Severity::Error);
        self.list.push(problem);
    }

    /// Takes over what was reported of another file.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.omitted += other.omitted;
        for problem in other.list {
            if self.list.len() == SHOWN {
                self.omitted += 1;
            } else {
                self.list.push(problem);
            }
        }
        self.warnings.extend(other.warnings);
    }

    /// Reports a warning at `span`.
    pub(crate) fn warn(&mut self, span: Span, report: Report<'_>) {
        if self.warnings.len() < SHOWN {
            let warning = self.problem(span, report, Severity::Warning);
            self.warnings.push(warning);
        }
    }

    /// Replaces the bytes at `spans` by stars in every excerpt that is shown from now on.
    pub(crate) fn mask(&mut self, spans: &[Span]) {
        if spans.is_empty() {
            return;
        }
        let mut bytes = self.text.inner().as_bytes().to_vec();
        for span in spans {
            for byte in bytes.get_mut(span.start..span.end).into_iter().flatten() {
                if *byte != b'\n' {
                    *byte = b'*';
                }
            }
        }
        let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
        self.text = Arc::new(NamedSource::new(&*self.file, text));
        let of_this_file = |problem: &&mut Problem| problem.origin.file == self.file;
        for problem in self.list.iter_mut().chain(&mut self.warnings).filter(of_this_file) {
            problem.text = self.text.clone();
        }
    }

    /// Whether anything was reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems in file order, how many more there were, and the warnings.
    pub(crate) fn finish(mut self) -> (Vec<Problem>, usize, Vec<Problem>) {
        // Something used twice, through an alias or by an activation, is wrong only once.
        for list in [&mut self.list, &mut self.warnings] {
            list.sort_by(|one, other| {
                one.place().cmp(&other.place()).then_with(|| one.message.cmp(&other.message))
            });
            list.dedup_by(|one, other| one.place() == other.place() && one.message == other.message);
        }
        (self.list, self.omitted, self.warnings)
    }

    fn problem(&self, span: Span, report: Report<'_>, severity: Severity) -> Problem {
        let label = |span: Span, text: &str| {
            LabeledSpan::new(Some(text.to_owned()), span.start, span.end.saturating_sub(span.start))
        };
        let mut labels = vec![label(span, &report.label)];
        labels.extend(report.also.map(|(span, text)| label(span, text)));
        Problem {
            message: report.message,
            origin: self.origin(span),
            code: report.code,
            help: report.help,
            labels,
            severity,
            text: self.text.clone(),
        }
    }
}

/// `path` as it is shown: relative to `base` where that is shorter.
pub(crate) fn shown(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}
