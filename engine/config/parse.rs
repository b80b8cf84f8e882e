//! Parses YAML into a tree of [`YamlNode`]s.
//!
//! Uses the events of `granit-parser`, the parser of the successor of `serde_yaml`: deserialization with serde loses
//! the style of scalars, the location of keys, and aliases.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};

use super::node::{Entry, MAX_DEPTH, Mapping, Scalar, Span, Style, Value, YamlNode};
use super::problem::{Diagnostics, Report};
use crate::text::without_tabs;

/// The maximum [`YamlNode::weight`] of a document after its aliases are expanded.
pub(crate) const MAX_WEIGHT: usize = 300_000;

/// The prefix of the tags of YAML itself.
const NAMESPACE: &str = "tag:yaml.org,2002:";

/// The maximum number of times to parse a file because lists and maps in brackets are indented with tabs.
const MOST_READINGS: usize = 100;

/// Parses the first document in `text`, like Go's YAML; the rest is ignored with a warning. Reports errors and returns
/// `None`, except for errors that leave a usable tree, such as duplicate keys.
pub(crate) fn parse(text: &str, problems: &mut Diagnostics) -> Option<YamlNode> {
    let mut reading = Reading { text: text.into(), lines: Vec::new() };
    for round in 1.. {
        match reading.read(problems) {
            Ok(root) => return root,
            Err(fault) if fault.is_tab && round < MOST_READINGS && reading.widen(fault.span.start) => {}
            Err(fault) => {
                fault.report(problems);
                break;
            }
        }
    }
    None
}

/// A text in which the tabs that indent some lines are replaced with spaces. Go's YAML allows tabs inside of brackets,
/// the parser does not.
struct Reading<'a> {
    text: Cow<'a, str>,
    /// The start of the content of those lines.
    lines: Vec<usize>,
}

/// A syntax error: its location and message.
struct Fault {
    span: Span,
    info: String,
    /// Whether the error is indentation with a tab, which may be allowed.
    is_tab: bool,
}

impl Reading<'_> {
    fn read(&self, problems: &mut Diagnostics) -> Result<Option<YamlNode>, Fault> {
        let text = &*self.text;
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        let mut builder =
            Builder { problems, open: Vec::new(), anchors: HashMap::new(), weight: 0, root: None };
        let mut lines = self.lines.iter().copied().peekable();
        let mut events = Parser::new_from_str_with_options(text, options);
        for event in &mut events {
            match event {
                Ok((Event::DocumentEnd, _)) => break,
                Ok((event, span)) => {
                    let span = of(span);
                    while let Some(line) = lines.next_if(|line| *line <= span.start) {
                        if !builder.open.iter().any(|open| open.is_flow) {
                            return Err(Fault::of_tab(line, text));
                        }
                    }
                    if builder.event(event, span).is_none() {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(Fault::of(&error, text)),
            }
        }
        match events.next() {
            Some(Ok((Event::DocumentStart(..), span))) => {
                let message = "the file has a second document, which is ignored";
                let report = Report::new("config::yaml", message, "it starts here");
                builder.problems.warn(of(span), report.help("keep one document per file"));
            }
            Some(Err(error)) => {
                let fault = Fault::of(&error, text);
                let message = "the text after the end of the document is ignored";
                builder.problems.warn(fault.span, Report::new("config::yaml", message, fault.info));
            }
            _ => {}
        }
        Ok(builder.root)
    }

    /// Replaces the tabs that indent the line with byte `at` and the following lines with spaces, up to the first line
    /// without tabs. Returns whether a line changed.
    fn widen(&mut self, at: usize) -> bool {
        let Some((text, lines)) = without_tabs(&self.text, at) else { return false };
        self.text = text.into();
        self.lines.extend(lines);
        true
    }
}

impl Fault {
    fn of(error: &granit_parser::ScanError, text: &str) -> Self {
        let mark = error.marker();
        let at = mark.byte_offset().unwrap_or(text.len()).min(text.len());
        let (line, column) = (mark.line().max(1), mark.col() + 1);
        let info = error.info();
        let is_tab = info.starts_with("tabs disallowed");
        Self { span: Span { start: at, end: at, line, column, ..Span::default() }, info, is_tab }
    }

    /// The error for a tab outside of brackets that indents the content at byte `at`.
    fn of_tab(at: usize, text: &str) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let (line, start) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |end| end + 1));
        let span = Span { start: at, end: at, line, column: at - start + 1, ..Span::default() };
        let info = "tabs disallowed within this context (block indentation)".to_owned();
        Self { span, info, is_tab: false }
    }

    fn report(self, problems: &mut Diagnostics) {
        let help = help_for(&self.info);
        let report = Report::new("config::yaml", "this is not valid YAML", self.info);
        problems.add(self.span, Report { help, ..report });
    }
}

