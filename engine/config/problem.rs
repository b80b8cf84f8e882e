//! The problems of a configuration file, with their locations.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity};

use super::Origin;
use super::node::Span;
use crate::suggestion::nearest;

/// The maximum number of reported problems; further ones are only counted.
const SHOWN: usize = 100;

/// An error or warning in a configuration file.
#[derive(Clone)]
pub struct ConfigDiagnostic {
    /// The message, as a lower-case phrase.
    pub message: String,
    /// Its location.
    pub origin: Origin,
    code: &'static str,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    severity: Severity,
    /// Whether it concerns only `dev`: an error there, a warning elsewhere.
    is_of_dev: bool,
    unknown_key: Option<UnknownKey>,
    /// The number of its file.
    file: u16,
    text: Arc<NamedSource<Arc<str>>>,
}

/// A key that the version of a file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownKey {
    /// What the section describes, such as `image`.
    pub section: &'static str,
    pub key: String,
    /// Where it is, such as "image `api`".
    pub place: String,
    /// Whether another version has it.
    pub is_known: bool,
}

impl fmt::Debug for ConfigDiagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl ConfigDiagnostic {
    /// The problem and its hint in one line: "devspace.yaml:3:5: unknown key `imgae` in ...; did you mean `image`?"
    pub fn in_one_line(&self) -> String {
        let help = self.help.iter().flat_map(|help| help.lines());
        std::iter::once(self.to_string()).chain(help.map(str::to_owned)).collect::<Vec<_>>().join("; ")
    }

    /// Whether it is an error for `dev` and a warning for all other commands.
    pub fn is_of_dev(&self) -> bool {
        self.is_of_dev
    }

    /// The same problem as an error.
    pub(crate) fn as_error(&self) -> Self {
        Self { severity: Severity::Error, ..self.clone() }
    }

    /// The key, if the problem is that the version of the file does not have it.
    pub(crate) fn unknown_key(&self) -> Option<&UnknownKey> {
        self.unknown_key.as_ref()
    }

    fn place(&self) -> (u16, usize, usize) {
        (self.file, self.origin.line, self.origin.column)
    }
}

/// The location and the message: `devspace.yaml:3:5: unknown key ...`.
impl fmt::Display for ConfigDiagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.origin, self.message)
    }
}

impl std::error::Error for ConfigDiagnostic {}

impl Diagnostic for ConfigDiagnostic {
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

/// Collects the problems and warnings of a file and of the files that it includes.
pub(crate) struct Diagnostics {
    /// The file, then the others, indexed by their numbers.
    files: Vec<Source>,
    list: Vec<ConfigDiagnostic>,
    omitted: usize,
    warnings: Vec<ConfigDiagnostic>,
    /// Whether the section `dev` is read: its errors do not prevent a build.
    is_of_dev: bool,
}

/// A file, as displayed.
#[derive(Clone)]
struct Source {
    name: Arc<str>,
    text: Arc<NamedSource<Arc<str>>>,
}

impl Source {
    fn new(name: &str, text: Arc<str>) -> Self {
        Self { name: name.into(), text: Arc::new(NamedSource::new(name, text)) }
    }
}

/// A problem to report.
pub(crate) struct Report<'a> {
    pub code: &'static str,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
    pub also: Option<(Span, &'a str)>,
    pub unknown_key: Option<UnknownKey>,
}

impl<'a> Report<'a> {
    /// A problem with a code, a message and the label of its location.
    pub(crate) fn new(code: &'static str, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), label: label.into(), help: None, also: None, unknown_key: None }
    }

    /// Adds a hint.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second location.
    pub(crate) fn also(mut self, span: Span, label: &'a str) -> Self {
        self.also = Some((span, label));
        self
    }

    /// Suggests the nearest of `known`, or lists all of them if there are few.
    pub(crate) fn suggest<'n>(self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None if known.len() <= 40 => self.help(format!("valid names: `{}`", known.join("`, `"))),
            None => self,
        }
    }
}

impl Diagnostics {
    /// An empty list for the file displayed as `file`.
    pub(crate) fn new(file: &str, text: Arc<str>) -> Self {
        Self {
            files: vec![Source::new(file, text)],
            list: Vec::new(),
            omitted: 0,
            warnings: Vec::new(),
            is_of_dev: false,
        }
    }

    /// An empty list for the same files, whose contents are not displayed.
    pub(crate) fn silent(&self) -> Self {
        Self {
            files: self.files.clone(),
            list: Vec::new(),
            omitted: 0,
            warnings: Vec::new(),
            is_of_dev: false,
        }
    }

    /// The files as displayed, indexed by their numbers.
    pub(crate) fn files(&self) -> Vec<Arc<str>> {
        self.files.iter().map(|file| file.name.clone()).collect()
    }

    /// The location of `span`, as displayed.
    pub(crate) fn origin(&self, span: Span) -> Origin {
        Origin { file: self.source(span.file).name.clone(), line: span.line, column: span.column }
    }

    /// The file with this number.
    fn source(&self, file: u16) -> &Source {
        // The first file always exists.
        self.files.get(usize::from(file)).unwrap_or(&self.files[0])
    }

    /// Whether the problems that are reported from now on concern only `dev`.
    pub(crate) fn set_of_dev(&mut self, is_of_dev: bool) {
        self.is_of_dev = is_of_dev;
    }

