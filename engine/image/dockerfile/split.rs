//! Splits the text of an instruction into name, flags and arguments (Dockerfile reference, "Format").

use std::ops::Range;

use super::heredoc::HeredocMarker;

/// The white space that Docker accepts between words: fewer characters than in Unicode.
pub(super) const SPACES: [char; 5] = ['\t', '\u{b}', '\u{c}', '\r', ' '];

/// A `--name=value` before the arguments of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    /// The text without quotes and escapes.
    pub(super) text: String,
    /// Its position as written, in bytes of the instruction's text.
    pub(super) range: Range<usize>,
}

/// An instruction's text, split by the rules of its name but not yet validated.
#[derive(Debug, Clone)]
pub(super) struct Split {
    /// The name in upper case.
    pub(super) name: String,
    pub(super) flags: Vec<Flag>,
    /// The arguments; for ENV and LABEL alternating names and values.
    pub(super) args: Vec<String>,
    /// Whether the arguments were written as a JSON list.
    pub(super) json: bool,
    /// The position of the arguments, in bytes of the instruction's text.
    pub(super) rest: Range<usize>,
    /// The trigger of an ONBUILD.
    pub(super) trigger: Option<Box<Split>>,
}

impl Split {
    /// Splits the part of `text` in `range`.
    ///
    /// # Errors
    /// The reason, as a phrase.
    pub(super) fn new(text: &str, range: Range<usize>, escape: char) -> Result<Self, String> {
        Self::nested(text, range, escape, true)
    }

    fn nested(text: &str, range: Range<usize>, escape: char, onbuild: bool) -> Result<Self, String> {
        let range = trimmed(text, range);
        let line = &text[range.clone()];
        let name_end = line.find(SPACES).unwrap_or(line.len());
        let name = line[..name_end].to_uppercase();
        let after = line[name_end..].trim_start_matches(SPACES);
        let (flags, used) = flags(after, range.end - after.len());
        let rest = trimmed(text, range.end - after.len() + used..range.end);
        let mut split =
            Self { name, flags, args: Vec::new(), json: false, rest: rest.clone(), trigger: None };
        let arguments = &text[rest.clone()];
        match split.name.as_str() {
            "ADD" | "COPY" | "VOLUME" => split.list_or_words(arguments)?,
            "CMD" | "ENTRYPOINT" | "RUN" | "SHELL" => split.list_or_text(arguments)?,
            "EXPOSE" | "FROM" => split.words(arguments),
            "ARG" => split.args = quoted_words(arguments, escape),
            "ENV" | "LABEL" => split.pairs(arguments, escape)?,
            "HEALTHCHECK" => {
                let kind_end = arguments.find(char::is_whitespace).unwrap_or(arguments.len());
                let (kind, command) = arguments.split_at(kind_end);
                split.list_or_text(command.trim_start())?;
                if !kind.is_empty() {
                    split.args.insert(0, kind.to_owned());
                }
            }
            "ONBUILD" if !arguments.is_empty() && onbuild => {
                split.trigger = Some(Box::new(Self::nested(text, rest, escape, false)?));
            }
            _ if arguments.is_empty() => {}
            _ => split.args.push(arguments.to_owned()),
        }
        Ok(split)
    }

    /// Whether here-documents may follow it.
    pub(super) fn takes_heredocs(&self) -> bool {
        let split = self.trigger.as_deref().unwrap_or(self);
        matches!(split.name.as_str(), "ADD" | "COPY" | "RUN") && !split.json
    }

    /// Whether `source` is a here-document.
    pub(super) fn is_heredoc(source: &str) -> bool {
        matches!(HeredocMarker::parse(source), Ok(Some(_)))
    }

    fn words(&mut self, arguments: &str) {
        if !arguments.is_empty() {
            self.args = split_runs(arguments).map(str::to_owned).collect();
        }
    }

    /// A JSON list; `false` if the text is not one.
    fn list(&mut self, arguments: &str) -> Result<bool, String> {
        if !arguments.trim_start().starts_with('[') {
            return Ok(false);
        }
        let Ok(list) = serde_json::from_str::<Vec<serde_json::Value>>(arguments.trim_start()) else {
            return Ok(false);
        };
        for value in list {
            let serde_json::Value::String(text) = value else {
                return Err(format!("the JSON list of {} must contain only strings", self.name));
            };
            self.args.push(text);
        }
        self.json = true;
        Ok(true)
    }

    fn list_or_text(&mut self, arguments: &str) -> Result<(), String> {
        if !self.list(arguments)? && !arguments.is_empty() {
            self.args.push(arguments.to_owned());
        }
        Ok(())
    }

    fn list_or_words(&mut self, arguments: &str) -> Result<(), String> {
        if !self.list(arguments)? {
            self.words(arguments);
        }
        Ok(())
    }

    /// `name=value ...`, or the legacy form `name value with spaces`.
    fn pairs(&mut self, arguments: &str, escape: char) -> Result<(), String> {
        let words = quoted_words(arguments, escape);
        let Some(first) = words.first() else { return Ok(()) };
        if !first.contains('=') {
            let Some((name, value)) = arguments.split_once(SPACES) else {
                return Err(format!("`{} {first}` has no value", self.name));
            };
            self.args = vec![name.to_owned(), value.trim_start_matches(SPACES).to_owned()];
            return Ok(());
        }
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                return Err(format!("`{word}` has no `=`: write `name=value`, and quote values with spaces"));
            };
            self.args.extend([name.to_owned(), value.to_owned()]);
        }
        Ok(())
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.end - part.trim_start().len();
    start..start + part.trim().len()
}

/// The parts between sequences of white space.
fn split_runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(SPACES)
        .enumerate()
        .filter(|(index, part)| *index == 0 || !part.is_empty())
        .map(|(_, part)| part)
}

/// The leading `--flags` of `text`, which starts at `offset`, and their length in bytes.
fn flags(text: &str, offset: usize) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if !rest.starts_with("--") {
            return (flags, text.len() - rest.len());
        }
        let start = text.len() - rest.len();
        let (word, length, blank) = unquoted_word(rest);
        rest = &rest[length..];
        if word == "--" {
            return (flags, text.len() - rest.len());
        }
        if blank || !word.is_empty() {
            flags.push(Flag { text: word, range: offset + start..offset + start + length });
        }
    }
}

/// The word at the start of `text` without quotes and escapes, its length as written, and whether it is quoted.
fn unquoted_word(text: &str) -> (String, usize, bool) {
    let mut word = String::new();
    let mut quote = None;
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            (c, None) if c.is_whitespace() => return (word, at, quoted),
            ('\'' | '"', None) => (quote, quoted) = (Some(c), true),
            (c, Some(open)) if c == open => quote = None,
            ('\\', _) => word.extend(chars.next().map(|(_, escaped)| escaped)),
            (c, _) => word.push(c),
        }
    }
    (word, text.len(), quoted)
}

/// Words separated by white space outside quotes; quotes and escapes are kept.
fn quoted_words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        // Within single quotes, the escape character has no effect.
        if c == escape && quote != Some('\'') {
            if let Some(escaped) = chars.next() {
                word.extend([c, escaped]);
            }
            continue;
        }
        match quote {
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
