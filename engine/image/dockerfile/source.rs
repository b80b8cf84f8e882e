//! Splits a Dockerfile into the lines of its instructions: directives, comments, continuations (Dockerfile reference,
//! "Format").

use std::ops::Range;

use super::heredoc::HeredocMarker;
use super::instruction::Heredoc;

/// An error and its bytes in the Dockerfile.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) reason: String,
    pub(super) range: Range<usize>,
}

/// The text of one instruction: continuations are joined, comments are removed.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    /// The origin of the parts of `text`: offset in `text`, offset in the file. Never empty, sorted.
    parts: Vec<(usize, usize)>,
    /// First and last line, from 1.
    pub(super) lines: (usize, usize),
    /// The bytes of all its lines, with the last newline.
    pub(super) span: Range<usize>,
    /// The first of its lines without surrounding white space.
    pub(super) head: Range<usize>,
    /// The position of the escape character that continues the instruction beyond the end of the file.
    pub(super) dangling: Option<usize>,
}

impl Line {
    /// The bytes of the file that the bytes `range` of the text come from.
    pub(super) fn in_file(&self, range: Range<usize>) -> Range<usize> {
        let place = |offset: usize| {
            let part = self.parts.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
            self.parts.get(part).map_or(0, |(start, in_file)| in_file + (offset - start))
        };
        match range.is_empty() {
            true => place(range.start)..place(range.start),
            false => place(range.start)..place(range.end - 1) + 1,
        }
    }
}

/// Reads a Dockerfile line by line.
pub(super) struct Source<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
    /// The escape character: `\`, or the value of the `escape` directive.
    pub(super) escape: char,
    /// The value of the `syntax` directive.
    pub(super) syntax: Option<String>,
    /// The position and line of a `check` directive that turns warnings into errors.
    pub(super) strict_checks: Option<(Range<usize>, usize)>,
    seen: Vec<String>,
    directives_end: bool,
}

/// A physical line without its newline, and its bytes in the file.
struct Physical<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 0,
            escape: '\\',
            syntax: None,
            strict_checks: None,
            seen: Vec::new(),
            directives_end: false,
        }
    }

    /// The next instruction's line.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Mistake> {
        loop {
            let begin = self.offset;
            let Some(physical) = self.physical() else { return Ok(None) };
            let content = physical.text.trim_start();
            let start = physical.start + physical.text.len() - content.len();
            self.directive(content, start)?;
            let content = if content.starts_with('#') { "" } else { content };
            let (body, mut escape) = self.continued(content);
            if escape.is_none() && body.is_empty() {
                continue;
            }
            let mut line = Line {
                text: body.to_owned(),
                parts: vec![(0, start)],
                lines: (self.line, self.line),
                span: begin..self.offset,
                head: start..start + content.trim_end().len(),
                dangling: None,
            };
            let mut dangling = escape.map(|at| start + at);
            while escape.is_some() {
                let Some(physical) = self.physical() else { break };
                let trimmed = physical.text.trim_start();
                if trimmed.is_empty() || trimmed.starts_with('#') {
                    continue;
                }
                let (body, next) = self.continued(physical.text);
                line.parts.push((line.text.len(), physical.start));
                line.text.push_str(body);
                (escape, dangling) = (next, next.map(|at| physical.start + at));
            }
            line.dangling = dangling;
            self.extend(&mut line);
            return Ok(Some(line));
        }
    }

    /// Reads the here-documents that `line` opens, and adds them to it.
    pub(super) fn heredocs(&mut self, line: &mut Line) -> Result<Vec<Heredoc>, Mistake> {
        let mistake = |reason, line: &Line| Mistake { reason, range: line.head.clone() };
        let heredocs = HeredocMarker::all_in(&line.text).map_err(|reason| mistake(reason, line))?;
        let mut documents = Vec::with_capacity(heredocs.len());
        for heredoc in heredocs {
            let mut content = String::new();
            loop {
                let Some(physical) = self.physical() else {
                    let reason = format!("the here-document `{}` is not closed", heredoc.terminator);
                    return Err(mistake(reason, line));
                };
                let text =
                    if heredoc.strips_tabs { physical.text.trim_start_matches('\t') } else { physical.text };
                if text == heredoc.terminator {
                    break;
                }
                // A carriage return before the newline is part of the content.
                let end = physical.start + physical.text.len();
                content.push_str(text);
                content.push_str(&self.text[end..self.offset]);
            }
            documents.push(Heredoc { name: heredoc.terminator, content, expands: heredoc.expands });
        }
        self.extend(line);
        Ok(documents)
    }

    fn extend(&self, line: &mut Line) {
        line.lines.1 = self.line;
        line.span.end = self.offset;
    }

    fn physical(&mut self) -> Option<Physical<'a>> {
        let rest = &self.text[self.offset..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        let line = rest[..length].trim_end_matches(['\r', '\n']);
        let text = if self.line == 0 { line.trim_start_matches('\u{feff}') } else { line };
        let start = self.offset + line.len() - text.len();
        self.offset += length;
        self.line += 1;
        Some(Physical { text, start })
    }

    /// The line up to an escape character that continues it, and the position of that character. A doubled escape
    /// character does not continue it.
    fn continued<'l>(&self, line: &'l str) -> (&'l str, Option<usize>) {
        match line.trim_end_matches([' ', '\t']).strip_suffix(self.escape) {
            Some(body) if !body.ends_with(self.escape) => (body, Some(body.len())),
            _ => (line, None),
        }
    }

    /// `# name=value` at the start of the file.
    fn directive(&mut self, line: &str, start: usize) -> Result<(), Mistake> {
        if self.directives_end {
            return Ok(());
        }
        let pair = line.strip_prefix('#').and_then(|line| line.split_once('='));
        let (name, value) = pair.map_or(("", ""), |(name, value)| (name.trim(), value.trim()));
        let name = name.to_ascii_lowercase();
        if value.is_empty() || !matches!(name.as_str(), "escape" | "syntax" | "check") {
            self.directives_end = true;
            return Ok(());
        }
        let mistake = |reason| Mistake { reason, range: start..start + line.trim_end().len() };
        if self.seen.contains(&name) {
            return Err(mistake(format!("duplicate directive `{name}`")));
        }
        match (name.as_str(), value) {
            ("escape", "\\") => self.escape = '\\',
            ("escape", "`") => self.escape = '`',
            ("escape", _) => {
                return Err(mistake(format!("the escape character must be \\ or `, not `{value}`")));
            }
            ("syntax", _) => self.syntax = Some(value.to_owned()),
            ("check", _) if is_strict(value) => {
                self.strict_checks = Some((start..start + line.trim_end().len(), self.line));
            }
            _ => {}
        }
        self.seen.push(name);
        Ok(())
    }
}

/// Whether the value of a `check` directive, such as `skip=all;error=true`, turns warnings into errors.
fn is_strict(value: &str) -> bool {
    value.split(';').filter_map(|part| part.split_once('=')).any(|(name, value)| {
        name.trim() == "error" && ["1", "t", "true"].contains(&value.trim().to_ascii_lowercase().as_str())
    })
}
