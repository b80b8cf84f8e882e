//! Reads typed values from nodes. Values of a wrong type are reported with their location, and reading continues.

use indexmap::IndexMap;

use super::Origin;
use super::node::{Mapping, Scalar, Span, Style, Value, YamlNode, field};
use super::problem::{Diagnostics, Report};
use super::variable::ShellLine;
use crate::secret::Secret;

/// Reads nodes and reports to `problems`.
pub(crate) struct Reader<'p> {
    pub problems: &'p mut Diagnostics,
}

impl Reader<'_> {
    /// `node` as a map whose keys must all be in `known`. `what` is its name in messages: "image `api`".
    pub(crate) fn fields<'n>(
        &mut self,
        node: &'n YamlNode,
        what: &str,
        known: &[&str],
    ) -> Option<&'n Mapping> {
        let mapping = self.mapping(node, what)?;
        self.known_keys(mapping, what, known);
        Some(mapping)
    }

    /// Reports every key of `mapping` that is not in `known`.
    pub(crate) fn known_keys(&mut self, mapping: &Mapping, what: &str, known: &[&str]) {
        for (key, entry) in mapping {
            if !known.contains(&key.as_str()) && !key.starts_with("x-") {
                let report = Report::new(
                    "config::unknown_key",
                    format!("unknown key `{key}` in {what}"),
                    "unknown key",
                )
                .suggest(key, known.iter().copied());
                self.problems.add(entry.key, report);
            }
        }
    }

    /// `node` as a map.
    pub(crate) fn mapping<'n>(&mut self, node: &'n YamlNode, what: &str) -> Option<&'n Mapping> {
        match &node.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => self.wrong(node, what, "a map"),
        }
    }

    /// `node` as a list.
    pub(crate) fn sequence<'n>(&mut self, node: &'n YamlNode, what: &str) -> Option<&'n [YamlNode]> {
        match &node.value {
            Value::Sequence(nodes) => Some(nodes),
            _ => self.wrong(node, what, "a list"),
        }
    }

    /// `node` as a string; numbers and booleans as written.
    pub(crate) fn string(&mut self, node: &YamlNode, what: &str) -> Option<String> {
        match &node.value {
            Value::Scalar(scalar) if scalar.style == Style::Unresolved => None,
            Value::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.clone()),
            _ => self.wrong(node, what, "a string"),
        }
    }

    /// The string at `key`; an absent value and null are equivalent.
    pub(crate) fn text(&mut self, mapping: &Mapping, key: &str, of: &str) -> Option<String> {
        self.string(field(mapping, key)?, &format!("`{key}` of {of}"))
    }

    /// The string at `key` as a shell command line: passwords become references to variables, which are added to
    /// `environment`.
    pub(crate) fn shell_line(
        &mut self,
        mapping: &Mapping,
        key: &str,
        of: &str,
        environment: &mut Vec<(String, Secret)>,
    ) -> Option<String> {
        let text = self.text(mapping, key, of)?;
        Some(with_variables(text, field(mapping, key)?, environment))
    }

    /// The `command`: a shell command line if `is_line`, otherwise an executable.
    pub(crate) fn command(
        &mut self,
        mapping: &Mapping,
        of: &str,
        is_line: bool,
        environment: &mut Vec<(String, Secret)>,
    ) -> Option<String> {
        match is_line {
            true => self.shell_line(mapping, "command", of, environment),
            false => self.text(mapping, "command", of),
        }
    }

    /// The boolean at `key`; an absent value and null are equivalent.
    pub(crate) fn boolean(&mut self, mapping: &Mapping, key: &str, of: &str) -> Option<bool> {
        let node = field(mapping, key)?;
        let scalar = node.as_scalar();
        if scalar.is_some_and(|scalar| scalar.style == Style::Unresolved) {
            return None;
        }
        match scalar.and_then(|scalar| scalar.as_bool()) {
            Some(value) => Some(value),
            None => self.wrong(node, &format!("`{key}` of {of}"), "`true` or `false`"),
        }
    }

    /// The list of strings at `key`; an absent value and null are equivalent.
    pub(crate) fn texts(&mut self, mapping: &Mapping, key: &str, of: &str) -> Option<Vec<String>> {
        let what = format!("`{key}` of {of}");
        let nodes = self.sequence(field(mapping, key)?, &what)?;
        let item = format!("an item of {what}");
        Some(nodes.iter().filter_map(|node| self.string(node, &item)).collect())
    }

    /// The list of strings at `key`, with their locations.
    pub(crate) fn placed_texts(
        &mut self,
        mapping: &Mapping,
        key: &str,
        of: &str,
    ) -> Vec<(String, Option<Origin>)> {
        let what = format!("`{key}` of {of}");
        let nodes = field(mapping, key).and_then(|node| self.sequence(node, &what)).unwrap_or_default();
        let item = format!("an item of {what}");
        let placed =
            |node: &YamlNode| Some((self.string(node, &item)?, Some(self.problems.origin(node.span))));
        nodes.iter().filter_map(placed).collect()
    }

    /// The map of strings at `key`; an absent value and null are equivalent, and a name without a value is empty.
    pub(crate) fn text_map(&mut self, mapping: &Mapping, key: &str, of: &str) -> IndexMap<String, String> {
        let what = format!("`{key}` of {of}");
        let Some(mapping) = field(mapping, key).and_then(|node| self.mapping(node, &what)) else {
            return IndexMap::new();
        };
        let mut texts = IndexMap::new();
        for (name, entry) in mapping {
            let text = match entry.node.is_null() {
                true => Some(String::new()),
                false => self.string(&entry.node, &format!("`{name}` in {what}")),
            };
            texts.extend(text.map(|text| (name.clone(), text)));
        }
        texts
    }

    /// The entries of `node`, a section whose entries are called `noun`: a list of maps with a `name`, or a map by
    /// name, depending on the file's version. Each may have the `keys`. `read` converts the map of an entry, its name
    /// in messages and the location of its name to a value.
    pub(crate) fn named<T>(
        &mut self,
        node: &YamlNode,
        (section, noun): (&str, &str),
        keys: &[&str],
        mut read: impl FnMut(&Mapping, &str, Span, &mut Self) -> T,
    ) -> IndexMap<String, T> {
        let item = format!("a {noun}");
        let mut entries: IndexMap<String, (Span, T)> = IndexMap::new();
        if let Value::Mapping(named) = &node.value {
            for (name, entry) in named.iter().filter(|(_, entry)| !entry.node.is_null()) {
                let what = format!("{noun} `{name}`");
                let Some(mapping) = self.fields(&entry.node, &what, keys) else { continue };
                entries.insert(name.clone(), (entry.key, read(mapping, &what, entry.key, self)));
            }
            return entries.into_iter().map(|(name, (_, value))| (name, value)).collect();
        }
        for node in self.sequence(node, &format!("`{section}`")).unwrap_or_default() {
            let Some(mapping) = self.mapping(node, &item) else { continue };
            let Some(name_node) = field(mapping, "name") else {
                self.known_keys(mapping, &item, keys);
                self.missing(node, "name", &item);
                continue;
            };
            let Some(name) = self.text(mapping, "name", &item) else { continue };
            let (name, span) = (name.trim().to_owned(), name_node.span);
            let what = format!("{noun} `{name}`");
            self.known_keys(mapping, &what, keys);
            let value = read(mapping, &what, span, self);
            if let Some((first, _)) = entries.get(&name) {
                let message = format!("duplicate {noun} `{name}`");
                let report = Report::new("config::duplicate", message, "again here")
                    .also(*first, "first here")
                    .help("rename one of them");
                self.problems.add(span, report);
            } else {
                entries.insert(name, (span, value));
            }
        }
        entries.into_iter().map(|(name, (_, value))| (name, value)).collect()
    }

    /// Reports that `what` must be `expected`.
    pub(crate) fn wrong<T>(&mut self, node: &YamlNode, what: &str, expected: &str) -> Option<T> {
        if node.as_scalar().is_some_and(|scalar| scalar.style == Style::Unresolved) {
            return None;
        }
        let report = wrong(node, what, expected);
        self.problems.add(node.span, report);
        None
    }

    /// Reports that the key `key` is missing in `node`.
    pub(crate) fn missing(&mut self, node: &YamlNode, key: &str, what: &str) {
        // Label only the start of the entry: a long entry would be underlined as a whole.
        let span = Span { end: node.span.start, ..node.span };
        let report = Report::new("config::missing", format!("{what} has no `{key}`"), "in this entry")
            .help(format!("add `{key}`"));
        self.problems.add(span, report);
    }
}

