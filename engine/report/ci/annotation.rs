//! Errors and warnings at a line of a file, as CI systems show them.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::system::{escaped, escaped_property};
use crate::plural::counted;

/// How many annotations of a kind GitHub shows for a step.
const SHOWN: usize = 10;

/// An error or warning, with its place if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Whether it is an error.
    pub severity: Severity,
    /// The file relative to the root of the checkout, and the line from 1.
    pub place: Option<(String, usize)>,
    /// The code, or another short title.
    pub title: String,
    /// The message and the hint.
    pub message: String,
}

/// The severity of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// An error.
    Error,
    /// A warning.
    Warning,
}

impl Annotation {
    /// The annotations of `diagnostic`: one, or one for each related problem if it has no place itself. Files are looked
    /// for in `folders`, and named relative to `checkout`.
    pub fn all_of(diagnostic: &dyn Diagnostic, folders: &[PathBuf], checkout: &Path) -> Vec<Self> {
        let place = place(diagnostic, folders, checkout);
        let related: Vec<_> = match place {
            Some(_) => Vec::new(),
            None => {
                let related = diagnostic.related().into_iter().flatten();
                related.flat_map(|related| Self::all_of(related, folders, checkout)).collect()
            }
        };
        // A related part without a place is only an excerpt or a cause.
        let related: Vec<_> = related.into_iter().filter(|annotation| annotation.place.is_some()).collect();
        if !related.is_empty() {
            return related;
        }
        let severity = match diagnostic.severity() {
            Some(miette::Severity::Warning | miette::Severity::Advice) => Severity::Warning,
            Some(miette::Severity::Error) | None => Severity::Error,
        };
        let title = diagnostic.code().map_or_else(|| "windlass".to_owned(), |code| code.to_string());
        let help = diagnostic.help().map(|help| format!("\n{help}")).unwrap_or_default();
        vec![Self { severity, place, title, message: format!("{diagnostic}{help}") }]
    }

    /// The same annotation with another text of `title` and message.
    #[must_use]
    pub fn mapped(self, map: impl Fn(&str) -> String) -> Self {
        Self { title: map(&self.title), message: map(&self.message), ..self }
    }

    /// The commands of GitHub Actions for `annotations`. It shows 10 of a kind, and the tenth counts the others.
    pub fn for_github(annotations: &[Self]) -> String {
        let mut text = String::new();
        for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
            let all: Vec<_> =
                annotations.iter().filter(|annotation| annotation.severity == severity).collect();
            for (index, annotation) in all.iter().take(SHOWN).enumerate() {
                let mut message = annotation.message.clone();
                if index + 1 == SHOWN && all.len() > SHOWN {
                    let more = counted(all.len() - SHOWN, &format!("more {command}"));
                    let _ = write!(message, "\nand {more}");
                }
                let place = annotation
                    .place
                    .iter()
                    .map(|(file, line)| format!("file={},line={line},", escaped_property(file)));
                let place: String = place.collect();
                let title = escaped_property(&annotation.title);
                // Writing to a string cannot fail.
                let _ = writeln!(text, "::{command} {place}title={title}::{}", escaped(&message));
            }
        }
        text
    }

    /// An entry of a code quality report of GitLab; none without a place.
    fn for_gitlab(&self) -> Option<Value> {
        let (file, line) = self.place.as_ref()?;
        let fingerprint = Sha256::digest(format!("{file}\0{}\0{}", self.title, self.message));
        let fingerprint: String = fingerprint.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let severity = match self.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
        };
        Some(json!({
            "description": self.message,
            "check_name": self.title,
            "fingerprint": fingerprint,
            "severity": severity,
            "location": {"path": file, "lines": {"begin": line}},
        }))
    }
}

/// Writes `annotations` with a place to `path`, as a code quality report of GitLab.
///
/// # Errors
/// If the file cannot be written.
pub fn write_code_quality(path: &Path, annotations: &[Annotation]) -> io::Result<()> {
    let entries: Vec<_> = annotations.iter().filter_map(Annotation::for_gitlab).collect();
    std::fs::write(path, serde_json::to_vec_pretty(&entries)?)
}

/// The file and line of the first label of `diagnostic`.
fn place(diagnostic: &dyn Diagnostic, folders: &[PathBuf], checkout: &Path) -> Option<(String, usize)> {
    let source = diagnostic.source_code()?;
    let label = diagnostic.labels()?.next()?;
    let found = source.read_span(label.inner(), 0, 0).ok()?;
    let name = Path::new(found.name()?);
    let file = folders.iter().map(|folder| folder.join(name)).find_map(|path| path.canonicalize().ok())?;
    let checkout = checkout.canonicalize().unwrap_or_else(|_| checkout.to_owned());
    let file = file.strip_prefix(&checkout).unwrap_or(&file);
    Some((file.display().to_string(), found.line() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(number: usize) -> Annotation {
        Annotation {
            severity: Severity::Error,
            place: Some(("a,b/Dockerfile".to_owned(), number)),
            title: "stage::step".to_owned(),
            message: format!("100% broken | {number}\nhelp"),
        }
    }

    #[test]
    fn the_tenth_of_a_kind_counts_the_others() {
        let text = Annotation::for_github(&(1..=30).map(error).collect::<Vec<_>>());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 10);
        assert_eq!(
            lines[0],
            "::error file=a%2Cb/Dockerfile,line=1,title=stage%3A%3Astep::100%25 broken | 1%0Ahelp"
        );
        assert!(lines[9].ends_with("100%25 broken | 10%0Ahelp%0Aand 20 more errors"), "{}", lines[9]);
        let ten = Annotation::for_github(&(1..=10).map(error).collect::<Vec<_>>());
        assert!(!ten.contains("more"), "{ten}");
    }

    #[test]
    fn code_quality_has_only_places() {
        let without = Annotation { place: None, ..error(1) };
        assert_eq!(without.for_gitlab(), None);
        let entry = error(7).for_gitlab().expect("an entry");
        assert_eq!((&entry["location"]["lines"]["begin"], &entry["severity"]), (&json!(7), &json!("major")));
        // The line may move, and the problem stays the same.
        let moved = Annotation { place: Some(("a,b/Dockerfile".to_owned(), 8)), ..error(7) };
        assert_eq!(moved.for_gitlab().expect("an entry")["fingerprint"], entry["fingerprint"]);
    }
}
