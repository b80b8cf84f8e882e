//! A YAML document as a tree that records the location and notation of every value.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

/// The maximum nesting of a document, after aliases and patches. Bounds every recursion.
pub(crate) const MAX_DEPTH: usize = 128;

/// Bytes `start..end` of a file, and the line and column (both from 1) of `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
    pub line: usize,
    pub column: usize,
    /// The source of the value: 0 for the file itself, otherwise the number of a
    /// [`Layer`](super::explain::Layer). This is all that loading records for later explanations.
    pub layer: u16,
    /// The file: 0 for the one that is loaded, otherwise the number that
    /// `Diagnostics::absorb` returned for an included file.
    pub file: u16,
}

/// A value and its location.
#[derive(Debug, Clone)]
pub(crate) struct YamlNode {
    pub span: Span,
    pub value: Value,
}

/// The content of a node.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<YamlNode>),
    Mapping(Mapping),
}

/// The entries of a map in file order.
pub(crate) type Mapping = IndexMap<String, Entry>;

/// A value of a map, with the location of its key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: Span,
    pub node: YamlNode,
}

/// A scalar and its notation. The text is never normalized: `1.10` stays `1.10`.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub text: String,
    pub style: Style,
    /// If the string contains a value that must not be displayed: the notation in the file.
    pub written: Option<Arc<str>>,
    /// If the string contains a password: the same string with `***` instead of the password.
    pub masked: Option<Arc<str>>,
    /// The parts of `text` that are passwords, if `masked` is set; empty means all of it.
    pub secrets: Vec<Range<usize>>,
}

/// The notation of a scalar, which determines its type for untyped keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: may be null, a boolean or a number.
    Plain,
    /// Quoted, a block scalar, or text with variables: always a string.
    Text,
    /// Exactly one variable reference: an integer or a boolean if it has that form.
    Substituted,
    /// A reference that could not be resolved. It was reported already.
    Unresolved,
}

impl YamlNode {
    /// Null, at the start of the file.
    pub(crate) fn empty() -> Self {
        let span = Span { line: 1, column: 1, ..Span::default() };
        Self { span, value: Value::Scalar(Scalar::null()) }
    }

    /// The scalar, if it is one.
    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub(crate) fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub(crate) fn as_sequence(&self) -> Option<&[YamlNode]> {
        match &self.value {
            Value::Sequence(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// Whether it is `null`, `~` or empty.
    pub(crate) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(Scalar::is_null)
    }

    /// Whether it was reported already.
    pub(crate) fn is_unresolved(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.style == Style::Unresolved)
    }

    /// The value of `key`, if this is a map that has the key and the value is not null.
    pub(crate) fn get(&self, key: &str) -> Option<&YamlNode> {
        self.as_mapping().and_then(|mapping| field(mapping, key))
    }

    /// Calls `change` with the span of every value and key in it, including its own.
    pub(crate) fn for_each_span(&mut self, change: &mut impl FnMut(&mut Span)) {
        change(&mut self.span);
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => nodes.iter_mut().for_each(|node| node.for_each_span(change)),
            Value::Mapping(mapping) => {
                for entry in mapping.values_mut() {
                    change(&mut entry.key);
                    entry.node.for_each_span(change);
                }
            }
        }
    }

    /// Calls `change` with every scalar in it.
    pub(crate) fn for_each_scalar(&mut self, change: &mut impl FnMut(&mut Scalar)) {
        match &mut self.value {
            Value::Scalar(scalar) => change(scalar),
            Value::Sequence(nodes) => nodes.iter_mut().for_each(|node| node.for_each_scalar(change)),
            Value::Mapping(mapping) => {
                mapping.values_mut().for_each(|entry| entry.node.for_each_scalar(change));
            }
        }
    }

    /// The levels of nesting, 1 for a scalar.
    pub(crate) fn height(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::Sequence(nodes) => nodes.iter().map(YamlNode::height).max().unwrap_or(0),
            Value::Mapping(mapping) => mapping.values().map(|entry| entry.node.height()).max().unwrap_or(0),
        }
    }

    /// An estimate of its memory: its nodes, plus one for every 64 bytes of text.
    pub(crate) fn weight(&self) -> usize {
        match &self.value {
            Value::Scalar(scalar) => 1 + scalar.text.len() / 64,
            Value::Sequence(nodes) => 1 + nodes.iter().map(YamlNode::weight).sum::<usize>(),
            Value::Mapping(mapping) => {
                1 + mapping.iter().map(|(key, entry)| 1 + key.len() / 64 + entry.node.weight()).sum::<usize>()
            }
        }
    }

    /// The value as JSON. Texts that are not JSON numbers (`007`, `+5`) become strings.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::Sequence(nodes) => nodes.iter().map(YamlNode::to_json).collect(),
            Value::Mapping(mapping) => {
                Json::Object(mapping.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect())
            }
        }
    }
}

/// The value of `key`, if it exists and is not null.
pub(crate) fn field<'a>(mapping: &'a Mapping, key: &str) -> Option<&'a YamlNode> {
    mapping.get(key).map(|entry| &entry.node).filter(|node| !node.is_null())
}

impl Scalar {
    /// Null.
    pub(crate) fn null() -> Self {
        Self { text: String::new(), style: Style::Plain, written: None, masked: None, secrets: Vec::new() }
    }

    /// Whether it is `null`, `~` or empty, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Its value as a boolean. `yes` and `on` are accepted, as in YAML 1.1.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        if self.style == Style::Text {
            return None;
        }
        match self.text.as_str() {
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        }
    }

    /// Replaces a password with `***`.
    pub(crate) fn mask(&mut self) {
        if let Some(masked) = self.masked.take() {
            *self = Self { text: masked.to_string(), style: Style::Text, ..Self::null() };
        }
    }

    /// The text for a message: the notation in the file if the value must not be displayed.
    pub(crate) fn shown(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.text)
    }

    fn to_json(&self) -> Json {
        let text = || Json::String(self.text.clone());
        if self.is_null() {
            return Json::Null;
        }
        if !matches!(self.style, Style::Plain | Style::Substituted) {
            return text();
        }
        match self.text.as_str() {
            "true" | "True" | "TRUE" => return Json::Bool(true),
            "false" | "False" | "FALSE" => return Json::Bool(false),
            _ => {}
        }
        // Only numbers of the JSON grammar: no leading zeros, no `+`, no `1_000`.
        match serde_json::from_str::<serde_json::Number>(&self.text) {
            Ok(number) if self.style == Style::Plain || number.is_i64() || number.is_u64() => {
                Json::Number(number)
            }
            _ => text(),
        }
    }
}

/// Compares values like the `test` operation of a patch: maps without order, strings by their text.
impl PartialEq for YamlNode {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, style: Style, expected: Json) {
        let scalar = Scalar { text: text.to_owned(), style, ..Scalar::null() };
        assert_eq!(scalar.to_json(), expected, "{text} {style:?}");
    }

    #[test]
    fn scalar_keeps_strings_that_are_not_plain_numbers() {
        check("007", Style::Plain, json!("007"));
        check("+5", Style::Substituted, json!("+5"));
        check("1.10", Style::Substituted, json!("1.10"));
        check("1.5", Style::Plain, json!(1.5));
        check("8080", Style::Substituted, json!(8080));
        check("8080", Style::Text, json!("8080"));
        check("true", Style::Substituted, json!(true));
        check("yes", Style::Plain, json!("yes"));
        check("t", Style::Substituted, json!("t"));
        check("", Style::Plain, json!(null));
        check("", Style::Substituted, json!(""));
    }
}
