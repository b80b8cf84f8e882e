//! YAML text to [`Node`] tree.
//!
//! This works on the events of `granit-parser`, the parser inside `serde_yaml`'s successor: deserialising
//! through serde loses the style of scalars, the place of keys, and whether a text came through an alias.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::node::{Entry, MAX_DEPTH, Mapping, Node, Scalar, Span, Style, Value};
use super::problem::{Problems, Report};

/// Greatest [`Node::weight`] of a document after its aliases are expanded.
pub(crate) const MAX_WEIGHT: usize = 300_000;

/// Parses the one document in `text`. Reports what is wrong with it and returns `None`, but for duplicate
/// keys and the like, which leave a usable tree.
pub(crate) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut builder = Builder { problems, open: Vec::new(), anchors: HashMap::new(), weight: 0, root: None };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::DocumentStart(..), span)) => {
                documents += 1;
                if documents > 1 {
                    let report =
                        Report::new("config::yaml", "the file has a second document", "it starts here")
                            .help("keep one document per file");
                    builder.problems.add(of(span), report);
                    return None;
                }
            }
            Ok((event, span)) => builder.event(event, of(span))?,
            Err(error) => {
                let mark = error.marker();
                let at = mark.byte_offset().unwrap_or(text.len()).min(text.len());
                let (line, column) = (mark.line().max(1), mark.col() + 1);
                let span = Span { start: at, end: at, line, column, ..Span::default() };
                let report = Report::new("config::yaml", "this is not valid YAML", error.info());
                builder.problems.add(span, Report { help: help_for(&error.info()), ..report });
                return None;
            }
        }
    }
    builder.root
}

/// What usually is the matter where the parser says `info`.
fn help_for(info: &str) -> Option<String> {
    let helps = [
        ("tab", "indent with spaces"),
        ("unknown anchor", "`*NAME` stands for what `&NAME` marked before it in this file"),
        ("mapping values are not allowed", "a text with `: ` in it stands in quotes"),
        (
            "did not find expected key",
            "keys of one map begin in the same column; look at the line before as well",
        ),
        ("unexpected character", "a text that begins with this character stands in quotes"),
        ("simple key", "a key needs a `:` behind it"),
    ];
    helps.iter().find(|(part, _)| info.contains(part)).map(|(_, help)| (*help).to_owned())
}

fn of(span: granit_parser::Span) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span {
        start: range.start,
        end: range.end.max(range.start),
        line: span.start.line().max(1),
        column: span.start.col() + 1,
        ..Span::default()
    }
}

/// A list or map whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    height: usize,
    weight: usize,
    kind: Kind,
}

enum Kind {
    Sequence(Vec<Node>),
    Mapping { entries: Mapping, key: Option<(String, Span)>, merged: Vec<Node>, merge_next: bool },
}

/// A node with its height and weight.
#[derive(Clone)]
struct Sized {
    node: Node,
    height: usize,
    weight: usize,
}

