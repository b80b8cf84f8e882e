//! The places of a script that an error passed through, as excerpts that a diagnostic can show.

use crate::plural::noun;

use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};
use rhai::Position;

use super::pipeline::is_closure;
use super::{Function, ScriptFile};

/// The maximum number of places shown of one call chain; more are repetitions.
const SHOWN: usize = 12;

/// A place in a script.
#[derive(Debug, Clone)]
pub struct ScriptLocation {
    /// The function around it; empty at the top of the file.
    function: String,
    file: ScriptFile,
    offset: usize,
    length: usize,
}

impl ScriptLocation {
    /// The place at `position` of `file`, inside `function`.
    pub(super) fn new(function: &str, file: &ScriptFile, position: Position) -> Self {
        let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        Self::at(function, file, file.offset(line, column))
    }

    /// Where `file` defines `function`, if it does.
    pub(super) fn definition(function: &str, file: &ScriptFile) -> Option<Self> {
        Some(Self::at(function, file, file.definition(function)?))
    }

    /// Where the closure `function` is written.
    pub(super) fn of_closure(function: &Function) -> Self {
        Self::at("", &function.file, function.span.start)
    }

    fn at(function: &str, file: &ScriptFile, offset: usize) -> Self {
        let rest = file.text.get(offset..).unwrap_or_default();
        let word = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
        // One character if it is not a word; nothing at the end of the source.
        let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        Self { function: function.to_owned(), file: file.clone(), offset, length }
    }

    /// Whether it is in a built-in script.
    pub(super) fn is_built_in(&self) -> bool {
        self.file.is_built_in()
    }

    /// The function around it; empty at the top of the file.
    pub(super) fn function(&self) -> &str {
        &self.function
    }

    /// The name of its file.
    pub(super) fn file(&self) -> &str {
        &self.file.name
    }

    /// The source of its line.
    pub(super) fn line(&self) -> &str {
        let text = &*self.file.text;
        let (before, after) = text.split_at_checked(self.offset).unwrap_or((text, ""));
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(text.len(), |length| before.len() + length);
        text.get(start..end).unwrap_or_default()
    }

    /// The source before it, and from it on.
    pub(super) fn around(&self) -> (&str, &str) {
        self.file.text.split_at_checked(self.offset).unwrap_or((&self.file.text, ""))
    }

    /// The number of its line.
    fn number(&self) -> usize {
        self.file.text.get(..self.offset).unwrap_or_default().matches('\n').count() + 1
    }

    /// The source from its end to the end of the file.
    pub(super) fn rest(&self) -> &str {
        self.file.text.get(self.offset + self.length..).unwrap_or_default()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.offset == other.offset && self.file() == other.file()
    }
}

/// One stretch of a call chain, as a separate diagnostic.
#[derive(Debug)]
pub struct Excerpt {
    title: String,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
}

impl Excerpt {
    /// The lines around `place`, labeled `text`.
    pub(super) fn one(title: String, place: &ScriptLocation, text: String) -> Self {
        let label = LabeledSpan::new(Some(text), place.offset, place.length);
        let source = NamedSource::new(place.file(), place.file.text.to_string()).with_language("Rust");
        Self { title, source: Some(source), labels: vec![label] }
    }

    /// The excerpts that show a call chain, the innermost place first. A repeated place is shown once; built-in scripts
    /// are only named, unless the error is in one of them and `explained` is false.
    pub(super) fn chain(places: &[ScriptLocation], explained: bool) -> Vec<Self> {
        let mut distinct: Vec<&ScriptLocation> = Vec::new();
        for place in places {
            if distinct.len() < SHOWN && !distinct.iter().any(|other| other.is_same(place)) {
                distinct.push(place);
            }
        }
        let mut excerpts = Vec::new();
        for stretch in distinct.chunk_by(|a, b| a.file() == b.file()) {
            let is_first = excerpts.is_empty();
            let (shown, named) = match stretch {
                [innermost, rest @ ..] if innermost.is_built_in() && is_first && !explained => {
                    (std::slice::from_ref(innermost), rest)
                }
                [one, ..] if one.is_built_in() => (&[][..], stretch),
                _ => (stretch, &[][..]),
            };
            excerpts.extend(Self::lines(shown, is_first));
            excerpts.extend(Self::names(named, is_first && shown.is_empty()));
        }
        excerpts
    }

    /// The lines of `places`, which are in one file.
    fn lines(places: &[&ScriptLocation], is_innermost: bool) -> Option<Self> {
        let (first, rest) = places.split_first()?;
        let verb = if is_innermost { "in" } else { "called from" };
        let title = format!("{verb} {}", first.file());
        let mut excerpt = Self::one(title, first, label(is_innermost, &first.function));
        let labels = rest
            .iter()
            .map(|place| LabeledSpan::new(Some(label(false, &place.function)), place.offset, place.length));
        excerpt.labels.extend(labels);
        Some(excerpt)
    }

    /// `places`, which are in one file, without their lines.
    fn names(places: &[&ScriptLocation], is_innermost: bool) -> Option<Self> {
        let first = places.first()?;
        let verb = if is_innermost { "found in" } else { "called from" };
        // A closure and the function around it often share a line, which is then named for the function.
        let of_one_line = places.chunk_by(|one, other| one.number() == other.number());
        let name = |places: &[&ScriptLocation]| {
            let number = places[0].number();
            let is_named =
                |place: &&&ScriptLocation| !place.function.is_empty() && !is_closure(&place.function);
            match places.iter().rev().find(is_named) {
                Some(place) => format!("{number} (`{}`)", place.function),
                None => number.to_string(),
            }
        };
        let names: Vec<_> = of_one_line.map(name).collect();
        let noun = noun(names.len(), "line");
        let title = format!("{verb} {}, {noun} {}", first.file(), names.join(", "));
        Some(Self { title, source: None, labels: Vec::new() })
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
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
