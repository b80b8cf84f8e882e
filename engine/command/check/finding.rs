//! A problem and its location.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode, SourceSpan};
use serde::Serialize;

/// A problem.
pub(super) struct Finding {
    diagnostic: Arc<dyn Diagnostic + Send + Sync>,
    /// The profiles in which it occurs; empty if it occurs without profiles.
    pub(super) profiles: Vec<String>,
    /// The dependency in which it occurs; none for the project itself.
    of: Option<Owner>,
}

/// A dependency of the checked project.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// Its name: `auth`.
    pub(super) name: String,
    /// Its directory, as displayed.
    pub(super) folder: String,
}

/// A location in a file; lines and columns start at 1, columns count characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spot {
    file: String,
    start: (usize, usize),
    end: (usize, usize),
}

impl Finding {
    pub(super) fn new(diagnostic: Arc<dyn Diagnostic + Send + Sync>, profile: Option<&str>) -> Self {
        Self { diagnostic, profiles: profile.into_iter().map(ToOwned::to_owned).collect(), of: None }
    }

    /// The same finding, in the dependency `owner`.
    pub(super) fn within(self, owner: &Owner) -> Self {
        Self { of: Some(owner.clone()), ..self }
    }

    /// Whether both are the same problem: the same location, or without a location the same message.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.spot(), other.spot()) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.diagnostic.to_string() == other.diagnostic.to_string(),
            _ => false,
        }
    }

    /// The location of its first label.
    fn spot(&self) -> Option<Spot> {
        let source = self.diagnostic.source_code()?;
        let label = self.diagnostic.labels()?.next()?;
        let span = *label.inner();
        // The end offset can be past the end of the text, where no lookup is possible.
        let last = SourceSpan::from((span.offset() + span.len().saturating_sub(1), 0));
        let place = |span| {
            let found = source.read_span(span, 0, 0).ok()?;
            Some(((found.line() + 1, found.column() + 1), found.name().map(ToOwned::to_owned)))
        };
        let (start, file) = place(&span)?;
        let end = if span.is_empty() { None } else { place(&last) };
        let file = match &self.of {
            Some(Owner { folder, .. }) if !Path::new(file.as_ref()?).starts_with(folder) => {
                Path::new(folder).join(file?).display().to_string()
            }
            _ => file?,
        };
        Some(Spot { file, start, end: end.map_or(start, |((line, column), _)| (line, column + 1)) })
    }
}

/// A finding for programs. The fields are an interface: new ones may be added, but none renamed.
#[derive(Serialize)]
pub(super) struct View {
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    code: Option<String>,
    message: String,
    help: Option<String>,
    profiles: Vec<String>,
    /// The dependency in which it occurs; none for the project itself.
    dependency: Option<String>,
}

impl View {
    pub(super) fn of(finding: &Finding) -> Self {
        let spot = finding.spot();
        let at = |place: fn(&Spot) -> usize| spot.as_ref().map(place);
        Self {
            line: at(|spot| spot.start.0),
            column: at(|spot| spot.start.1),
            end_line: at(|spot| spot.end.0),
            end_column: at(|spot| spot.end.1),
            file: spot.as_ref().map(|spot| spot.file.clone()),
            code: finding.diagnostic.code().map(|code| code.to_string()),
            message: finding.diagnostic.to_string(),
            help: finding.diagnostic.help().map(|help| help.to_string()),
            profiles: finding.profiles.clone(),
            dependency: finding.of.as_ref().map(|owner| owner.name.clone()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.profiles.as_slice() {
            [] => {}
            [profile] => write!(formatter, "in the profile `{profile}`: ")?,
            profiles => write!(formatter, "in the profiles `{}`: ", profiles.join("`, `"))?,
        }
        if let Some(Owner { name, folder }) = &self.of {
            write!(formatter, "{name} (in {folder}): ")?;
        }
        self.diagnostic.fmt(formatter)
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Finding {}

impl Diagnostic for Finding {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.diagnostic.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.diagnostic.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.diagnostic.related()
    }
}
