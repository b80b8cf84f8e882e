//! The places of a script that an error passed through, as excerpts that a diagnostic can show.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};
use rhai::Position;

use super::ScriptFile;
use super::pipeline::is_closure;

/// How many places of one call chain are shown; more only repeat themselves.
const SHOWN: usize = 12;

/// A place in a script.
#[derive(Debug, Clone)]
pub struct Place {
    /// The function around it; empty at the top of the file.
    function: String,
    file: ScriptFile,
    offset: usize,
    length: usize,
}

impl Place {
    /// The place at `position` of `file`, inside `function`.
    pub(super) fn new(function: &str, file: &ScriptFile, position: Position) -> Self {
        let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        Self::at(function, file, file.offset(line, column))
    }

    /// Where `file` defines `function`, when it does.
    pub(super) fn definition(function: &str, file: &ScriptFile) -> Option<Self> {
        Some(Self::at(function, file, file.definition(function)?))
    }

    fn at(function: &str, file: &ScriptFile, offset: usize) -> Self {
        let rest = file.text.get(offset..).unwrap_or_default();
        let word = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
        Self { function: function.to_owned(), file: file.clone(), offset, length: word.max(1) }
    }

    /// Whether it is in a script that is part of windlass.
    pub(super) fn is_built_in(&self) -> bool {
        self.file.is_built_in()
    }

    /// The name of its file.
    pub(super) fn file(&self) -> &str {
        &self.file.name
    }

    /// The text of its line.
    pub(super) fn line(&self) -> &str {
        let text = &*self.file.text;
        let (before, after) = text.split_at_checked(self.offset).unwrap_or((text, ""));
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(text.len(), |length| before.len() + length);
        text.get(start..end).unwrap_or_default()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.offset == other.offset && self.file() == other.file()
    }
}

/// Lines of one script, as a diagnostic of its own: what windlass shows of each file that a call chain passes.
#[derive(Debug)]
pub struct Excerpt {
    title: String,
    source: NamedSource<String>,
    labels: Vec<LabeledSpan>,
}

impl Excerpt {
    /// An excerpt around `place`, labelled `text`.
    pub(super) fn one(title: String, place: &Place, text: String) -> Self {
        let label = LabeledSpan::new(Some(text), place.offset, place.length);
        let source = NamedSource::new(place.file(), place.file.text.to_string()).with_language("Rust");
        Self { title, source, labels: vec![label] }
    }

    /// The excerpts that show a call chain, the innermost first: one for each stretch of it in one file. A place
    /// that the chain passes many times is shown once.
    pub(super) fn chain(places: &[Place]) -> Vec<Self> {
        let mut excerpts: Vec<Self> = Vec::new();
        let mut shown: Vec<&Place> = Vec::new();
        for place in places {
            if shown.len() == SHOWN || shown.iter().any(|other| other.is_same(place)) {
                continue;
            }
            let text = label(shown.is_empty(), &place.function);
            match excerpts.last_mut().filter(|excerpt| excerpt.source.name() == place.file()) {
                Some(excerpt) => {
                    excerpt.labels.push(LabeledSpan::new(Some(text), place.offset, place.length));
                }
                None => {
                    let verb = if shown.is_empty() { "in" } else { "called from" };
                    excerpts.push(Self::one(format!("{verb} {}", place.file()), place, text));
                }
            }
            shown.push(place);
        }
        excerpts
    }
}

fn label(is_innermost: bool, function: &str) -> String {
    match (is_innermost, function.is_empty() || is_closure(function)) {
        (true, true) => "here".to_owned(),
        (true, false) => format!("here, in `{function}`"),
        (false, true) => "called here".to_owned(),
        (false, false) => format!("called here, in `{function}`"),
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.title)
    }
}

impl std::error::Error for Excerpt {}

impl Diagnostic for Excerpt {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
