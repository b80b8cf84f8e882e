//! Writes a changed document and keeps the unchanged parts of the file: comments, order, blank lines, quotes.
//!
//! Every key and value of the changed tree has its old location. Unchanged parts are copied line by line; changed parts
//! are rewritten around them. A comment belongs to its line, or to the next line that remains.

mod scalar;
mod source;

use std::collections::HashSet;

use super::node::{Entry, Mapping, Value, YamlNode};
use scalar::{render, render_text};
use source::{Source, is_same};

/// The number of spaces by which new levels are indented.
const STEP: usize = 2;

/// `text`, whose tree is `old`, changed to the content of `new`.
pub(crate) fn rewrite(text: &str, old: &YamlNode, new: &Mapping) -> String {
    let source = Source::new(text, old, new);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut writer = Writer { source: &source, newline, out: String::new(), done: HashSet::new() };
    writer.mapping(new, 0, false);
    writer.rest();
    writer.out
}

/// The comments of `text`, whose tree is `root`.
pub(crate) fn comments(text: &str, root: &YamlNode) -> Vec<String> {
    let source = Source::new(text, root, &Mapping::new());
    (1..=source.lines()).filter_map(|line| source.comment(line).map(str::to_owned)).collect()
}

struct Writer<'s> {
    source: &'s Source<'s>,
    newline: &'static str,
    out: String,
    /// The comments and blank lines that were written, by line and by whether they end a line with other content.
    done: HashSet<(usize, bool)>,
}

