//! Diagnostics whose source has very long lines: a line of 100,000 characters is unreadable, and miette panics beyond
//! column 65,535.

use std::error::Error;
use std::fmt;

use miette::{Diagnostic, Severity};

/// The longest line that is shown, in bytes.
const LONGEST: usize = 2000;

/// A diagnostic that names its location instead of showing the source.
#[derive(Debug)]
pub(super) struct FarRight {
    message: String,
    code: Option<String>,
    severity: Option<Severity>,
    help: Option<String>,
    related: Vec<Self>,
    cause: Option<Box<Self>>,
}

/// `diagnostic` without its source, if its source or that of a nested diagnostic has a line that is too long to show.
pub(super) fn far_right(diagnostic: &dyn Diagnostic) -> Option<FarRight> {
    is_far_right(diagnostic).then(|| FarRight::of(diagnostic))
}

fn parts(diagnostic: &dyn Diagnostic) -> impl Iterator<Item = &dyn Diagnostic> {
    diagnostic.related().into_iter().flatten().chain(diagnostic.diagnostic_source())
}

fn is_far_right(diagnostic: &dyn Diagnostic) -> bool {
    let source = diagnostic.source_code();
    let is_long = |label: miette::LabeledSpan| {
        let shown = source.and_then(|source| source.read_span(label.inner(), 1, 1).ok());
        shown.is_some_and(|shown| shown.data().split(|byte| *byte == b'\n').any(|line| line.len() > LONGEST))
    };
    diagnostic.labels().into_iter().flatten().any(is_long) || parts(diagnostic).any(is_far_right)
}

/// The location of the first label: `devspace.yaml:1:70020`.
fn place(diagnostic: &dyn Diagnostic) -> Option<String> {
    let label = diagnostic.labels()?.next()?;
    let shown = diagnostic.source_code()?.read_span(label.inner(), 0, 0).ok()?;
    let name = shown.name().map(|name| format!("{name}:")).unwrap_or_default();
    Some(format!("{name}{}:{}", shown.line() + 1, shown.column() + 1))
}

impl FarRight {
    fn of(diagnostic: &dyn Diagnostic) -> Self {
        let place = place(diagnostic).map(|place| format!(" [{place}]")).unwrap_or_default();
        Self {
            message: format!("{diagnostic}{place}"),
            code: diagnostic.code().map(|code| code.to_string()),
            severity: diagnostic.severity(),
            help: diagnostic.help().map(|help| help.to_string()),
            related: diagnostic.related().into_iter().flatten().map(Self::of).collect(),
            cause: diagnostic.diagnostic_source().map(|cause| Box::new(Self::of(cause))),
        }
    }
}

impl fmt::Display for FarRight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for FarRight {}

impl Diagnostic for FarRight {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code.as_deref()?))
    }

    fn severity(&self) -> Option<Severity> {
        self.severity
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.help.as_deref()?))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let related = self.related.iter().map(|related| related as &dyn Diagnostic);
        (!self.related.is_empty()).then(|| Box::new(related) as _)
    }

    fn diagnostic_source(&self) -> Option<&dyn Diagnostic> {
        self.cause.as_deref().map(|cause| cause as &dyn Diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

    use super::super::exit_status::render;

    fn rendered(column: usize) -> String {
        let diagnostic = MietteDiagnostic::new("it is wrong").with_help("mend it");
        let diagnostic = diagnostic.with_label(LabeledSpan::at(column..column + 1, "here"));
        let source = NamedSource::new("devspace.yaml", format!("{}x\n", " ".repeat(column)));
        let report = Report::new(diagnostic).with_source_code(source);
        render(report.as_ref())
    }

    #[test]
    fn a_short_line_is_shown_and_a_long_one_named() {
        assert!(rendered(70).contains("here"));
        for column in [65_534, 65_535, 65_536, 200_000] {
            let text = rendered(column);
            assert!(text.contains("it is wrong [devspace.yaml:1:"), "{text}");
            assert!(text.contains("mend it") && text.len() < 500, "{text}");
        }
    }
}
