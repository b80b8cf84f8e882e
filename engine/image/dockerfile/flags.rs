//! The checked `--name=value` flags of an instruction.

use std::ops::Range;

use super::instruction::Word;
use super::source::Line;
use super::split::Flag;

/// The flags of one instruction.
pub(super) struct Flags<'a> {
    name: &'a str,
    flags: &'a [Flag],
    line: &'a Line,
}

impl<'a> Flags<'a> {
    /// The `flags` of the instruction `name` in `line`.
    pub(super) fn new(name: &'a str, flags: &'a [Flag], line: &'a Line) -> Self {
        Self { name, flags, line }
    }

    /// The bytes of the file that the bytes `range` of the instruction's text come from.
    pub(super) fn in_file(&self, range: Range<usize>) -> Range<usize> {
        self.line.in_file(range)
    }

    /// Rejects unknown, repeated and incomplete flags.
    pub(super) fn check(&self, allowed: &[&str]) -> Result<(), String> {
        let mut used = Vec::new();
        for flag in self.flags {
            let Some(text) = flag.text.strip_prefix("--") else {
                return Err(format!(
                    "{} has a flag `{}` that does not start with `--`",
                    self.name, flag.text
                ));
            };
            let (key, value) = match text.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (text, None),
            };
            if !allowed.contains(&key) {
                let hint = crate::suggestion::nearest(key, allowed.iter().copied());
                let hint = hint.map(|hint| format!(", did you mean `--{hint}`?")).unwrap_or_default();
                return Err(format!("{} has no flag `--{key}`{hint}", self.name));
            }
            let repeatable = matches!((self.name, key), ("RUN", "mount" | "device") | (_, "exclude"));
            if used.contains(&key) && !repeatable {
                return Err(format!("{} has the flag `--{key}` twice", self.name));
            }
            used.push(key);
            let switch = matches!(key, "link" | "parents" | "keep-git-dir" | "unpack");
            match value {
                None if !switch => return Err(format!("{} has no value for `--{key}`", self.name)),
                Some(value) if switch && !matches!(value.to_lowercase().as_str(), "true" | "false") => {
                    return Err(format!("`--{key}` of {} must be true or false", self.name));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn all(&self, key: &'a str) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(move |flag| {
            flag.text
                .strip_prefix("--")
                .and_then(|text| text.split_once('='))
                .is_some_and(|(name, _)| name == key)
        })
    }

    pub(super) fn text(&self, key: &'a str) -> Option<String> {
        self.all(key).next().and_then(|flag| flag.text.split_once('=')).map(|(_, value)| value.to_owned())
    }

    /// The values of a repeatable flag.
    pub(super) fn texts(&self, key: &'a str) -> Vec<String> {
        let values = self.all(key).filter_map(|flag| flag.text.split_once('='));
        values.map(|(_, value)| value.to_owned()).collect()
    }

    /// Whether `--key`, `--key=true` or `--key=false` is given.
    pub(super) fn switch(&self, key: &str) -> Option<bool> {
        self.flags.iter().find_map(|flag| match flag.text.strip_prefix("--")?.split_once('=') {
            Some((name, value)) => (name == key).then(|| value.eq_ignore_ascii_case("true")),
            None => (flag.text[2..] == *key).then_some(true),
        })
    }

    /// The value and its bytes in the file, quotes included.
    pub(super) fn word(&self, key: &'a str) -> Option<Word> {
        let flag = self.all(key).next()?;
        let (_, value) = flag.text.split_once('=')?;
        let start = flag.range.start + self.line.text[flag.range.clone()].find('=')? + 1;
        // A quote that opens before the value must be kept: only the value is replaced.
        let written = &self.line.text[start..flag.range.end];
        let start = start + written.find(value)?;
        Some(Word { text: value.to_owned(), span: self.line.in_file(start..start + value.len()) })
    }
}