    /// Reports a problem at `span` that prevents only `dev`.
    pub(crate) fn add_of_dev(&mut self, span: Span, report: Report<'_>) {
        if self.warnings.len() < SHOWN {
            let warning = self.problem(span, report, Severity::Warning);
            self.warnings.push(ConfigDiagnostic { is_of_dev: true, ..warning });
        }
    }

    /// A warning at `span` that is not reported with the others.
    pub(crate) fn notice(&self, span: Span, report: Report<'_>) -> ConfigDiagnostic {
        self.problem(span, report, Severity::Warning)
    }

    /// Reports a problem at `span`.
    pub(crate) fn add(&mut self, span: Span, report: Report<'_>) {
        if self.is_of_dev {
            return self.add_of_dev(span, report);
        }
        if self.list.len() == SHOWN {
            self.omitted += 1;
            return;
        }
        let problem = self.problem(span, report, Severity::Error);
        self.list.push(problem);
    }

    /// Adds another file and its problems. Returns the number of the file, which its spans contain.
    pub(crate) fn absorb(&mut self, other: Self) -> u16 {
        // Locations in files beyond 65,535 are attributed to the first file.
        let number = u16::try_from(self.files.len()).unwrap_or(0);
        self.files.extend(other.files.into_iter().next());
        self.omitted += other.omitted;
        for problem in other.list {
            if self.list.len() == SHOWN {
                self.omitted += 1;
            } else {
                self.list.push(ConfigDiagnostic { file: number, ..problem });
            }
        }
        self.warnings
            .extend(other.warnings.into_iter().map(|warning| ConfigDiagnostic { file: number, ..warning }));
        number
    }

    /// Reports a warning at `span`.
    pub(crate) fn warn(&mut self, span: Span, report: Report<'_>) {
        if self.warnings.len() < SHOWN {
            let warning = self.problem(span, report, Severity::Warning);
            self.warnings.push(warning);
        }
    }

    /// Replaces the bytes at `spans` with stars in all excerpts.
    pub(crate) fn mask(&mut self, spans: &[Span]) {
        let mut files: Vec<u16> = spans.iter().map(|span| span.file).collect();
        files.dedup();
        for file in files {
            self.mask_in(file, spans.iter().filter(|span| span.file == file));
        }
    }

    fn mask_in<'s>(&mut self, file: u16, spans: impl Iterator<Item = &'s Span>) {
        let Some(source) = self.files.get_mut(usize::from(file)) else { return };
        let mut bytes = source.text.inner().as_bytes().to_vec();
        for span in spans {
            for byte in bytes.get_mut(span.start..span.end).into_iter().flatten() {
                if *byte != b'\n' {
                    *byte = b'*';
                }
            }
        }
        let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
        *source = Source::new(&source.name.clone(), text);
        let shown = &source.text;
        for problem in self.list.iter_mut().chain(&mut self.warnings).filter(|problem| problem.file == file) {
            problem.text = shown.clone();
        }
    }

    /// Whether no problem was reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems in file order, the number of omitted ones, and the warnings.
    pub(crate) fn finish(mut self) -> (Vec<ConfigDiagnostic>, usize, Vec<ConfigDiagnostic>) {
        // A value that is used twice, through an alias or by an activation, is reported once.
        for list in [&mut self.list, &mut self.warnings] {
            list.sort_by(|one, other| {
                one.place().cmp(&other.place()).then_with(|| one.message.cmp(&other.message))
            });
            list.dedup_by(|one, other| one.place() == other.place() && one.message == other.message);
        }
        (self.list, self.omitted, self.warnings)
    }

    fn problem(&self, span: Span, report: Report<'_>, severity: Severity) -> ConfigDiagnostic {
        let label = |span: Span, text: &str| {
            LabeledSpan::new(Some(text.to_owned()), span.start, span.end.saturating_sub(span.start))
        };
        let mut labels = vec![label(span, &report.label)];
        let mut help = report.help;
        match report.also {
            Some((second, text)) if second.file == span.file => labels.push(label(second, text)),
            // An excerpt can show only one file.
            Some((second, text)) => {
                let place = format!("{text}: {}", self.origin(second));
                help = Some(help.into_iter().chain([place]).collect::<Vec<_>>().join("\n"));
            }
            None => {}
        }
        ConfigDiagnostic {
            message: report.message,
            origin: self.origin(span),
            code: report.code,
            help,
            labels,
            severity,
            is_of_dev: false,
            unknown_key: report.unknown_key,
            file: span.file,
            text: self.source(span.file).text.clone(),
        }
    }
}

/// `path` as displayed: relative to `base` if it is below it or at most two levels up.
pub(crate) fn shown(path: &Path, base: &Path) -> String {
    let is_same = |(one, other): &(Component<'_>, Component<'_>)| one == other;
    let common = path.components().zip(base.components()).take_while(is_same).count();
    let ups = base.components().count() - common;
    // A common root alone does not count.
    if common < 2 || ups > 2 {
        return path.display().to_string();
    }
    let rest: PathBuf = path.components().skip(common).collect();
    let relative: PathBuf = std::iter::repeat_n(Component::ParentDir, ups).collect();
    relative.join(rest).display().to_string()
}
