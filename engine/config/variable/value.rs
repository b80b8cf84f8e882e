//! The value of a variable.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::provenance::Provenance;
use crate::config::node::{Node, Span, Style};

/// The value of a variable, or the result of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub text: String,
    /// The list or map it is, or null, where it is one of these; `text` is its JSON then.
    pub node: Option<Arc<Node>>,
    /// Whether a password is in it, so that it is never shown.
    pub is_password: bool,
    /// Which parts of `text` are passwords, where one is in it; none: all of it.
    pub secrets: Vec<Range<usize>>,
    /// Whether a value of `--var` is in it. It may be anything, so messages about the file leave it out.
    pub is_from_flag: bool,
    /// Where it came from.
    pub provenance: Provenance,
}

/// A place that refers to a variable.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub name: String,
    pub span: Span,
}

impl Resolved {
    /// A text that is no password.
    pub(super) fn new(text: impl Into<String>, provenance: Provenance) -> Self {
        let is_from_flag = provenance == Provenance::Flag;
        Self {
            text: text.into(),
            node: None,
            is_password: false,
            secrets: Vec::new(),
            is_from_flag,
            provenance,
        }
    }

    /// A list, a map or null whose references were filled in; `None` when one of them could not be.
    pub(super) fn structured(mut node: Node, provenance: Provenance) -> Option<Self> {
        let mut resolved = Self::new(String::new(), provenance);
        let mut is_broken = false;
        node.for_each_scalar(&mut |scalar| {
            is_broken |= scalar.style == Style::Unresolved;
            resolved.is_password |= scalar.masked.is_some();
            resolved.is_from_flag |= scalar.written.is_some();
        });
        resolved.text = node.to_json().to_string();
        resolved.node = Some(Arc::new(node));
        (!is_broken).then_some(resolved)
    }

    /// Takes over what must be known about a value that went into this one.
    pub(super) fn absorb(&mut self, part: &Self) {
        self.is_password |= part.is_password;
        self.is_from_flag |= part.is_from_flag;
    }

    /// Adds the text of `part`, and what must be known about it.
    pub(super) fn push(&mut self, part: &Self) {
        let start = self.text.len();
        self.text.push_str(&part.text);
        self.secrets.extend(part.secrets().iter().map(|range| range.start + start..range.end + start));
        self.absorb(part);
    }

    /// The parts of `text` that are passwords.
    pub(super) fn secrets(&self) -> Cow<'_, [Range<usize>]> {
        match (self.is_password, self.secrets.is_empty()) {
            (true, true) => std::iter::once(0..self.text.len()).collect::<Vec<_>>().into(),
            (true, false) => (&self.secrets).into(),
            (false, _) => Cow::default(),
        }
    }

    /// Whether messages about the file leave it out.
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_password || self.is_from_flag
    }
}
