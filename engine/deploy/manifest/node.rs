//! A document as a tree that records the location of every key and value.

use indexmap::IndexMap;
use serde_json::Value as Json;

/// The maximum nesting of a document, after its aliases are expanded. Bounds every recursion.
pub(super) const MAX_DEPTH: usize = 128;

/// The code of syntax errors.
pub(super) const SYNTAX: &str = "deploy::invalid_yaml";

/// Bytes `start..end` of a manifest, and the line and column (both from 1) of `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub line: usize,
    pub column: usize,
}

/// A value and its location.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub span: Span,
    pub content: Content,
}

/// The content of a [`Node`].
#[derive(Debug, Clone)]
pub(super) enum Content {
    Scalar(Json),
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

/// The entries of a map in file order.
pub(super) type Mapping = IndexMap<String, Entry>;

/// A value of a map, with the location of its key.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: Span,
    /// Whether `<<` added it.
    pub is_merged: bool,
    pub node: Node,
}

/// One of the documents of a manifest.
#[derive(Debug)]
pub(super) struct ParsedDocument {
    /// Its number in the manifest, from 1; empty documents count.
    pub number: usize,
    pub node: Node,
}

/// Why a manifest cannot be read, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub span: Span,
    pub code: &'static str,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
    pub also: Option<(Span, String)>,
}

impl Fault {
    /// A syntax error with a message and the label of its location.
    pub(super) fn new(span: Span, message: impl Into<String>, label: impl Into<String>) -> Box<Self> {
        let (message, label) = (message.into(), label.into());
        Box::new(Self { span, code: SYNTAX, message, label, help: None, also: None })
    }

    /// The key `name` at `span` was already there at `first`.
    pub(super) fn duplicate_key(name: &str, first: Span, span: Span) -> Box<Self> {
        let mut fault = Self::new(span, format!("duplicate key `{name}`"), "again here");
        fault.code = "deploy::duplicate_key";
        fault.also = Some((first, "first here".to_owned()));
        fault.help("remove one of them")
    }

    /// The document at `span` has too many levels.
    pub(super) fn too_deep(span: Span) -> Box<Self> {
        Self::new(span, "the document is nested too deeply", format!("more than {MAX_DEPTH} levels"))
    }

    /// Adds a hint.
    pub(super) fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }
}

impl Node {
    /// The value, without locations.
    pub(super) fn into_json(self) -> Json {
        match self.content {
            Content::Scalar(value) => value,
            Content::Sequence(nodes) => nodes.into_iter().map(Node::into_json).collect(),
            Content::Mapping(mapping) => {
                Json::Object(mapping.into_iter().map(|(key, entry)| (key, entry.node.into_json())).collect())
            }
        }
    }

    /// The child `step`: a key, or the index of a list. With the location of its key, if it has one.
    pub(super) fn child(&self, step: &str) -> Option<(Span, &Node)> {
        match &self.content {
            Content::Scalar(_) => None,
            Content::Sequence(nodes) => nodes.get(step.parse::<usize>().ok()?).map(|node| (node.span, node)),
            Content::Mapping(mapping) => mapping.get(step).map(|entry| (entry.key, &entry.node)),
        }
    }
}
