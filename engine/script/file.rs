//! One file of a pipeline.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ScriptError;

/// The name of the default pipeline of images.
pub(super) const BUILD: &str = "scripts/build.rhai";

/// The default pipelines, in the order in which they are merged: name and source.
pub(super) const DEFAULTS: [(&str, &str); 3] = [
    (BUILD, include_str!("../../scripts/build.rhai")),
    ("scripts/deploy.rhai", include_str!("../../scripts/deploy.rhai")),
    ("scripts/dev.rhai", include_str!("../../scripts/dev.rhai")),
];

/// The source of one script, and its name in messages.
#[derive(Debug, Clone)]
pub struct ScriptFile {
    /// The name shown: `windlass.dev.rhai`, `scripts/build.rhai`.
    pub name: Arc<str>,
    /// The source.
    pub text: Arc<str>,
    /// Its path; `None` for built-in scripts.
    pub path: Option<PathBuf>,
    /// The directory of the dependency that it belongs to, with which its name starts.
    pub dependency: Option<Arc<str>>,
    /// Code that is inserted before Rhai parses it, and that no message shows.
    insertions: Arc<[Insertion]>,
}

/// Code that is inserted into a script.
#[derive(Debug, Clone)]
pub struct Insertion {
    /// Its byte offset in the script.
    pub at: usize,
    /// The code, on one line.
    pub text: String,
}

impl ScriptFile {
    /// The default pipelines, in the order in which they are merged.
    pub fn defaults() -> impl Iterator<Item = Self> {
        DEFAULTS.iter().map(|(name, text)| Self::built_in(name, text))
    }

    /// The default pipeline `name`, such as `build`.
    pub fn default_of(name: &str) -> Option<Self> {
        Self::defaults().find(|file| *file.name == format!("scripts/{name}.rhai"))
    }

    /// A built-in script.
    pub fn built_in(name: &str, text: &str) -> Self {
        Self::new(name, text, None)
    }

    /// A script with this source.
    pub fn new(name: &str, text: &str, path: Option<PathBuf>) -> Self {
        Self { name: name.into(), text: text.into(), path, insertions: Arc::default(), dependency: None }
    }

    /// The script with `insertions`, ordered by offset: Rhai parses them, messages do not show them.
    #[must_use]
    pub fn with_insertions(self, insertions: Vec<Insertion>) -> Self {
        Self { insertions: insertions.into(), ..self }
    }

    /// The same script with another path.
    #[must_use]
    pub fn at(self, path: Option<PathBuf>) -> Self {
        Self { path, ..self }
    }

    /// The source as Rhai parses it.
    pub(super) fn parsed(&self) -> Cow<'_, str> {
        if self.insertions.is_empty() {
            return Cow::Borrowed(&self.text);
        }
        let mut parsed = String::with_capacity(self.text.len() * 2);
        let mut copied = 0;
        for insertion in &*self.insertions {
            parsed += self.text.get(copied..insertion.at).unwrap_or_default();
            parsed += &insertion.text;
            copied = insertion.at;
        }
        parsed += self.text.get(copied..).unwrap_or_default();
        Cow::Owned(parsed)
    }

    /// The byte offset in the source for a byte offset in the source that Rhai parses.
    fn original(&self, parsed: usize) -> usize {
        let mut inserted = 0;
        for insertion in &*self.insertions {
            let start = insertion.at + inserted;
            if parsed < start + insertion.text.len() {
                return if parsed < start { parsed - inserted } else { insertion.at };
            }
            inserted += insertion.text.len();
        }
        parsed - inserted
    }

    /// Reads the script at `path`; its name is relative to `root`.
    ///
    /// # Errors
    /// `script::unreadable` if it cannot be read as UTF-8 text.
    pub fn read(path: &Path, root: &Path) -> Result<Self, ScriptError> {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        match crate::input_file::read_text(path) {
            Ok(text) => Ok(Self::new(&name, &text, Some(path.to_owned()))),
            Err(source) => Err(ScriptError::Unreadable { file: name, source }),
        }
    }

    /// The overrides of a project: `windlass.rhai`, then `windlass.<profile>.rhai` of each profile in order,
    /// those that exist, then `more` (`--script`).
    ///
    /// # Errors
    /// `script::unreadable` if one that exists cannot be read, or one of `more` does not exist.
    pub fn overrides(root: &Path, profiles: &[String], more: &[PathBuf]) -> Result<Vec<Self>, ScriptError> {
        let profiles = profiles.iter().map(|profile| format!("windlass.{profile}.rhai"));
        let names = std::iter::once("windlass.rhai".to_owned()).chain(profiles);
        let found = names.map(|name| root.join(name)).filter(|path| path.exists());
        found.chain(more.iter().cloned()).map(|path| Self::read(&path, root)).collect()
    }

    /// The same script as a file of the dependency in `folder`, with its displayed name.
    #[must_use]
    pub fn of_dependency(self, folder: &str) -> Self {
        Self { name: format!("{folder}/{}", self.name).into(), dependency: Some(folder.into()), ..self }
    }

    /// Its directory, relative to its project; empty for the project directory.
    pub(super) fn folder(&self) -> &Path {
        let name = Path::new(&*self.name);
        let inside = self.dependency.as_ref().and_then(|folder| name.strip_prefix(&**folder).ok());
        inside.unwrap_or(name).parent().unwrap_or(Path::new(""))
    }

    /// Whether it is built in.
    pub fn is_built_in(&self) -> bool {
        self.path.is_none()
    }

    /// The byte offset of the name of `function` in its first definition.
    pub fn definition(&self, function: &str) -> Option<usize> {
        self.definitions(function).next()
    }

    /// The byte offset of the last definition of `function` that starts before `end`.
    pub(super) fn definition_before(&self, function: &str, end: usize) -> Option<usize> {
        self.definitions(function).take_while(|&offset| offset < end).last()
    }

    /// The byte offsets of the name of `function` in its definitions.
    fn definitions(&self, function: &str) -> impl Iterator<Item = usize> {
        let names = self.text.match_indices(function);
        names
            .map(|(offset, name)| (offset, offset + name.len()))
            .filter(|&(start, end)| {
                let before =
                    self.text[..start].strip_suffix(char::is_whitespace).unwrap_or_default().trim_end();
                let after = &self.text[end..];
                before.split_whitespace().next_back() == Some("fn") && after.trim_start().starts_with('(')
            })
            .map(|(start, _)| start)
    }

    /// The number of the line at a byte offset, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or_default().matches('\n').count() + 1
    }

    /// The byte offset of a position of Rhai; lines and columns start at 1, and columns count characters.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let text = self.parsed();
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = text.get(start..).unwrap_or_default();
        let column =
            rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(offset, _)| offset);
        self.original(start + column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_text_without_insertions() {
        let text = "fn a() { 1 }\nfn b() { é(2) }\n";
        let at = |what: &str| text.find(what).expect("it exists");
        let insertion = |at: usize| Insertion { at: at + 1, text: "x();".to_owned() };
        let plain = ScriptFile::built_in("a", text);
        let file = plain.clone().with_insertions(vec![insertion(at("{ 1")), insertion(at("{ é"))]);
        assert_eq!(file.parsed(), "fn a() {x(); 1 }\nfn b() {x(); é(2) }\n");
        let parsed = file.parsed().into_owned();
        for (number, line) in parsed.lines().enumerate() {
            for (column, char) in line.chars().enumerate().filter(|(_, char)| !"x();".contains(*char)) {
                let offset = file.offset(number + 1, column + 1);
                assert!(text[offset..].starts_with(char), "{number}:{column} {char} {offset}");
            }
        }
    }
}