/// The report that `what` must be `expected`.
pub(crate) fn wrong(node: &YamlNode, what: &str, expected: &str) -> Report<'static> {
    let message = format!("{what} must be {expected}, found {}", describe(node));
    let report = Report::new("config::type", message, format!("expected {expected}"));
    match (expected, &node.value) {
        ("a list", Value::Scalar(scalar)) if !scalar.is_null() => report.help(as_list(scalar)),
        ("a list", Value::Mapping(_)) => report.help("begin each entry with `- `"),
        ("a map", Value::Sequence(_)) => {
            report.help("write `NAME: ...` for each entry, without `- ` before it")
        }
        ("a string", Value::Mapping(_)) => report.help("quote strings that contain `: ` or begin with `{`"),
        ("a string", Value::Sequence(_)) => report.help("quote strings that begin with `[`"),
        ("`true` or `false`", Value::Scalar(scalar)) if scalar.style == Style::Text => {
            report.help("write it without quotes")
        }
        _ => report,
    }
}

/// The hint to write `scalar` as a list.
fn as_list(scalar: &Scalar) -> String {
    let words: Vec<&str> = scalar.text.split_whitespace().collect();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ' ');
    if scalar.written.is_some()
        || words.is_empty()
        || scalar.text.len() > 60
        || !scalar.text.chars().all(is_plain)
    {
        return "write it as a list: `[...]`".to_owned();
    }
    format!("write it as a list: `[\"{}\"]`", words.join("\", \""))
}

/// A description of a node, for messages.
pub(crate) fn describe(node: &YamlNode) -> String {
    match &node.value {
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a map".to_owned(),
        Value::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
        Value::Scalar(scalar) => {
            let shown = scalar.shown();
            match shown.char_indices().nth(40) {
                Some((end, _)) => format!("`{}...`", &shown[..end]),
                None => format!("`{shown}`"),
            }
        }
    }
}

/// The shell command line `text` of `node`: passwords become references to variables, which are added to
/// `environment`.
pub(crate) fn with_variables(
    text: String,
    node: &YamlNode,
    environment: &mut Vec<(String, Secret)>,
) -> String {
    let Some(scalar) = node.as_scalar().filter(|scalar| scalar.masked.is_some()) else { return text };
    let whole = 0..text.len();
    let secrets = if scalar.secrets.is_empty() { std::slice::from_ref(&whole) } else { &scalar.secrets };
    let mut shell = ShellLine::with(std::mem::take(environment));
    shell.push(&text, secrets);
    let (line, variables) = shell.finish();
    *environment = variables;
    line
}