impl Writer<'_> {
    /// Writes the entries of a block map; if `inline` is set, the first one continues the current line.
    fn mapping(&mut self, mapping: &Mapping, indent: usize, inline: bool) {
        for (number, (name, entry)) in mapping.iter().enumerate() {
            if !(inline && number == 0) {
                self.lead(entry.key.line, indent);
                self.indent(indent);
            }
            self.entry(name, entry, indent);
        }
    }

    fn entry(&mut self, name: &str, entry: &Entry, indent: usize) {
        let old = self.source.entry(entry);
        let Some(old) = old.filter(|old| !old.is_in_flow && is_same(&old.entry.node, &entry.node)) else {
            self.key(name, entry);
            return self.value(&entry.node, entry, indent);
        };
        if old.name == name {
            self.copy(entry.key.start, entry.key.line, old.last_line, indent);
        } else {
            self.out.push_str(&render_text(name));
            self.copy(entry.key.end, entry.key.line, old.last_line, indent);
        }
    }

    fn key(&mut self, name: &str, entry: &Entry) {
        match self.source.entry(entry).filter(|old| old.name == name) {
            Some(_) => self.out.push_str(self.source.slice(entry.key)),
            None => self.out.push_str(&render_text(name)),
        }
        self.out.push(':');
    }

    /// Writes a changed value of `entry` after its key.
    fn value(&mut self, node: &YamlNode, entry: &Entry, indent: usize) {
        match &node.value {
            Value::Mapping(mapping) if !mapping.is_empty() && !self.source.is_flow(node) => {
                self.end_line(&[entry.key.line]);
                let indent = indent + self.source.step(entry, node).unwrap_or(STEP);
                self.mapping(mapping, indent, false);
            }
            Value::Sequence(nodes) if self.is_block(node, nodes) => {
                self.end_line(&[entry.key.line]);
                let indent = indent + self.source.dash_step(entry, nodes).unwrap_or(0);
                self.sequence(nodes, indent);
            }
            _ if node.is_null() => self.end_line(&[entry.key.line]),
            _ => {
                self.out.push(' ');
                self.inline(node, indent, entry.key.column);
                let mut lines = vec![entry.key.line];
                self.source.lines_of(node, &mut lines);
                self.end_line(&lines);
            }
        }
    }

    /// Whether a list is written with one item per line: as before, or if an item is not a scalar.
    fn is_block(&self, node: &YamlNode, nodes: &[YamlNode]) -> bool {
        if nodes.is_empty() || self.source.is_flow(node) {
            return false;
        }
        self.source.is_block_sequence(node) || nodes.iter().any(|node| node.as_scalar().is_none())
    }

    fn sequence(&mut self, nodes: &[YamlNode], indent: usize) {
        for node in nodes {
            let line = self.source.dash_line(node);
            self.lead(line, indent);
            self.indent(indent);
            self.out.push_str("- ");
            if let Some(last) = self.source.same_item(node) {
                self.copy(node.span.start, node.span.line, last, indent + 2);
                continue;
            }
            match &node.value {
                Value::Mapping(mapping) if !mapping.is_empty() && !self.source.is_flow(node) => {
                    self.mapping(mapping, indent + 2, true);
                }
                _ => {
                    self.inline(node, indent + 2, node.span.column);
                    let mut lines = vec![line];
                    self.source.lines_of(node, &mut lines);
                    self.end_line(&lines);
                }
            }
        }
    }

    /// Writes a value that needs no separate lines. Its source is in a block at `column`, which moves to `indent`.
    fn inline(&mut self, node: &YamlNode, indent: usize, column: usize) {
        if let Some(text) = self.source.same_text(node) {
            let mut lines = text.split_inclusive('\n');
            self.out.push_str(lines.next().unwrap_or_default());
            for line in lines {
                self.shifted(line, indent as isize - (column as isize - 1));
            }
            return;
        }
        match &node.value {
            Value::Scalar(scalar) => self.out.push_str(&render(scalar)),
            _ => self.flow(node),
        }
    }

    /// Writes `[...]` or `{...}`.
    fn flow(&mut self, node: &YamlNode) {
        match &node.value {
            Value::Scalar(scalar) => match self.source.same_text(node).filter(|text| fits_flow(text)) {
                Some(text) => self.out.push_str(text),
                None if fits_flow(&scalar.text) => self.out.push_str(&render(scalar)),
                None => self.out.push_str(&render_text(&scalar.text)),
            },
            _ if self.source.is_flow(node) && self.source.same_text(node).is_some() => {
                self.out.push_str(self.source.slice(node.span));
            }
            Value::Sequence(nodes) => {
                self.out.push('[');
                for (number, node) in nodes.iter().enumerate() {
                    self.out.push_str(if number == 0 { "" } else { ", " });
                    self.flow(node);
                }
                self.out.push(']');
            }
            Value::Mapping(mapping) => {
                self.out.push('{');
                for (number, (name, entry)) in mapping.iter().enumerate() {
                    self.out.push_str(if number == 0 { "" } else { ", " });
                    self.out.push_str(&render_text(name));
                    self.out.push_str(": ");
                    self.flow(&entry.node);
                }
                self.out.push('}');
            }
        }
    }

    /// Copies the source from byte `start` in line `first` to the end of line `last`, with the indentation `indent`.
    fn copy(&mut self, start: usize, first: usize, last: usize, indent: usize) {
        let shift = indent as isize - self.source.column_of(first, start) as isize;
        self.out.push_str(self.source.rest_of_line(first, start));
        for line in first + 1..=last {
            let text = self.source.line(line);
            self.shifted(text, shift);
        }
        for line in first..=last {
            self.done.insert((line, false));
            self.done.insert((line, true));
        }
        if !self.out.ends_with('\n') {
            self.end();
        }
    }

    fn shifted(&mut self, line: &str, shift: isize) {
        let text = line.trim_start_matches(' ');
        let spaces = (line.len() - text.len()) as isize + shift;
        if !text.trim().is_empty() {
            self.indent(spaces.max(0) as usize);
        }
        self.out.push_str(text);
    }

    /// Writes the comments and blank lines above `line`, and those of removed lines.
    fn lead(&mut self, line: usize, indent: usize) {
        let mut above = Vec::new();
        for line in (1..line).rev() {
            if !self.source.is_trivia(line) && self.source.is_used(line) {
                break;
            }
            above.push(line);
        }
        for line in above.into_iter().rev() {
            self.comment_line(line, indent);
        }
    }

    /// Writes the rest of a line without other content: its comment, or a blank line.
    fn comment_line(&mut self, line: usize, indent: usize) {
        if !self.done.insert((line, false)) {
            return;
        }
        let is_own = self.source.is_trivia(line);
        match self.source.comment(line) {
            Some(comment) if is_own || self.done.insert((line, true)) => {
                self.indent(indent);
                self.out.push_str(comment);
                self.end();
            }
            None if is_own => self.end(),
            _ => {}
        }
    }

    /// Ends the line, with the comments that ended `lines`.
    fn end_line(&mut self, lines: &[usize]) {
        for &line in lines {
            if let Some(comment) = self.source.comment(line).filter(|_| !self.source.is_trivia(line))
                && self.done.insert((line, true))
            {
                self.out.push_str(self.source.gap(line));
                self.out.push_str(comment);
            }
        }
        self.end();
    }

    /// Writes the comments and blank lines at the end of the file.
    fn rest(&mut self) {
        let last = self.source.last_used();
        for line in last + 1..=self.source.lines() {
            self.comment_line(line, 0);
        }
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn end(&mut self) {
        self.out.push_str(self.newline);
    }
}

/// Whether the text of a block scalar keeps its value inside of brackets.
fn fits_flow(text: &str) -> bool {
    let is_quoted = text.starts_with(['"', '\'']);
    !text.contains('\n')
        && (is_quoted || !text.contains([',', '[', ']', '{', '}']))
        && !text.starts_with(['|', '>'])
}
