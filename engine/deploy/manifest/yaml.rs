//! Reads the documents of a YAML text.
//!
//! Uses the events of `granit-parser`, because a deserializer loses locations. The result is that of kubectl (see
//! [`super::scalar`]), including its merge keys: `<<` overrides the keys before it, and the keys after it override
//! `<<`. Stricter than kubectl: a duplicate key is an error.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};
use serde_json::Value as Json;

use super::node::{Content, Entry, Fault, MAX_DEPTH, Mapping, Node, ParsedDocument, Span};
use super::tag::{tagged, yaml_name};
use crate::text::without_tabs;

/// The maximum weight of everything that anchors and aliases copy: one per value, plus one for every 64 bytes.
const MAX_COPIED: usize = 300_000;

/// The maximum number of parses because lines in brackets are indented with tabs.
const MAX_TAB_ROUNDS: usize = 100;

/// The documents of `text` that are not empty.
pub(super) fn read_yaml(text: &str) -> Result<Vec<ParsedDocument>, Box<Fault>> {
    let mut text = Cow::Borrowed(text);
    let mut rounds = 0;
    loop {
        let mut reader = Reader::default();
        let error = match reader.read(&text) {
            Ok(()) => return Ok(reader.documents),
            Err(ReadError::Fault(fault)) => return Err(fault),
            Err(ReadError::Syntax(error)) => error,
        };
        let mark = error.marker();
        let at = mark.byte_offset().unwrap_or(text.len()).min(text.len());
        let info = error.info();
        // Go's YAML allows tabs in brackets, the parser does not.
        let is_in_brackets = reader.open.iter().any(|open| open.is_flow);
        if is_in_brackets
            && info.starts_with("tabs disallowed")
            && rounds < MAX_TAB_ROUNDS
            && let Some((spaced, _)) = without_tabs(&text, at)
        {
            text = Cow::Owned(spaced);
            rounds += 1;
            continue;
        }
        let span = Span { start: at, end: at, line: mark.line().max(1), column: mark.col() + 1 };
        let help = help_for(&info);
        let mut fault = Fault::new(span, "this is not valid YAML", info);
        fault.help = help;
        return Err(fault);
    }
}

/// A hint about the usual cause of the parser error `info`.
fn help_for(info: &str) -> Option<String> {
    let helps = [
        ("tab", "indent with spaces"),
        ("unknown anchor", "define `&NAME` before `*NAME` in the same document"),
        ("mapping values are not allowed", "quote strings that contain `: `"),
        (
            "did not find expected key",
            "align the keys of a map in one column; check the previous line as well",
        ),
        ("unexpected character", "quote strings that begin with this character"),
        ("simple key", "add a `:` after the key"),
        ("document start", "separate documents with a line `---`"),
    ];
    helps.iter().find(|(part, _)| info.contains(part)).map(|(_, help)| (*help).to_owned())
}

enum ReadError {
    Fault(Box<Fault>),
    Syntax(granit_parser::ScanError),
}

impl From<Box<Fault>> for ReadError {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

/// A list or map that is not complete yet.
struct Open {
    span: Span,
    is_flow: bool,
    anchor: usize,
    height: usize,
    weight: usize,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Node>),
    Mapping { entries: Mapping, key: Option<(String, Span)>, is_merging: bool },
}

/// A node with its levels and its weight.
#[derive(Clone)]
struct Measured {
    node: Node,
    height: usize,
    weight: usize,
}

#[derive(Default)]
struct Reader {
    documents: Vec<ParsedDocument>,
    number: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Measured>,
    copied: usize,
}

impl Reader {
    fn read(&mut self, text: &str) -> Result<(), ReadError> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(ReadError::Syntax)?;
            self.event(event, span_of(span))?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Fault>> {
        match event {
            Event::DocumentStart(..) => self.number += 1,
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let tag = tag.as_deref().map(yaml_name);
                if text == "<<" && is_plain && matches!(tag, None | Some(Some("merge"))) && self.merges() {
                    return Ok(());
                }
                let weight = 1 + text.len() / 64;
                let content = Content::Scalar(tagged(text.into_owned(), is_plain, tag, span)?);
                self.put(Measured { node: Node { span, content }, height: 1, weight }, anchor)?;
            }
            Event::Alias(id) => {
                let Some(measured) = self.anchors.get(&id) else {
                    return Err(Fault::new(span, "this alias is inside its anchor", "refers to its parent"));
                };
                self.copied += measured.weight;
                self.check_copied(span)?;
                let mut measured = measured.clone();
                measured.node.span = span;
                self.put(measured, 0)?;
            }
            Event::SequenceStart(style, anchor, _) => {
                self.start(span, style, anchor, OpenKind::Sequence(Vec::new()))?;
            }
            Event::MappingStart(style, anchor, _) => {
                let entries = Mapping::new();
                self.start(span, style, anchor, OpenKind::Mapping { entries, key: None, is_merging: false })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            _ => {}
        }
        Ok(())
    }

