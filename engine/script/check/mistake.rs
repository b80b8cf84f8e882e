//! An error in a script, with its place.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};

use crate::script::trace::{Excerpt, ScriptLocation};

/// An error in a script, with its place.
#[derive(Debug)]
pub struct Mistake {
    code: &'static str,
    message: String,
    help: Option<String>,
    severity: Severity,
    excerpt: Excerpt,
}

impl Mistake {
    pub(super) fn new(
        code: &'static str,
        message: String,
        help: Option<String>,
        place: &ScriptLocation,
    ) -> Self {
        let excerpt = Excerpt::one(place.file().to_owned(), place, "here".to_owned());
        Self { code, message, help, severity: Severity::Error, excerpt }
    }

    /// The same as a warning, which does not fail a command.
    pub(super) fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.excerpt.labels()
    }
}