/// The name of a tag of YAML itself: `int`, `binary`, `merge`.
fn yaml_name(tag: &granit_parser::Tag) -> Option<&str> {
    let (handle, suffix) = tag.parts();
    let of_yaml = || match handle {
        NAMESPACE => Some(suffix),
        "" => suffix.strip_prefix(NAMESPACE),
        _ => None,
    };
    tag.core_suffix().or_else(of_yaml)
}

/// A hint about the usual cause of the parser error `info`.
fn help_for(info: &str) -> Option<String> {
    let helps = [
        ("tab", "indent with spaces"),
        ("unknown anchor", "define `&NAME` before `*NAME` in this file"),
        ("mapping values are not allowed", "quote strings that contain `: `"),
        (
            "did not find expected key",
            "align the keys of a map in one column; check the previous line as well",
        ),
        ("unexpected character", "quote strings that begin with this character"),
        ("simple key", "add a `:` after the key"),
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

/// A list or map that is not complete yet.
struct Open {
    span: Span,
    /// Whether it is in brackets.
    is_flow: bool,
    anchor: usize,
    height: usize,
    weight: usize,
    kind: ContainerKind,
}

enum ContainerKind {
    Sequence(Vec<YamlNode>),
    Mapping { entries: Mapping, key: Option<(String, Span)>, merged: Vec<YamlNode>, merge_next: bool },
}

/// A node with its height and weight.
#[derive(Clone)]
struct Sized {
    node: YamlNode,
    height: usize,
    weight: usize,
}

struct Builder<'a> {
    problems: &'a mut Diagnostics,
    open: Vec<Open>,
    anchors: HashMap<usize, Sized>,
    weight: usize,
    root: Option<YamlNode>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Text };
                let (text, style) = self.tagged(text.into_owned(), style, tag.as_deref(), span);
                let scalar = Scalar { text, style, ..Scalar::null() };
                let weight = 1 + scalar.text.len() / 64;
                let sized =
                    Sized { node: YamlNode { span, value: Value::Scalar(scalar) }, height: 1, weight };
                self.put(sized, anchor, weight)
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(sized) => {
                    if self.weight + sized.weight > MAX_WEIGHT {
                        return self.fatal(
                            span,
                            "the aliases of this file expand to too much content",
                            "exceeds the limit",
                        );
                    }
                    let (sized, weight) = (sized.clone(), sized.weight);
                    self.put(sized, 0, weight)
                }
                None => self.fatal(span, "this alias is inside its own anchor", "refers to its parent"),
            },
            Event::SequenceStart(style, anchor, tag) => {
                self.check_tag(tag.as_deref(), span);
                self.start((span, style), anchor, ContainerKind::Sequence(Vec::new()))
            }
            Event::MappingStart(style, anchor, tag) => {
                self.check_tag(tag.as_deref(), span);
                let entries = Mapping::new();
                self.start(
                    (span, style),
                    anchor,
                    ContainerKind::Mapping { entries, key: None, merged: Vec::new(), merge_next: false },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            _ => Some(()),
        }
    }

    fn start(
        &mut self,
        (span, style): (Span, StructureStyle),
        anchor: usize,
        kind: ContainerKind,
    ) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return self.fatal(
                span,
                "the file is nested too deeply",
                format!("more than {MAX_DEPTH} levels"),
            );
        }
        let is_flow = style == StructureStyle::Flow;
        self.open.push(Open { span, is_flow, anchor, height: 1, weight: 1, kind });
        Some(())
    }

    fn end(&mut self, span: Span) -> Option<()> {
        let open = self.open.pop()?;
        // The end of a block is detected only at the next token; use the end of its last child instead.
        let (value, last) = match open.kind {
            ContainerKind::Sequence(nodes) => {
                let last = nodes.last().map(|node| node.span.end);
                (Value::Sequence(nodes), last)
            }
            ContainerKind::Mapping { mut entries, merged, .. } => {
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
            Sized { node: YamlNode { span, value }, height: open.height, weight: open.weight },
            open.anchor,
            1,
        )
    }

    /// Adds a complete node to its parent. `added` is the part of its weight that is not counted yet.
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
            return self.fatal(span, "the file is too large", "the rest is ignored");
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(sized.node);
            return Some(());
        };
        parent.height = parent.height.max(sized.height + 1);
        parent.weight += sized.weight;
        match &mut parent.kind {
            ContainerKind::Sequence(nodes) => nodes.push(sized.node),
            ContainerKind::Mapping { entries, key, merged, merge_next } => {
                if *merge_next {
                    *merge_next = false;
                    merged.push(sized.node);
                } else if let Some((name, key)) = key.take() {
                    if let Some(first) = entries.get(&name) {
                        let report =
                            Report::new("config::duplicate", format!("duplicate key `{name}`"), "again here")
                                .also(first.key, "first here")
                                .help("remove one of them");
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
                            let report = Report::new(
                                "config::yaml",
                                "a key must be a string",
                                "this is a list or map",
                            );
                            let help = "quote strings that begin with `{` or `[`";
                            self.problems.add(span, report.help(help));
                            return None;
                        }
                    }
                }
            }
        }
        Some(())
    }

    /// Merges the value of `<<`: keys of the map itself take precedence, then the first of several sources.
    fn merge(&mut self, entries: &mut Mapping, node: YamlNode) {
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
                let report = Report::new("config::yaml", "`<<` must be a map or a list of maps", "neither");
                self.problems.add(node.span, report);
            }
        }
    }

    /// Applies a tag to a scalar: it may turn a quoted scalar into a number, and an unquoted one into a string.
    fn tagged(
        &mut self,
        text: String,
        style: Style,
        tag: Option<&granit_parser::Tag>,
        span: Span,
    ) -> (String, Style) {
        let Some(tag) = tag else { return (text, style) };
        self.check_tag(Some(tag), span);
        match yaml_name(tag) {
            Some("int" | "float" | "bool" | "null" | "merge") => (text, Style::Plain),
            Some("binary") => {
                let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                let bytes = base64::engine::general_purpose::STANDARD.decode(packed);
                match bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
                    Some(text) => (text, Style::Text),
                    None => {
                        let report =
                            Report::new("config::yaml", "this is not base64-encoded text", "`!!binary`");
                        self.problems.add(span, report);
                        (text, Style::Text)
                    }
                }
            }
            _ => (text, Style::Text),
        }
    }

    /// Warns about an unknown tag. It has no effect, as in Go's YAML.
    fn check_tag(&mut self, tag: Option<&granit_parser::Tag>, span: Span) {
        if let Some(tag) = tag
            && yaml_name(tag).is_none()
            && tag.parts() != ("", "!")
            && tag.original() != "!"
        {
            let message = format!("unknown tag `{}` is ignored", tag.original());
            self.problems.warn(span, Report::new("config::yaml", message, "unknown tag"));
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

    fn parsed(text: &str) -> (Option<YamlNode>, Vec<String>) {
        let mut problems = Diagnostics::new("f", text.into());
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
                node.get("a").and_then(YamlNode::as_scalar).map(|scalar| scalar.text.as_str()),
                Some(text)
            );
        }
    }

    #[test]
    fn spans_point_at_keys_and_values() {
        let text = "é: 1\nb:\n  c: \"x\"\n";
        let (node, _) = parsed(text);
        let node = node.expect("valid");
        let entry = &node.get("b").and_then(YamlNode::as_mapping).expect("map")["c"];
        assert_eq!((entry.key.line, entry.key.column), (3, 3));
        assert_eq!(&text[entry.node.span.start..entry.node.span.end], "\"x\"");
    }

    #[test]
    fn bad_yaml_is_refused_with_its_place() {
        refuses("a: 1\nb: 2\na: 3\n", "f:3:1: duplicate key `a`");
        refuses("a: b: c", "f:1:5: this is not valid YAML");
        refuses("a: *b", "f:1:4: this is not valid YAML");
        refuses("? [a]\n: 1", "f:1:3: a key must be a string");
        refuses("a: &x [*x]", "f:1:8: this alias is inside its own anchor");
        refuses("a: {<<: 1}", "f:1:9: `<<` must be a map or a list of maps");
    }

    /// The expected values are those of Go's YAML.
    #[test]
    fn documents_are_read_as_go_reads_them() {
        let one = json!({"a": 1});
        for text in [
            "---\na: 1\n",
            "--- # comment\na: 1\n...\n",
            "%YAML 1.1\n---\na: 1",
            "%YAML 1.2\n%TAG !e! tag:example.com,2000:\n---\na: 1\n",
            "# comment\n\n---\n# another\na: 1\n... # end\n# last",
            "--- {a: 1}",
            "a: 1\n---\nb: 2\n",
            "a: 1\n---\n]: [broken\n\t: {",
            "{a: 1} trailing",
            "a: 1\n...\n---\nb: 2",
            "a: 1\n---\n",
            "{\n\t\"a\": 1\n}\n",
            "{\"a\":1}",
            "a:\t1",
            "a:   1\t\n",
            "a: 1\t# comment\n",
            "a: 1 # comment",
            "\n\n  # indented comment\na: 1",
            "a: 1\r\n",
            "a: 1\r",
            "? a\n: 1\n",
            "'a' : 1",
        ] {
            check(text, one.clone());
        }
        for text in ["", "\n", "# only\n# comments\n", "---\n", "---\n...\n", "---\n# c\n---\na: 1", "~"] {
            let (node, problems) = parsed(text);
            assert_eq!(problems, [""; 0], "{text:?}");
            assert!(node.is_none_or(|node| node.is_null()), "{text:?}");
        }
    }

    #[test]
    fn tabs_indent_in_brackets_only() {
        check("a: [\n\t1,\n\t2\n]\nb: 1", json!({"a": [1, 2], "b": 1}));
        check("a:\n  b: {\n\t\t\"c\": 1\n  }\n", json!({"a": {"b": {"c": 1}}}));
        check(
            "a:\n  - {b: 1,\n\tc: 2}\nd: {\n \te: 1,\n\n\tf: [\n\t]}",
            json!({
                "a": [{"b": 1, "c": 2}], "d": {"e": 1, "f": []},
            }),
        );
        refuses("a:\n\tb: 1\n", "f:2:2: this is not valid YAML");
        refuses("a: [\n\t1]\nb:\n\tc: 1\n", "f:4:2: this is not valid YAML");
        let (_, problems) = parsed(&"a: [\n\t\n\n".repeat(1000));
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn line_ends_of_every_system_are_one() {
        let text = "a: |\n  one\n  two\nb: >\n  x\n  y\n\n  z\nc: p\n  q\nd: 'r\n  s'\n";
        let expected = json!({"a": "one\ntwo\n", "b": "x y\nz\n", "c": "p q", "d": "r s"});
        check(text, expected.clone());
        check(&text.replace('\n', "\r\n"), expected.clone());
        check(&text.replace('\n', "\r"), expected.clone());
        check(&text.replace("two\n", "two\r\n").replace("q\n", "q\r"), expected);
        let (node, _) = parsed("a: 1\r\n\r\nb:\r\n  c: 2\r\n");
        let entry = &node.expect("valid").get("b").and_then(YamlNode::as_mapping).expect("map")["c"].clone();
        assert_eq!((entry.key.line, entry.key.column), (4, 3));
    }

    #[test]
    fn tags_make_text_of_numbers_and_numbers_of_text() {
        check(
            "a: !!int '5'\nb: !!str 5\nc: ! 5\nd: !!bool \"true\"",
            json!({"a": 5, "b": "5", "c": "5", "d": true}),
        );
        check(
            "a: !!binary aGVs\nb: !foo 1\nc: !foo {d: 1}\ne: !!set {f}",
            json!({
                "a": "hel", "b": "1", "c": {"d": 1}, "e": {"f": null},
            }),
        );
        check("x: &x {p: 1}\ny: {!!merge <<: *x}", json!({"x": {"p": 1}, "y": {"p": 1}}));
        refuses("a: !!binary '?'", "f:1:13: this is not base64-encoded text");
    }

    #[test]
    fn anchors_mark_anything_and_the_latest_wins() {
        check("a: &x 1\nb: *x\nc: &x two\nd: *x", json!({"a": 1, "b": 1, "c": "two", "d": "two"}));
        check("a: &x-y.z/1 [p]\nb: [*x-y.z/1 , q]", json!({"a": ["p"], "b": [["p"], "q"]}));
        check("&k a: 1\nb: *k", json!({"a": 1, "b": "a"}));
        check("a: &x\nb: *x", json!({"a": null, "b": null}));
        check(
            "a: &x\n  p: 1\nb:\n  <<: *x\n  <<: {q: 2}\n  p: 3",
            json!({"a": {"p": 1}, "b": {"p": 3, "q": 2}}),
        );
        check(
            "x: &x {p: 1}\ny: &y {<<: *x, q: 2}\nz: {<<: *y}",
            json!({
                "x": {"p": 1}, "y": {"p": 1, "q": 2}, "z": {"p": 1, "q": 2},
            }),
        );
        check("x: {\"<<\": 1}", json!({"x": {"<<": 1}}));
    }

    #[test]
    fn bombs_and_deep_nesting_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let alias = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{alias}]\n");
        }
        let (node, problems) = parsed(&bomb);
        assert!(node.is_none() && problems[0].contains("expand to too much"), "{problems:?}");

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