struct Builder<'a> {
    problems: &'a mut Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, Sized>,
    weight: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = tag.as_deref().is_some_and(|tag| tag.core_suffix() == Some("str"));
                self.check_tag(tag.as_deref(), span)?;
                let plain = style == ScalarStyle::Plain && !text_tag;
                let style = if plain { Style::Plain } else { Style::Text };
                let scalar = Scalar { text: text.into_owned(), style, ..Scalar::null() };
                let weight = 1 + scalar.text.len() / 64;
                let sized = Sized { node: Node { span, value: Value::Scalar(scalar) }, height: 1, weight };
                self.put(sized, anchor, weight)
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(sized) => {
                    if self.weight + sized.weight > MAX_WEIGHT {
                        return self.fatal(
                            span,
                            "the aliases of this file unfold to too much",
                            "this one is too much",
                        );
                    }
                    let (sized, weight) = (sized.clone(), sized.weight);
                    self.put(sized, 0, weight)
                }
                None => {
                    self.fatal(span, "this alias stands inside its own anchor", "refers to what contains it")
                }
            },
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), span)?;
                self.start(span, anchor, Kind::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), span)?;
                let entries = Mapping::new();
                self.start(
                    span,
                    anchor,
                    Kind::Mapping { entries, key: None, merged: Vec::new(), merge_next: false },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            _ => Some(()),
        }
    }

    fn start(&mut self, span: Span, anchor: usize, kind: Kind) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return self.fatal(
                span,
                "the file is nested too deeply",
                format!("more than {MAX_DEPTH} levels"),
            );
        }
        self.open.push(Open { span, anchor, height: 1, weight: 1, kind });
        Some(())
    }

    fn end(&mut self, span: Span) -> Option<()> {
        let open = self.open.pop()?;
        // A block's end is found only at the next token; its own last child ends it for the reader.
        let (value, last) = match open.kind {
            Kind::Sequence(nodes) => {
                let last = nodes.last().map(|node| node.span.end);
                (Value::Sequence(nodes), last)
            }
            Kind::Mapping { mut entries, merged, .. } => {
                let last = entries.values().last().map(|entry| entry.node.span.end);
                for node in merged {
                    self.merge(&mut entries, node);
                }
                (Value::Mapping(entries), last)
            }
        };
        let flow_end = if span.end > span.start { span.end } else { last.unwrap_or(open.span.end) };
        let span = Span { end: flow_end.max(open.span.start), ..open.span };
        self.put(
            Sized { node: Node { span, value }, height: open.height, weight: open.weight },
            open.anchor,
            1,
        )
    }

    /// Puts a finished node where it belongs. `added` is the part of its weight not counted yet.
    fn put(&mut self, sized: Sized, anchor: usize, added: usize) -> Option<()> {
        let span = sized.node.span;
        if self.open.len() + sized.height > MAX_DEPTH {
            return self.fatal(
                span,
                "the file is nested too deeply",
                format!("more than {MAX_DEPTH} levels"),
            );
        }
        self.weight += added;
        if anchor != 0 {
            self.anchors.insert(anchor, sized.clone());
            self.weight += sized.weight;
        }
        if self.weight > MAX_WEIGHT {
            return self.fatal(span, "the file is too large", "the rest was not read");
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(sized.node);
            return Some(());
        };
        parent.height = parent.height.max(sized.height + 1);
        parent.weight += sized.weight;
        match &mut parent.kind {
            Kind::Sequence(nodes) => nodes.push(sized.node),
            Kind::Mapping { entries, key, merged, merge_next } => {
                if *merge_next {
                    *merge_next = false;
                    merged.push(sized.node);
                } else if let Some((name, key)) = key.take() {
                    if let Some(first) = entries.get(&name) {
                        let report = Report::new(
                            "config::duplicate",
                            format!("the key `{name}` stands twice"),
                            "again here",
                        )
                        .also(first.key, "first here")
                        .help("keep one of the two");
                        self.problems.add(key, report);
                    } else {
                        entries.insert(name, Entry { key, node: sized.node });
                    }
                } else {
                    match sized.node.value {
                        Value::Scalar(scalar) if scalar.text == "<<" && scalar.style == Style::Plain => {
                            *merge_next = true;
                        }
                        Value::Scalar(scalar) => *key = Some((scalar.text, span)),
                        _ => {
                            let report =
                                Report::new("config::yaml", "a key must be a text", "this is a list or map");
                            let help = "a text that begins with `{` or `[` stands in quotes";
                            self.problems.add(span, report.help(help));
                            return None;
                        }
                    }
                }
            }
        }
        Some(())
    }

    /// Adds what `<<` brings: keys of the map itself win, then the first of several sources.
    fn merge(&mut self, entries: &mut Mapping, node: Node) {
        match node.value {
            Value::Mapping(more) => {
                for (name, entry) in more {
                    entries.entry(name).or_insert(entry);
                }
            }
            Value::Sequence(nodes) if nodes.iter().all(|node| node.as_mapping().is_some()) => {
                for node in nodes {
                    self.merge(entries, node);
                }
            }
            _ => {
                let report =
                    Report::new("config::yaml", "`<<` wants a map or a list of maps", "this is neither");
                self.problems.add(node.span, report);
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&granit_parser::Tag>, span: Span) -> Option<()> {
        match tag {
            Some(tag) if tag.core_suffix().is_none() && tag.parts() != ("", "!") && tag.original() != "!" => {
                let message = format!("the tag `{}` is not known", tag.original());
                self.fatal(span, message, "tagged here")
            }
            _ => Some(()),
        }
    }

    fn fatal(&mut self, span: Span, message: impl Into<String>, label: impl Into<String>) -> Option<()> {
        self.problems.add(span, Report::new("config::yaml", message, label));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(text: &str) -> (Option<Node>, Vec<String>) {
        let mut problems = Problems::new("f", text.into());
        let node = parse(text, &mut problems);
        (node, problems.finish().0.iter().map(ToString::to_string).collect())
    }

    fn check(text: &str, expected: serde_json::Value) {
        let (node, problems) = parsed(text);
        assert_eq!(problems, [""; 0], "{text}");
        assert_eq!(node.map(|node| node.to_json()), Some(expected), "{text}");
    }

    fn refuses(text: &str, expected: &str) {
        let (_, problems) = parsed(text);
        assert_eq!(problems.first().map(String::as_str), Some(expected), "{problems:?}");
    }

    #[test]
    fn tree_has_anchors_aliases_and_merge_keys() {
        check("a: &x {p: 1, q: 2}\nb: *x\n", json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}}));
        check(
            "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n",
            json!({"a": {"p": 1, "q": 2}, "b": {"q": 3, "p": 1}}),
        );
        check(
            "a: &x {p: 1}\nb: &y {p: 2, r: 3}\nc: {<<: [*x, *y]}\n",
            json!({"a": {"p": 1}, "b": {"p": 2, "r": 3}, "c": {"p": 1, "r": 3}}),
        );
        check("a: !!str 5\nb: '5'\nc: 5", json!({"a": "5", "b": "5", "c": 5}));
    }

    #[test]
    fn text_of_scalars_stays_as_written() {
        for text in ["1.10", "007", "yes", "1e3", "0x1F", "1_000"] {
            let (node, _) = parsed(&format!("a: {text}"));
            let node = node.expect("valid");
            assert_eq!(
                node.get("a").and_then(Node::as_scalar).map(|scalar| scalar.text.as_str()),
                Some(text)
            );
        }
    }

    #[test]
    fn spans_point_at_keys_and_values() {
        let text = "é: 1\nb:\n  c: \"x\"\n";
        let (node, _) = parsed(text);
        let node = node.expect("valid");
        let entry = &node.get("b").and_then(Node::as_mapping).expect("map")["c"];
        assert_eq!((entry.key.line, entry.key.column), (3, 3));
        assert_eq!(&text[entry.node.span.start..entry.node.span.end], "\"x\"");
    }

    #[test]
    fn bad_yaml_is_refused_with_its_place() {
        refuses("a: 1\nb: 2\na: 3\n", "f:3:1: the key `a` stands twice");
        refuses("a: b: c", "f:1:5: this is not valid YAML");
        refuses("a: *b", "f:1:4: this is not valid YAML");
        refuses("a: !foo 1", "f:1:9: the tag `!foo` is not known");
        refuses("a: 1\n---\nb: 1", "f:2:1: the file has a second document");
        refuses("? [a]\n: 1", "f:1:3: a key must be a text");
        refuses("a: &x [*x]", "f:1:8: this alias stands inside its own anchor");
        refuses("a: {<<: 1}", "f:1:9: `<<` wants a map or a list of maps");
    }

    #[test]
    fn bombs_and_deep_nesting_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let alias = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{alias}]\n");
        }
        let (node, problems) = parsed(&bomb);
        assert!(node.is_none() && problems[0].contains("unfold to too much"), "{problems:?}");

        let (node, problems) = parsed(&format!("a: {}{}", "[".repeat(5000), "]".repeat(5000)));
        assert!(node.is_none() && problems.len() == 1, "{problems:?}");

        let mut chain = format!("a0: &a0 {}{}\n", "[".repeat(60), "]".repeat(60));
        for level in 1..9 {
            chain += &format!("a{level}: &a{level} {}*a{}{}\n", "[".repeat(60), level - 1, "]".repeat(60));
        }
        let (node, problems) = parsed(&chain);
        assert!(node.is_none() && problems[0].contains("nested too deeply"), "{problems:?}");
    }
}