    /// Whether the next scalar is a key; then its value is merged.
    fn merges(&mut self) -> bool {
        match self.open.last_mut().map(|open| &mut open.kind) {
            Some(OpenKind::Mapping { key: None, is_merging, .. }) if !*is_merging => {
                *is_merging = true;
                true
            }
            _ => false,
        }
    }

    fn check_copied(&self, span: Span) -> Result<(), Box<Fault>> {
        if self.copied <= MAX_COPIED {
            return Ok(());
        }
        Err(Fault::new(span, "the aliases expand to too much content", "exceeds the limit"))
    }

    fn start(
        &mut self,
        span: Span,
        style: StructureStyle,
        anchor: usize,
        kind: OpenKind,
    ) -> Result<(), Box<Fault>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::too_deep(span));
        }
        let is_flow = style == StructureStyle::Flow;
        self.open.push(Open { span, is_flow, anchor, height: 1, weight: 1, kind });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Box<Fault>> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // The end of a block is detected only at the next token: such a span is empty.
        let end = if span.end > span.start { span.end } else { open.span.end };
        let content = match open.kind {
            OpenKind::Sequence(nodes) => Content::Sequence(nodes),
            OpenKind::Mapping { entries, .. } => Content::Mapping(entries),
        };
        let node = Node { span: Span { end: end.max(open.span.start), ..open.span }, content };
        self.put(Measured { node, height: open.height, weight: open.weight }, open.anchor)
    }

    /// Adds a complete node to its parent, or to the documents.
    fn put(&mut self, measured: Measured, anchor: usize) -> Result<(), Box<Fault>> {
        let span = measured.node.span;
        if self.open.len() + measured.height > MAX_DEPTH {
            return Err(Fault::too_deep(span));
        }
        if anchor != 0 {
            self.copied += measured.weight;
            self.check_copied(span)?;
            self.anchors.insert(anchor, measured.clone());
        }
        let Measured { node, height, weight } = measured;
        let Some(parent) = self.open.last_mut() else {
            if !matches!(node.content, Content::Scalar(Json::Null)) {
                self.documents.push(ParsedDocument { number: self.number, node });
            }
            return Ok(());
        };
        parent.height = parent.height.max(height + 1);
        parent.weight += weight;
        match &mut parent.kind {
            OpenKind::Sequence(nodes) => nodes.push(node),
            OpenKind::Mapping { entries, is_merging, .. } if *is_merging => {
                *is_merging = false;
                merge(entries, node)?;
            }
            OpenKind::Mapping { entries, key, .. } => match key.take() {
                None => *key = Some((key_of(&node)?, span)),
                Some((name, key)) => match entries.get(&name) {
                    Some(first) if !first.is_merged => {
                        return Err(Fault::duplicate_key(&name, first.key, key));
                    }
                    _ => drop(entries.insert(name, Entry { key, is_merged: false, node })),
                },
            },
        }
        Ok(())
    }
}

/// Merges the value of `<<`; of several, the first takes precedence.
fn merge(entries: &mut Mapping, node: Node) -> Result<(), Box<Fault>> {
    let is_map = |node: &Node| matches!(node.content, Content::Mapping(_));
    match node.content {
        Content::Mapping(more) => {
            let merged = |(name, entry)| (name, Entry { is_merged: true, ..entry });
            entries.extend(more.into_iter().map(merged));
            Ok(())
        }
        Content::Sequence(nodes) if nodes.iter().all(is_map) => {
            nodes.into_iter().rev().try_for_each(|node| merge(entries, node))
        }
        _ => Err(Fault::new(node.span, "`<<` must be a map or a list of maps", "neither")),
    }
}

/// `node` as a key: numbers and booleans become strings, as in kubectl.
fn key_of(node: &Node) -> Result<String, Box<Fault>> {
    match &node.content {
        Content::Scalar(Json::String(text)) => Ok(text.clone()),
        Content::Scalar(Json::Null) => Err(Fault::new(node.span, "a key must be a string", "this is null")),
        Content::Scalar(value) => Ok(value.to_string()),
        _ => Err(Fault::new(node.span, "a key must be a string", "this is a list or map")
            .help("quote strings that begin with `{` or `[`")),
    }
}

fn span_of(span: granit_parser::Span) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span {
        start: range.start,
        end: range.end.max(range.start),
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}

#[cfg(test)]
mod tests;
