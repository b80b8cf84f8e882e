//! One file of a pipeline.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ScriptError;

/// The text of `scripts/build.rhai`.
pub(super) const DEFAULT_BUILD: &str = include_str!("../../scripts/build.rhai");

/// The text of one script, and the name it has in messages.
#[derive(Debug, Clone)]
pub struct ScriptFile {
    /// The name shown: `windlass.dev.rhai`, `scripts/build.rhai`.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// Where it lies; `None` for scripts that are part of windlass.
    pub path: Option<PathBuf>,
}

impl ScriptFile {
    /// The default pipeline of `windlass build`.
    pub fn default_build() -> Self {
        Self::built_in("scripts/build.rhai", DEFAULT_BUILD)
    }

    /// A script that is part of windlass.
    pub fn built_in(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into(), path: None }
    }

    /// Reads the script at `path`; `root` shortens its name.
    ///
    /// # Errors
    /// `script::unreadable` when it cannot be read as UTF-8 text.
    pub fn read(path: &Path, root: &Path) -> Result<Self, ScriptError> {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { name: name.into(), text: text.into(), path: Some(path.to_owned()) }),
            Err(source) => Err(ScriptError::Unreadable { file: name, source }),
        }
    }

    /// The overrides of a project: `windlass.rhai`, then `windlass.<profile>.rhai` of each profile in order,
    /// those that exist, then `more` (`--script`).
    ///
    /// # Errors
    /// `script::unreadable` when one that exists cannot be read, or one of `more` does not exist.
    pub fn overrides(root: &Path, profiles: &[String], more: &[PathBuf]) -> Result<Vec<Self>, ScriptError> {
        let profiles = profiles.iter().map(|profile| format!("windlass.{profile}.rhai"));
        let names = std::iter::once("windlass.rhai".to_owned()).chain(profiles);
        let found = names.map(|name| root.join(name)).filter(|path| path.exists());
        found.chain(more.iter().cloned()).map(|path| Self::read(&path, root)).collect()
    }

    /// Whether it is part of windlass.
    pub fn is_built_in(&self) -> bool {
        self.path.is_none()
    }

    /// The byte offset of the name of `function` where it is defined first.
    pub fn definition(&self, function: &str) -> Option<usize> {
        self.definitions(function).next()
    }

    /// The byte offset of the last definition of `function` that starts before `end`.
    pub(super) fn definition_before(&self, function: &str, end: usize) -> Option<usize> {
        self.definitions(function).take_while(|&offset| offset < end).last()
    }

    /// The byte offsets of the name of `function` wherever it is defined.
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

    /// The byte offset of a place in the text; both counts start at 1, columns count characters.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or_default();
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(offset, _)| offset)
    }
}
