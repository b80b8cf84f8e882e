//! The checked `--name=value` flags of an instruction.

use std::ops::Range;

use super::instruction::Word;
use super::source::Line;
use super::split::Flag;

/// A flag that Docker 28 accepts.
pub(crate) struct FlagSpec {
    /// The instruction.
    pub(crate) instruction: &'static str,
    /// The name without `--`.
    pub(crate) name: &'static str,
    /// The form of its value.
    pub(crate) value: FlagValue,
}

/// The form of a flag's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagValue {
    /// `--name=value`, once.
    Text,
    /// `--name=value`, any number of times.
    Texts,
    /// `--name`, `--name=true` or `--name=false`, once.
    Switch,
}

const fn flag(instruction: &'static str, name: &'static str, value: FlagValue) -> FlagSpec {
    FlagSpec { instruction, name, value }
}

/// All flags (Dockerfile reference; BuildKit `frontend/dockerfile/instructions/parse.go`).
pub(crate) const FLAGS: [FlagSpec; 23] = [
    flag("ADD", "checksum", FlagValue::Text),
    flag("ADD", "chmod", FlagValue::Text),
    flag("ADD", "chown", FlagValue::Text),
    flag("ADD", "exclude", FlagValue::Texts),
    flag("ADD", "keep-git-dir", FlagValue::Switch),
    flag("ADD", "link", FlagValue::Switch),
    flag("ADD", "unpack", FlagValue::Switch),
    flag("COPY", "chmod", FlagValue::Text),
    flag("COPY", "chown", FlagValue::Text),
    flag("COPY", "exclude", FlagValue::Texts),
    flag("COPY", "from", FlagValue::Text),
    flag("COPY", "link", FlagValue::Switch),
    flag("COPY", "parents", FlagValue::Switch),
    flag("FROM", "platform", FlagValue::Text),
    flag("HEALTHCHECK", "interval", FlagValue::Text),
    flag("HEALTHCHECK", "retries", FlagValue::Text),
    flag("HEALTHCHECK", "start-interval", FlagValue::Text),
    flag("HEALTHCHECK", "start-period", FlagValue::Text),
    flag("HEALTHCHECK", "timeout", FlagValue::Text),
    flag("RUN", "device", FlagValue::Texts),
    flag("RUN", "mount", FlagValue::Texts),
    flag("RUN", "network", FlagValue::Text),
    flag("RUN", "security", FlagValue::Text),
];

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
    pub(super) fn check(&self) -> Result<(), String> {
        let allowed = || FLAGS.iter().filter(|spec| spec.instruction == self.name);
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
            let Some(spec) = allowed().find(|spec| spec.name == key) else {
                let hint = crate::suggestion::nearest(key, allowed().map(|spec| spec.name));
                let hint = hint.map(|hint| format!(", did you mean `--{hint}`?")).unwrap_or_default();
                return Err(format!("{} has no flag `--{key}`{hint}", self.name));
            };
            if used.contains(&key) && spec.value != FlagValue::Texts {
                return Err(format!("{} has the flag `--{key}` twice", self.name));
            }
            used.push(key);
            let switch = spec.value == FlagValue::Switch;
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
